#!/usr/bin/env bash
# Installs, builds and runs the whole CTest suite (release build).
#   jobs/test.sh [ctest arguments, e.g. -L unit]
set -euo pipefail
cd "$(dirname "$0")/.."

jobs/install-dependencies.sh --tests
jobs/build.sh release
source jobs/mpi-environment.sh
# One more than there are cores: some tests mostly wait, for example for a silent rank.
ctest --test-dir build/release --output-on-failure --no-tests=error -j "$(($(nproc) + 1))" "$@"
