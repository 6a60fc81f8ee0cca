# The test, demo, bench and fuzz commands.  Sourced by ./wahub.
# shellcheck shell=bash disable=SC2154


# -- node --------------------------------------------------------------------

node_version() {
    node -p 'process.versions.node.split(".")[0]' 2> /dev/null || echo 0
}


# Node 20 or later on the PATH.  Debian 12 has 18; the npm package "node"
# carries the program of any version.
need_node() {
    local dir=$root/build/node

    if [ -x "$dir/node_modules/node/bin/node" ]; then
        PATH=$dir/node_modules/node/bin:$PATH
    fi

    command -v npm > /dev/null || need_packages npm

    if [ "$(node_version)" -lt 20 ]; then
        echo "installing node 20 from the npm registry into build/node"
        mkdir -p "$dir"
        npm install --prefix "$dir" --no-audit --no-fund --no-save \
            --loglevel=error node@20 < /dev/null > "$dir/npm.log" 2>&1 ||
            fail "npm could not install node@20, see build/node/npm.log"
        PATH=$dir/node_modules/node/bin:$PATH
        hash -r
    fi

    [ "$(node_version)" -ge 20 ] || fail "node 20 is needed, found" \
        "$(node --version 2> /dev/null || echo none)"
}


# The packages of t/package-lock.json, in t/node_modules.
need_node_modules() {
    need_node

    [ t/node_modules/.package-lock.json -nt t/package-lock.json ] && return

    mkdir -p build
    echo "installing the npm packages of t/"
    (cd t && npm ci --ignore-scripts --no-audit --no-fund \
        --loglevel=error < /dev/null) > build/npm.log 2>&1 || {
        tail -n 5 build/npm.log >&2
        fail "npm ci failed in t/, see build/npm.log"
    }

    touch t/node_modules/.package-lock.json
}


# -- test --------------------------------------------------------------------

all_suites=(check unit asan replay valgrind e2e chaos e2e-asan)


# Each gate of `make check` counts as one test.
suite_check() {
    local gate p=0 f=0

    # The gates look at the glue with nginx's configured headers.
    make --no-print-directory module || return 1

    for gate in layers headers warnings size tokens architecture format; do
        if [ "$gate" = format ] && ! command -v clang-format > /dev/null; then
            echo "skip check format: clang-format is not installed"
        elif make --no-print-directory "check-$gate"; then
            p=$((p + 1))
        else
            echo "FAIL check $gate"
            f=$((f + 1))
        fi
    done

    echo "check $p $f" >> "$WAHUB_RESULTS"
}


suite_unit() {
    make --no-print-directory -j "$(nproc)" unit
}


suite_asan() {
    make --no-print-directory -j "$(nproc)" asan-unit
}


suite_replay() {
    make --no-print-directory -j "$(nproc)" fuzz-replay
}


suite_valgrind() {
    make --no-print-directory -j "$(nproc)" valgrind
}


suite_e2e() {
    make --no-print-directory module || return 1
    WAHUB_MODULE=$root/build/ngx_http_wahub_module.so \
        run_node e2e t/e2e/*.test.mjs
}


# The same tests against nginx with the module compiled in, under
# AddressSanitizer and UBSan; those that only look at the simulator or at
# this script, that measure time, or load a library before, stay out.
suite_e2e_asan() {
    local -a files
    local file

    make --no-print-directory asan || return 1

    for file in t/e2e/*.test.mjs; do
        case ${file##*/} in
            control* | script* | handover* | partition* | redis_leases* | \
                threads_end*) ;;
            *) files+=("$file") ;;
        esac
    done

    WAHUB_NGINX=$root/build/asan/nginx run_node e2e-asan "${files[@]}"
}


