#!/usr/bin/env bash
# Fuzzes every format's reader for some seconds, each from a temporary copy of its seeds, and fails
# on any crash, leak, time-out or sanitizer report.
#
#   cmake --preset fuzz && cmake --build build/fuzz --target fuzzers
#   tests/fuzz/run.sh SECONDS [BUILD_FOLDER]
set -euo pipefail

if [[ $# -lt 1 || ! $1 =~ ^[1-9][0-9]*$ ]]; then
    echo "usage: $0 SECONDS [BUILD_FOLDER]" >&2
    exit 2
fi
seconds=$1
here=$(cd "$(dirname "$0")" && pwd)
build=${2:-$here/../../build/fuzz}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

failed=0
for format in safetensors npy json; do
    fuzzer=$build/tests/fuzz/fuzz_$format
    if [[ ! -x $fuzzer ]]; then
        echo "$fuzzer is missing: cmake --build $build --target fuzzers" >&2
        exit 2
    fi
    cp -r "$here/corpus/$format" "$work/$format"
    echo "== $format: $seconds s"
    if "$fuzzer" "$work/$format" -dict="$here/$format.dict" -max_total_time="$seconds" \
        -max_len=4096 -timeout=5 -rss_limit_mb=1024 -print_final_stats=1 \
        -artifact_prefix="$build/tests/fuzz/$format-" >"$work/log" 2>&1; then
        grep -E '^stat::(number_of_executed_units|average_exec_per_sec|peak_rss_mb)' "$work/log"
    else
        tail -n 60 "$work/log"
        echo "fuzz_$format failed; the input that did it: $build/tests/fuzz/$format-*" >&2
        failed=1
    fi
done
exit "$failed"
