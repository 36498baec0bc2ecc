#!/usr/bin/env bash
# Installs, builds (release) and runs every test but the longest, which jobs/test-long.sh runs.
#   jobs/test.sh [ctest arguments, e.g. -L unit]
set -euo pipefail
cd "$(dirname "$0")/.."

jobs/install-dependencies.sh --tests
jobs/build.sh release
source jobs/mpi-environment.sh
# One more than there are cores: some tests mostly wait, for a rank that is silent, say.
ctest --test-dir build/release --output-on-failure --no-tests=error -j "$(($(nproc) + 1))" \
    -LE '^long$' "$@"