# A short run with a seed that is always the same; counts as one test more.
suite_chaos() {
    local rc p f

    make --no-print-directory module || return 1
    run_node chaos t/chaos/*.test.mjs || return 1
    chaos_run 1.5 regular
    rc=$?

    read -r _ p f < <(tail -n 1 "$WAHUB_RESULTS")
    sed -i '$d' "$WAHUB_RESULTS"
    echo "chaos $((p + (rc == 0))) $((f + (rc != 0)))" >> "$WAHUB_RESULTS"

    return "$rc"
}


# chaos_run MINUTES [SEED]
chaos_run() {
    WAHUB_MODULE=$root/build/ngx_http_wahub_module.so \
        node t/chaos/main.mjs "$@" < /dev/null
}


# run_node SUITE FILE...: node's test runner; its TAP tells the numbers.
run_node() {
    local suite=$1 tap rc p f c
    shift

    [ -e "$1" ] || { echo "$suite: no tests"; return 1; }
    tap=$(mktemp "${TMPDIR:-/tmp}/wahub-tap.XXXXXX")

    timeout -k 15 "${WAHUB_E2E_TIMEOUT:-2400}" \
        node --test --test-concurrency=1 \
        --test-timeout="${WAHUB_E2E_TEST_TIMEOUT:-300000}" \
        --test-reporter=spec --test-reporter-destination=stdout \
        --test-reporter=tap --test-reporter-destination="$tap" \
        "$@" < /dev/null
    rc=$?

    p=$(tap_count pass "$tap")
    f=$(tap_count fail "$tap")
    c=$(tap_count cancelled "$tap")
    rm -f "$tap"
    f=$((f + c))

    if [ "$rc" -eq 124 ] || [ "$rc" -eq 137 ]; then
        echo "$suite: no end after ${WAHUB_E2E_TIMEOUT:-2400} s"
    fi

    # A runner that died says nothing about what it did not run.
    [ "$rc" -eq 0 ] || [ "$f" -ne 0 ] || f=1
    [ "$p" -ne 0 ] || [ "$f" -ne 0 ] || f=1

    echo "$suite $p $f" >> "$WAHUB_RESULTS"
    [ "$f" -eq 0 ]
}


tap_count() {
    sed -n "s/^# $1 \([0-9][0-9]*\)\$/\1/p" "$2" | tail -n 1 | grep . ||
        echo 0
}


# The servers of the tests keep their files in memory where there is enough:
# they wait for every fsync, and a disk busy with something else is none of
# the faults under test.
memory_tmp() {
    local dir free

    free=$(df --output=avail /dev/shm 2> /dev/null | tail -n 1)

    if [ "${free:-0}" -lt $((4 << 20)) ] ||
        ! dir=$(mktemp -d /dev/shm/wahub-test.XXXXXX); then
        echo "less than 4 GiB in /dev/shm: tests use ${TMPDIR:-/tmp}"
        return
    fi

    # nginx's workers and PostgreSQL are other users
    chmod 755 "$dir"
    export TMPDIR=$dir
    trap 'rm -rf "$TMPDIR"' EXIT
}


cmd_test() {
    local suite before start rc=0
    local -a suites=("$@")

    [ $# -ne 0 ] || suites=("${all_suites[@]}")

    for suite in "${suites[@]}"; do
        declare -F "suite_${suite//-/_}" > /dev/null ||
            fail "test: no suite \"$suite\"; there are: ${all_suites[*]}"
    done

    need_packages "${packages_run[@]}" "${packages_build[@]}" \
        "${packages_test[@]}"

    case " ${suites[*]} " in
        *" e2e"* | *" chaos "*) need_node_modules ;;
    esac

    # The instances under test are told by the tests, not by our caller.
    unset PORT "${!WAHUB_@}"
    memory_tmp
    mkdir -p build
    export WAHUB_RESULTS=$root/build/test-results
    : > "$WAHUB_RESULTS"

    for suite in "${suites[@]}"; do
        echo
        echo "== $suite"
        before=$(wc -l < "$WAHUB_RESULTS")
        start=$SECONDS

        # A suite that could not even start has failed once.
        "suite_${suite//-/_}" || rc=1
        [ "$(wc -l < "$WAHUB_RESULTS")" -gt "$before" ] ||
            echo "$suite 0 1" >> "$WAHUB_RESULTS"
        echo "== $suite: $((SECONDS - start)) s"
    done

    echo
    awk '{ printf "%-10s %5d passed, %d failed\n", $1, $2, $3 }' \
        "$WAHUB_RESULTS"
    awk '{ p += $2; f += $3 }
         END { printf "%d passed, %d failed\n", p, f; exit f != 0 }' \
        "$WAHUB_RESULTS" && [ "$rc" -eq 0 ]
}


# -- demo --------------------------------------------------------------------

# The first free port from $1 on.
free_port() {
    local p

    for ((p = $1; p < $1 + 1000; p++)); do
        ! port_taken "$p" || continue
        echo "$p"
        return
    done

    fail "no free port from $1 on"
}


cmd_demo() {
    local sim_port sim_log sim teller seen

    [ $# -eq 0 ] || { usage >&2; exit 2; }
    export WAHUB_DATA=${WAHUB_DATA:-$root/var/demo}
    export PORT=${PORT:-$(free_port 8080)}
    settings

    need_packages "${packages_run[@]}" "${packages_build[@]}"
    need_node_modules

    ! nginx_pid > /dev/null || fail "a wahub already runs on $data;" \
        "WAHUB_DATA=$data ./wahub stop ends it"

    # The simulator starts with an empty world, so wahub has to.
    if [ "$data" = "$root/var/demo" ]; then
        rm -rf "$data"
    elif [ -e "$data/secret.key" ]; then
        fail "demo: WAHUB_DATA=$data is in use, give a new directory"
    fi

    prepare_data
    sim_port=$(free_port 18080)
    sim_log=$(mktemp "${TMPDIR:-/tmp}/wahub-sim.XXXXXX")
    sim=
    teller=
    trap demo_end EXIT
    trap 'exec > /dev/null 2>&1; exit 0' INT TERM HUP PIPE

    node t/sim/main.mjs --port "$sim_port" --media --auto-scan --chatty \
        --wahub-url "http://127.0.0.1:$PORT" \
        --wahub-key-file "$data/api.key" > "$sim_log" 2>&1 &
    sim=$!

    WAHUB_NOISE_ROOT_KEY=$(demo_root_key "$sim_log" "$sim") || {
        cat "$sim_log" >&2
        fail "the simulator does not start"
    }

    WAHUB_ENDPOINT=$(sed -n 's/.* simulated WhatsApp at //p' "$sim_log")
    WAHUB_MEDIA_HOST=$(sed -n 's/.* media servers at //p' "$sim_log")
    WAHUB_TRUSTED_CERTIFICATE=$(sed -n 's/.* media certificate //p' \
        "$sim_log")
    export WAHUB_NOISE_ROOT_KEY WAHUB_ENDPOINT
    export WAHUB_MEDIA_HOST WAHUB_TRUSTED_CERTIFICATE
    export WAHUB_WEBHOOK_ALLOW=127.0.0.0/8
    "$root/wahub" run > "$sim_log.run" ||
        { cat "$sim_log.run" >&2; exit 1; }

    echo "wahub runs at http://127.0.0.1:$PORT (key in $data/api.key)"
    echo "against a simulated WhatsApp; ctrl-C ends and removes both"

    # Until wahub was up the simulator could not reach it; no news.
    seen=$(wc -l < "$sim_log")
    head -n "$seen" "$sim_log" | grep -v 'cannot ask wahub'

    node tools/demo.mjs "$data/redis.sock" "http://127.0.0.1:$PORT" \
        "$data/api.key" &
    teller=$!
    demo_account

    # A signal ends `wait` at once, and only then its trap runs.
    tail -n "+$((seen + 1))" -f "$sim_log" --pid="$sim" &
    wait $!
}


# The simulator says where it is, then "root key HEX".
demo_root_key() {
    local i key

    for ((i = 0; i < 200; i++)); do
        key=$(sed -n 's/.*root key:* *\([0-9a-f]\{64\}\).*/\1/p' "$1" |
            head -n 1)

        if [ -n "$key" ]; then
            echo "$key"
            return 0
        fi

        [ -d "/proc/$2" ] || return 1
        sleep 0.05
    done

    return 1
}


