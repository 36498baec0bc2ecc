#!/usr/bin/env bash
# Configures and builds one preset, with ccache where there is one: jobs/build.sh release [target …]
set -euo pipefail
cd "$(dirname "$0")/.."

preset=${1:?usage: jobs/build.sh PRESET [TARGET ...]}
shift
if command -v ccache >/dev/null; then
    export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! cmake --preset "$preset" >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
cmake --build --preset "$preset" ${1:+--target "$@"} -- --quiet
