# Finding another server of the same cluster.  Sourced by ./wahub.
# shellcheck shell=bash disable=SC2154


# Servers on one Redis must share the history database, too: prints that of
# the server mate_key() finds.
mate_store() {
    local key store

    key=$(mate_key) || return 1
    store=$(sed -n 's/^ *wahub_store  *\([^;]*\);.*/\1/p' \
        "${key%/*}/nginx.conf" 2> /dev/null | head -n 1)
    [ -n "$store" ] && echo "$store"
}


# Servers on one Redis must share the secret key.  Prints that of another
# server of this machine that uses the Redis in WAHUB_REDIS, if there is one
# and its key can be read.
mate_key() {
    local cmdline other key

    [ -n "${WAHUB_REDIS:-}" ] || return 1
    key=${redis_url%% *}
    key=${key#unix:}
    key=${key%/*}
    key=${key%/redis}/secret.key

    if [ "$redis_url" != "${redis_url#unix:}" ] && [ -r "$key" ]; then
        echo "$key"
        return 0
    fi

    for cmdline in /proc/[0-9]*/cmdline; do
        other=$(tr '\0' ' ' 2> /dev/null < "$cmdline" |
            sed -n 's|^nginx: master process .* -c \([^ ]*\)/nginx\.conf.*|\1|p')

        if [ -n "$other" ] && [ -r "$other/secret.key" ] \
            && grep -qE "^ *wahub_redis +" "$other/nginx.conf" \
            && grep -qF " $redis_url;" "$other/nginx.conf"
        then
            echo "$other/secret.key"
            return 0
        fi
    done

    return 1
}
