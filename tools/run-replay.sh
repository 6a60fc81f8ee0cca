#!/bin/bash
# run-replay.sh BINARY...: feeds each replay binary (replay_TARGET) the inputs
# of t/fuzz/corpus/TARGET.  Every input is one test.

set -u

passed=0
failed=0

for bin in "$@"; do
    target=${bin##*/replay_}
    files=(t/fuzz/corpus/"$target"/*)

    if [ ! -e "${files[0]}" ]; then
        echo "FAIL replay $target: no corpus in t/fuzz/corpus/$target"
        failed=$((failed + 1))
        continue
    fi

    # All at once is fast; one by one only to name the input that failed.
    if timeout -k 5 300 "$bin" "${files[@]}" > /dev/null 2>&1; then
        echo "ok   replay $target: ${#files[@]} inputs"
        passed=$((passed + ${#files[@]}))
        continue
    fi

    for file in "${files[@]}"; do
        if out=$(timeout -k 5 30 "$bin" "$file" 2>&1); then
            passed=$((passed + 1))
        else
            printf '%s\n' "$out" | tail -n 40
            echo "FAIL replay $target: $file"
            failed=$((failed + 1))
        fi
    done
done

if [ $# -eq 0 ]; then
    echo "replay: no fuzz targets"
    failed=1
fi

if [ -n "${WAHUB_RESULTS:-}" ]; then
    echo "replay $passed $failed" >> "$WAHUB_RESULTS"
fi

echo "replay: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
