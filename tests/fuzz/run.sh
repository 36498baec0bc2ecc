#!/usr/bin/env bash
# Fuzzes every reader for some seconds, each from a temporary copy of its seeds, and fails on any
# crash, leak, time-out or sanitizer report.
#
#   cmake --preset fuzz && cmake --build build/fuzz --target fuzzers
#   tests/fuzz/run.sh SECONDS [BUILD_FOLDER [READER ...]]
set -euo pipefail

if [[ $# -lt 1 || ! $1 =~ ^[1-9][0-9]*$ ]]; then
    echo "usage: $0 SECONDS [BUILD_FOLDER [READER ...]]" >&2
    exit 2
fi
seconds=$1
here=$(cd "$(dirname "$0")" && pwd)
build=${2:-$here/../../build/fuzz}
readers=("${@:3}")
if [[ ${#readers[@]} -eq 0 ]]; then
    readers=(safetensors npy json config ratios tokens tokenizer options)
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

failed=0
total=0
for reader in "${readers[@]}"; do
    fuzzer=$build/tests/fuzz/fuzz_$reader
    if [[ ! -x $fuzzer ]]; then
        echo "$fuzzer is missing: cmake --build $build --target fuzzers" >&2
        exit 2
    fi
    cp -r "$here/corpus/$reader" "$work/$reader"
    options=()
    if [[ -f $here/$reader.dict ]]; then
        options+=("-dict=$here/$reader.dict")
    fi
    echo "== $reader: $seconds s"
    if "$fuzzer" "$work/$reader" "${options[@]}" -max_total_time="$seconds" \
        -max_len=16384 -timeout=5 -rss_limit_mb=1024 -print_final_stats=1 \
        -artifact_prefix="$build/tests/fuzz/$reader-" >"$work/log" 2>&1; then
        grep -E '^stat::(number_of_executed_units|average_exec_per_sec|peak_rss_mb)' "$work/log"
        total=$((total + $(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log")))
    else
        tail -n 60 "$work/log"
        echo "fuzz_$reader failed; the input that did it: $build/tests/fuzz/$reader-*" >&2
        failed=1
    fi
done
echo "executions in all: $total"
exit "$failed"
