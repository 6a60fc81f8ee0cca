#!/bin/bash
# run-fuzz.sh SECONDS TARGET: one fuzz target with its committed corpus.  New
# inputs go to build/fuzz/corpus, findings to build/fuzz/findings.

set -u

seconds=$1
target=$2
build=${BUILD:-build}
new=$build/fuzz/corpus/$target
found=$build/fuzz/findings
log=$build/fuzz/$target.log

mkdir -p "$new" "$found" "t/fuzz/corpus/$target"

ASAN_OPTIONS=detect_leaks=1 "$build/fuzz/fuzz_$target" \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
    -artifact_prefix="$found/$target-" -print_final_stats=1 \
    "$new" "t/fuzz/corpus/$target" > "$log" 2>&1
rc=$?

runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
echo "$target: ${runs:-0} runs, ${rate:-0}/s, exit $rc"

if [ "$rc" -ne 0 ]; then
    grep -E 'ERROR|SUMMARY|runtime error|Test unit written' "$log"
    echo "$target: see $log"
    exit 1
fi
