#!/bin/bash
# Runs cmocka test binaries one by one and adds up their tests.
#
#   run-unit.sh SUITE BINARY...
#
# WAHUB_UNIT_WRAP     command put before each binary (valgrind)
# WAHUB_UNIT_TIMEOUT  seconds one binary may take (default 120)
#
# A binary that dies, hangs or reports an error counts as one failed test
# more than cmocka itself reported, so that a crash is never invisible.

set -u

suite=$1
shift

limit=${WAHUB_UNIT_TIMEOUT:-120}
read -r -a wrap <<< "${WAHUB_UNIT_WRAP:-}"
passed=0
failed=0
log=$(mktemp "${TMPDIR:-/tmp}/wahub-unit.XXXXXX")
trap 'rm -f "$log"' EXIT

# cmocka prints "[  PASSED  ] 12 test(s)." and "[  FAILED  ] 1 test(s), ...".
count() {
    sed -n "s/^\[  $1  \] \([0-9][0-9]*\) test(s).*/\1/p" "$log" |
        awk '{ n += $1 } END { print n + 0 }'
}

# What was left out, and why: cmocka prints a test's messages before its end.
skipped() {
    awk -v "name=$1" '
        /^\[ RUN/ { why = ""; next }
        /^\[  SKIPPED \]/ && $4 ~ /^[a-z]/ && !($4 in seen) {
            seen[$4] = 1; print "skip " name " " $4 ": " why }
        !/^\[/ { why = $0 }' "$log"
}

for bin in "$@"; do
    name=${bin##*/}
    timeout -k 5 "$limit" "${wrap[@]}" "$bin" > "$log" 2>&1
    rc=$?
    p=$(count PASSED)
    f=$(count FAILED)

    if [ "$rc" -ne 0 ] && [ "$f" -eq 0 ]; then
        f=1
    fi

    if [ "$p" -eq 0 ] && [ "$f" -eq 0 ]; then
        echo "$name: ran no test"
        f=1
    fi

    if [ "$f" -ne 0 ]; then
        grep -v '^\[       OK \]\|^\[ RUN' "$log" | tail -n 200
        [ "$rc" -eq 124 ] && echo "$name: no end after ${limit} s"
        echo "FAIL $suite $name (exit $rc): $p passed, $f failed"
    else
        echo "ok   $suite $name: $p passed"
        skipped "$name"
    fi

    passed=$((passed + p))
    failed=$((failed + f))
done

if [ $# -eq 0 ]; then
    echo "$suite: no test binaries"
    failed=1
fi

if [ -n "${WAHUB_RESULTS:-}" ]; then
    echo "$suite $passed $failed" >> "$WAHUB_RESULTS"
fi

echo "$suite: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