# One account; the simulated phone finds its QR by itself.
demo_account() {
    curl -s -f --noproxy '*' -o /dev/null \
        -H "X-Api-Key: $(cat "$data/api.key")" \
        -H 'Content-Type: application/json' \
        -d '{"name":"Demo phone","session_id":"demo"}' \
        "http://127.0.0.1:$PORT/api/accounts" ||
        fail "the demo account could not be made"
}


demo_end() {
    trap '' INT TERM HUP PIPE
    # Who listened may be gone.
    "$root/wahub" stop > /dev/null 2>&1 || true

    # They may have ended by themselves.
    [ -z "$teller" ] || kill "$teller" 2> /dev/null || true
    [ -z "$sim" ] || kill "$sim" 2> /dev/null || true
    rm -f "$sim_log" "$sim_log.run"

    # Made for the demo only; a data directory of the caller stays.
    [ "$data" != "$root/var/demo" ] || rm -rf "$data"
}


# -- chaos -------------------------------------------------------------------

cmd_chaos() {
    [ $# -le 2 ] || fail "chaos: [MINUTES [SEED]]"
    [[ ${1:-5} =~ ^[0-9]{1,4}(\.[0-9]+)?$ ]] ||
        fail "chaos: MINUTES=$1 is not a number"

    need_packages "${packages_run[@]}" "${packages_build[@]}"
    need_node_modules
    make --no-print-directory module || exit 1
    unset PORT "${!WAHUB_@}"
    chaos_run "${1:-5}" ${2:+"$2"}
}


# -- bench and fuzz ----------------------------------------------------------

cmd_bench() {
    need_packages "${packages_run[@]}" "${packages_build[@]}" \
        "${packages_bench[@]}"
    need_node_modules
    make --no-print-directory module || exit 1
    unset PORT "${!WAHUB_@}"
    WAHUB_MODULE=$root/build/ngx_http_wahub_module.so \
        node --expose-gc t/bench/main.mjs "$@"
}


# Two targets at a time on two cores; each gets its share of the time.
cmd_fuzz() {
    local total=${1:-60} jobs share
    local -a targets

    check_number SECONDS "$total" 1 864000
    need_packages "${packages_build[@]}" "${packages_fuzz[@]}"
    make --no-print-directory -j "$(nproc)" fuzz || exit 1

    targets=(t/fuzz/fuzz_*.c)
    targets=("${targets[@]##*/fuzz_}")
    targets=("${targets[@]%.c}")
    jobs=$(nproc)
    share=$((total * jobs / ${#targets[@]}))
    [ "$share" -ge 1 ] || share=1

    printf '%s\n' "${targets[@]}" |
        xargs -n 1 -P "$jobs" tools/run-fuzz.sh "$share"
}
