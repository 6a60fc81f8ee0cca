# Debian packages: what is missing, and installing it without starting or
# enabling services.  Sourced by ./wahub; expects fail() and $root.
# shellcheck shell=bash disable=SC2034,SC2154

packages_run=(nginx redis-server curl ca-certificates)

packages_build=(gcc libc6-dev make nginx-dev protobuf-c-compiler
    libprotobuf-c-dev libsignal-protocol-c-dev libhiredis-dev
    libcurl4-openssl-dev libwslay-dev libsodium-dev libssl-dev libjansson-dev
    libqrencode-dev libpng-dev libjpeg-dev libwebp-dev libopusfile-dev libmagic-dev libxml2-dev
    zlib1g-dev
    libsqlite3-dev libpq-dev)

packages_test=(libcmocka-dev valgrind dpkg-dev openssl procps iproute2 postgresql)

packages_bench=(libcmocka-dev postgresql)

packages_fuzz=(clang libclang-rt-14-dev)


# Prints those of its arguments that are not installed.
packages_missing() {
    local name

    for name in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2> /dev/null)" \
            = installed ] || echo "$name"
    done
}


# Runs a command as root, with sudo when we are not.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}


# Keeps maintainer scripts from starting services: they ask this file first.
# A policy that was there before comes back, whatever happens in between.
services_hold() {
    if [ -e /usr/sbin/policy-rc.d ]; then
        as_root mv /usr/sbin/policy-rc.d /usr/sbin/policy-rc.d.wahub
    fi

    printf '#!/bin/sh\nexit 101\n' |
        as_root tee /usr/sbin/policy-rc.d > /dev/null
    as_root chmod 755 /usr/sbin/policy-rc.d
}


services_release() {
    as_root rm -f /usr/sbin/policy-rc.d

    if [ -e /usr/sbin/policy-rc.d.wahub ]; then
        as_root mv /usr/sbin/policy-rc.d.wahub /usr/sbin/policy-rc.d
    fi
}


# The tests make clusters of their own: the package is not to make one.
clusters_hold() {
    local conf=/etc/postgresql-common/createcluster.conf

    [ ! -e "$conf" ] || return 0
    as_root mkdir -p "${conf%/*}"
    echo 'create_main_cluster = false' | as_root tee "$conf" > /dev/null
}


# Turns off the boot entries of services that came with packages we put there.
services_disable() {
    local name

    for name in "$@"; do
        case $name in
            nginx | redis-server | postgresql)
                as_root update-rc.d "$name" disable > /dev/null 2>&1 || true

                if command -v systemctl > /dev/null; then
                    as_root systemctl --no-reload disable "$name" \
                        > /dev/null 2>&1 || true
                fi
                ;;
        esac
    done
}


# Sets out what `apt-get install` needs and runs it.  In a subshell, so that
# the traps are its own: they restore the services policy on every way out.
packages_install() (
    local log=$root/build/apt.log
    local -a apt=(env DEBIAN_FRONTEND=noninteractive apt-get -y -q
                  -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)

    mkdir -p "$root/build"
    exec 8> "$root/build/.apt.lock"
    flock 8

    trap services_release EXIT
    trap 'exit 130' INT TERM HUP
    services_hold

    case " $* " in
        *" postgresql "*) clusters_hold ;;
    esac

    as_root "${apt[@]}" update < /dev/null > "$log" 2>&1

    if ! as_root "${apt[@]}" install --no-install-recommends "$@" \
        < /dev/null >> "$log" 2>&1
    then
        services_disable "$@"
        grep -E '^E:' "$log" | head -n 5 >&2
        return 1
    fi

    services_disable "$@"
)


# need_packages NAME...: installs what is missing.
need_packages() {
    local -a missing

    command -v dpkg-query > /dev/null ||
        fail "this needs Debian (dpkg is not there)"

    mapfile -t missing < <(packages_missing "$@" | sort -u)
    [ ${#missing[@]} -eq 0 ] && return

    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo > /dev/null || fail "missing packages and no sudo;" \
            "run as root: apt-get install ${missing[*]}"

        if [ ! -t 0 ] && ! sudo -n true 2> /dev/null; then
            fail "missing packages and sudo asks for a password;" \
                "run as root: apt-get install ${missing[*]}"
        fi
    fi

    echo "installing ${missing[*]}"
    packages_install "${missing[@]}" ||
        fail "apt-get could not install ${missing[*]}; see build/apt.log"
}
