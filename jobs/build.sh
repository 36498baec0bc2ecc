#!/usr/bin/env bash
# Configures and builds one preset: jobs/build.sh release [target …]
set -euo pipefail
cd "$(dirname "$0")/.."

preset=${1:?usage: jobs/build.sh PRESET [TARGET ...]}
shift
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! cmake --preset "$preset" >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
cmake --build --preset "$preset" ${1:+--target "$@"} -- --quiet
