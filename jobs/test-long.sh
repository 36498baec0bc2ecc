#!/usr/bin/env bash
# What takes too long to be run for every change (.ci/run), some twenty minutes on two cores: the tests
# labeled `long` (failures of the machine, many kills in a row, a Slurm of this machine), and a link
# with LTO that finds names defined twice, of sources compiled one by one, which finds missing #includes.
#   jobs/test-long.sh [ctest arguments]
set -euo pipefail
cd "$(dirname "$0")/.."

jobs/install-dependencies.sh --tests
jobs/build.sh release
source jobs/mpi-environment.sh
ctest --test-dir build/release --output-on-failure --no-tests=error -j "$(($(nproc) + 1))" \
    -L '^long$' "$@"
jobs/build.sh one-definition
