#!/usr/bin/env bash
# Fuzzes the readers of files from outside, every fuzz_*.cpp here: safetensors headers, tensors in them
# that are stored as masks and values, npy arrays, JSON, config.json with the shard index, token files,
# both kinds of tokenizers, ratio files and metric caches, options with their --config file,
# report.json, the journal of an unfinished run, checkpoint.h5.
# Each starts from a temporary copy of its seeds in corpus/ and runs for so many seconds; as many at
# a time as there are processors, or FUZZ_AT_ONCE. Any crash, leak, time-out or sanitizer report is
# a failure.
#
#   jobs/build.sh sanitizers fuzzers
#   tests/fuzz/run.sh SECONDS [BUILD_FOLDER [READER ...]]
set -euo pipefail

if [[ $# -lt 1 || ! $1 =~ ^[1-9][0-9]*$ ]]; then
    echo "usage: $0 SECONDS [BUILD_FOLDER [READER ...]]" >&2
    exit 2
fi
seconds=$1
here=$(cd "$(dirname "$0")" && pwd)
build=${2:-$here/../../build/sanitizers}/tests/fuzz
readers=("${@:3}")
if [[ ${#readers[@]} -eq 0 ]]; then
    mapfile -t readers < <(basename -as .cpp "$here"/fuzz_*.cpp | sed 's/^fuzz_//')
fi
at_once=${FUZZ_AT_ONCE:-$(nproc)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fuzz() {
    local reader=$1 options=()
    cp -r "$here/corpus/$reader" "$work/$reader"
    if [[ -f $here/$reader.dict ]]; then
        options=("-dict=$here/$reader.dict")
    fi
    "$build/fuzz_$reader" "$work/$reader" "${options[@]}" -max_total_time="$seconds" \
        -max_len=16384 -timeout=5 -rss_limit_mb=1024 -print_final_stats=1 \
        -artifact_prefix="$build/$reader-" >"$work/$reader.log" 2>&1 || touch "$work/$reader.failed"
}

for reader in "${readers[@]}"; do
    if [[ ! -x $build/fuzz_$reader || ! -d $here/corpus/$reader ]]; then
        echo "there is no $build/fuzz_$reader (build the target fuzzers), or no corpus/$reader" >&2
        exit 2
    fi
done
for reader in "${readers[@]}"; do
    while (($(jobs -rp | wc -l) >= at_once)); do
        wait -n
    done
    fuzz "$reader" &
done
wait

failed=0
total=0
for reader in "${readers[@]}"; do
    log=$work/$reader.log
    if [[ -e $work/$reader.failed ]]; then
        tail -n 60 "$log"
        echo "fuzz_$reader failed; the input that did it: $build/$reader-*" >&2
        failed=1
        continue
    fi
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    printf '%-12s %9d executions, peak %4d MB\n' "$reader" "$executions" \
        "$(sed -n 's/^stat::peak_rss_mb: *//p' "$log")"
    total=$((total + executions))
done
echo "executions in all: $total"
exit "$failed"
