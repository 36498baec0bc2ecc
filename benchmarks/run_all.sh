#!/usr/bin/env bash
# Every performance figure of this project in one table, each beside what is asked of it.
#   benchmarks/run_all.sh [BUILD_FOLDER] [options of run_all.py, e.g. --only spectrum]
# On an idle machine; about 25 minutes on two cores. The JSON lines go to BUILD_FOLDER/figures.jsonl.
set -euo pipefail
cd "$(dirname "$0")/.."

build=${1:-build/release}
shift || true
exec /usr/bin/python3 benchmarks/run_all.py "$build" "$@" # Debian's, which python3-torch is for
