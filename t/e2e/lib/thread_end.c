/*
 * Loaded into nginx: threads take DELAY to end, and a process that exits
 * tells on stderr how many threads it still has besides the one that exits.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


#define DELAY  300000           /* us */


typedef int (*create_pt)(pthread_t *, const pthread_attr_t *,
    void *(*)(void *), void *);

typedef struct {
    void  *(*run)(void *);
    void    *arg;
} start_t;


static pthread_key_t  key;


/* Keys end in their order: this is the first. */
static void
ends(void *value)
{
    (void) value;

    usleep(DELAY);
}


static void *
begins(void *data)
{
    start_t  start;

    memcpy(&start, data, sizeof(start));
    free(data);

    return pthread_setspecific(key, &key) == 0 ? start.run(start.arg) : NULL;
}


int
pthread_create(pthread_t *thread, const pthread_attr_t *attr,
    void *(*run)(void *), void *arg)
{
    void       *symbol;
    start_t    *start;
    create_pt   create;

    symbol = dlsym(RTLD_NEXT, "pthread_create");
    start = malloc(sizeof(start_t));

    if (symbol == NULL || start == NULL) {
        free(start);
        return EAGAIN;
    }

    memcpy(&create, &symbol, sizeof(create));
    start->run = run;
    start->arg = arg;

    return create(thread, attr, begins, start);
}


static void
leave(void)
{
    int             n = 0;
    DIR            *dir;
    struct dirent  *entry;

    dir = opendir("/proc/self/task");

    if (dir == NULL) {
        return;
    }

    while ((entry = readdir(dir)) != NULL) {
        n += (entry->d_name[0] != '.');
    }

    dprintf(STDERR_FILENO, "exit of %d with %d threads more\n",
            (int) getpid(), n - 1);
}


__attribute__((constructor)) static void
load(void)
{
    if (pthread_key_create(&key, ends) != 0
        || (strcmp(program_invocation_short_name, "nginx") == 0
            && atexit(leave) != 0))
    {
        abort();
    }
}
