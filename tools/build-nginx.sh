#!/bin/bash
# Builds against nginx, outside the source tree:
#
#   build-nginx.sh module   $BUILD/ngx_http_wahub_module.so
#   build-nginx.sh asan     $BUILD/asan/nginx: nginx with the module inside,
#                           AddressSanitizer and UBSan
#
# BUILD    output folder (default build)
# NGX_SRC  unpacked nginx source tree (release archive or checkout).  Without
#          it: Debian's nginx-dev for the module, Debian's nginx source
#          package, fetched with apt, for asan.
# JOBS     parallel compilers
#
# nginx's configure runs only when something it looks at has changed.

set -eu -o pipefail

cd "$(dirname "$0")/.."

root=$PWD
build=$(realpath -m "${BUILD:-build}")
jobs=${JOBS:-$(nproc)}
debian_src=/usr/share/nginx/src

fail() {
    echo "build: $*" >&2
    exit 1
}


# A folder of links to SRC: configure writes a Makefile where it stands, and
# NGX_SRC is not ours to write to.
link_tree() {
    local src=$1 dir=$2 f

    rm -rf "$dir"
    mkdir -p "$dir"

    for f in "$src"/*; do
        [ "${f##*/}" = Makefile ] || ln -s "$f" "$dir/"
    done
}


