/*
 * Runs a fuzz target over files and directories of inputs, without a fuzzer:
 * findings stay regression tests on every build.
 *
 *     replay_node t/fuzz/corpus/node
 */

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

#include "fuzz.h"


/* Prints what failed and ends: a missing input must not pass as a success. */
static void
replay_die(const char *path)
{
    fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
    exit(2);
}


static void
replay_file(const char *path)
{
    FILE      *f;
    long       n;
    uint8_t   *data;

    f = fopen(path, "rb");

    if (f == NULL || fseek(f, 0, SEEK_END) != 0) {
        replay_die(path);
    }

    n = ftell(f);

    if (n < 0 || fseek(f, 0, SEEK_SET) != 0) {
        replay_die(path);
    }

    data = malloc((size_t) n + 1);

    if (data == NULL || fread(data, 1, (size_t) n, f) != (size_t) n) {
        replay_die(path);
    }

    fclose(f);

    LLVMFuzzerTestOneInput(data, (size_t) n);

    free(data);
}


static size_t
replay_path(const char *path)
{
    DIR            *dir;
    char            name[PATH_MAX];
    size_t          n;
    struct stat     st;
    struct dirent  *entry;

    if (stat(path, &st) != 0) {
        replay_die(path);
    }

    if (!S_ISDIR(st.st_mode)) {
        replay_file(path);
        return 1;
    }

    dir = opendir(path);
    if (dir == NULL) {
        replay_die(path);
    }

    n = 0;

    while ((entry = readdir(dir)) != NULL) {

        if (entry->d_name[0] == '.') {
            continue;
        }

        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        n += replay_path(name);
    }

    closedir(dir);

    return n;
}


int
main(int argc, char **argv)
{
    int     i;
    size_t  n;

    n = 0;

    for (i = 1; i < argc; i++) {
        n += replay_path(argv[i]);
    }

    printf("%s: %zu inputs\n", argv[0], n);

    return n != 0 ? 0 : 2;
}
