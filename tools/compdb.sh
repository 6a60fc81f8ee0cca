#!/bin/bash
# compdb.sh: prints compile_commands.json for all C sources.  BUILD, CC and
# LIB_FLAGS come from the Makefile.

set -u

build=${BUILD:-build}
src=/usr/share/nginx/src/src
first=1
glue="-std=gnu11 -g -O2 -Wall -Wextra -Wno-unused-parameter -I$src/core \
-I$src/event -I$src/event/modules -I$src/os/unix -I$src/http \
-I$src/http/modules -I$src/http/v2 -I$build/ngx -Iproto -Icore -Ingx_wahub \
-I$build/gen"

entry() {
    [ "$first" -eq 1 ] || echo ,
    first=0
    printf '{"directory":"%s","file":"%s","command":"%s %s -c %s"}' \
        "$PWD" "$1" "${CC:-cc}" "${2//\"/\\\"}" "$1"
}

shopt -s nullglob

echo '['

for file in proto/*.c core/*.c; do
    entry "$file" "$LIB_FLAGS"
done

for file in t/unit/*.c t/fuzz/*.c; do
    entry "$file" "$LIB_FLAGS -It/unit -DWAHUB_VECTORS_DIR=\\\"$PWD/t/vectors\\\""
done

for file in ngx_wahub/*.c; do
    entry "$file" "$glue"
done

printf '\n]\n'