# Runs configure in TREE with OBJ as build folder unless the inputs are those
# of the last run.
configure() {
    local tree=$1 obj=$2 inputs conf=./configure
    shift 2

    [ -x "$tree/configure" ] || conf=auto/configure
    [ -e "$tree/$conf" ] || fail "$tree is not an nginx source tree"

    inputs=$(
        printf '%s\n' "$tree" "$@"
        cat "$tree/src/core/nginx.h" config wahub.map
        ls proto/*.[ch] core/*.[ch] ngx_wahub/*.[ch]
        cat proto/schema/*.proto
    )

    if [ -f "$obj/Makefile" ] && [ -f "$obj/inputs" ] \
        && [ "$inputs" = "$(cat "$obj/inputs")" ]
    then
        return
    fi

    mkdir -p "$obj"
    rm -f "$obj/inputs"
    echo "  CONF    nginx in $tree"

    if ! (cd "$tree" && "$conf" "$@") > "$obj/configure.log" 2>&1; then
        tail -n 25 "$obj/configure.log" >&2
        fail "nginx configure failed, see $obj/configure.log"
    fi

    printf '%s\n' "$inputs" > "$obj/inputs"
}


run_make() {
    local tree=$1 obj=$2 target=$3

    if ! make -s -j "$jobs" -C "$tree" -f "$obj/Makefile" "$target" \
        > "$obj/make.log" 2>&1
    then
        grep -n -m 60 -E 'error|warning|undefined|note:|Error' \
            "$obj/make.log" >&2 || tail -n 40 "$obj/make.log" >&2
        fail "compiling failed, see $obj/make.log"
    fi
}


# The running nginx has the old file mapped: put the new one beside it and
# rename.
install_file() {
    cmp -s "$1" "$2" && return 0
    cp "$1" "$2.new"
    mv -f "$2.new" "$2"
}


# A function that nobody defines is found by the linker only when nginx loads
# the module; find it here.  Only nginx's own symbols may stay open.
check_symbols() {
    local open

    open=$(ldd -r "$1" 2>&1 | awk '/^undefined symbol: / {
        if ($3 !~ /^ngx_/ || $3 ~ /^ngx_http_wahub/) print $3 }')

    if [ -n "$open" ]; then
        rm -f "$1"
        fail "undefined in the module: ${open//$'\n'/ }"
    fi
}


build_module() {
    local obj=$build/ngx tree=$debian_src
    local flags=(--with-compat --with-threads --with-http_ssl_module
                 --with-http_v2_module)
    local NGX_CONF_FLAGS=()

    if [ -n "${NGX_SRC:-}" ]; then
        obj=$build/ngx-src
        tree=$obj/tree
        mkdir -p "$obj"
        [ -d "$NGX_SRC" ] || fail "NGX_SRC=$NGX_SRC: no such folder"
        link_tree "$(realpath "$NGX_SRC")" "$tree"

    else
        [ -d "$tree" ] || fail "install nginx-dev or set NGX_SRC"
        # shellcheck disable=SC1091
        . "$tree/conf_flags"
        flags=("${NGX_CONF_FLAGS[@]}")
    fi

    configure "$tree" "$obj" "${flags[@]}" \
        --with-cc-opt="-g -O2 -fPIC -fstack-protector-strong -D_FORTIFY_SOURCE=2" \
        --with-ld-opt="-fPIC -Wl,-z,relro -Wl,-z,now" \
        --add-dynamic-module="$root" --builddir="$obj"

    run_make "$tree" "$obj" modules
    check_symbols "$obj/ngx_http_wahub_module.so"
    install_file "$obj/ngx_http_wahub_module.so" \
        "$build/ngx_http_wahub_module.so"
    echo "  MODULE  ${BUILD:-build}/ngx_http_wahub_module.so"
}


# Debian's nginx source, of the installed version when the archive still has
# it, otherwise the newest that can be fetched (an archive in the middle of an
# update lists what it does not have yet).  apt works on lists and caches of
# its own: /etc and /var stay untouched.
fetch_debian_source() {
    local dir=$1 work=$1/apt version line
    local -a opts

    [ -x "$dir/nginx/configure" ] && return
    command -v dpkg-source > /dev/null || fail "install dpkg-dev or set NGX_SRC"

    mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
    apt-cache policy nginx |
        awk '$1 ~ /^[0-9]+$/ && $2 ~ /^[a-z]+:/ {
                 split($3, p, "/"); print $2, p[1] }' | sort -u |
        while read -r line; do
            echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $line main"
        done > "$work/sources.list"

    opts=(-qq -o "Dir::Etc::SourceList=$work/sources.list"
          -o Dir::Etc::SourceParts=- -o "Dir::State::Lists=$work/lists"
          -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=
          -o Acquire::Retries=3)
    apt-get "${opts[@]}" update > "$work/log" 2>&1 \
        || fail "apt-get update of source lists failed, see $work/log"

    version=$(dpkg-query -W -f '${Version}' nginx 2> /dev/null || true)
    rm -rf "$work/src"
    mkdir -p "$work/src"

    for version in "$version" $(
        apt-cache "${opts[@]}" showsrc --only-source nginx |
            sed -n 's/^Version: //p' | sort -ruV
    ); do
        (cd "$work/src" && apt-get "${opts[@]}" source "nginx=$version") \
            >> "$work/log" 2>&1 && break
    done

    compgen -G "$work/src/nginx-*/configure" > /dev/null ||
        fail "apt-get source nginx failed, see $work/log"

    rm -rf "$dir/nginx"
    mv "$work"/src/nginx-*/ "$dir/nginx"
    rm -rf "$work/cache" "$work/lists"
}


build_asan() {
    local obj=$build/asan/obj tree=$build/asan/tree src=${NGX_SRC:-}
    local san='-fsanitize=address,undefined'

    # nginx's own core passes null pointers with length 0 to memcpy.
    local cc="$san -fno-sanitize=nonnull-attribute,pointer-overflow,alignment \
-fno-sanitize-recover=undefined"

    mkdir -p "$obj"

    if [ -z "$src" ]; then
        fetch_debian_source "$build/asan/src"
        src=$build/asan/src/nginx
    fi

    link_tree "$(realpath "$src")" "$tree"
    "${CC:-cc}" -g -O1 -Wall -Werror -c -o "$build/asan/defaults.o" \
        t/asan/defaults.c
    [ t/asan/defaults.c -ot "$obj/nginx" ] || rm -f "$obj/nginx"

    # NGX_DEBUG_PALLOC makes every pool allocation a malloc, so that an
    # overrun of a pool block is seen.
    configure "$tree" "$obj" \
        --with-compat --with-debug --with-threads --with-http_ssl_module \
        --with-http_v2_module --with-http_auth_request_module \
        --with-http_realip_module --with-http_stub_status_module \
        --prefix="$build/asan" --error-log-path=stderr \
        --with-cc-opt="-g -O1 -fno-omit-frame-pointer $cc \
-DNGX_DEBUG_PALLOC=1" \
        --with-ld-opt="$san $build/asan/defaults.o" \
        --add-module="$root" --builddir="$obj"

    run_make "$tree" "$obj" build
    install_file "$obj/nginx" "$build/asan/nginx"
    echo "  ASAN    ${BUILD:-build}/asan/nginx"
}


case $root$build in
    *[[:space:]]*) fail "nginx cannot be built below a path with spaces" ;;
esac

mkdir -p "$build"
exec 9> "$build/.nginx.lock"
flock 9

case ${1:-} in
    module) build_module ;;
    asan)   build_asan ;;
    *)      fail "usage: build-nginx.sh module|asan" ;;
esac
