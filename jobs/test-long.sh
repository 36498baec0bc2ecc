#!/usr/bin/env bash
# What takes too long to be run for every change (.ci/run), an hour on two cores: the tests
# labeled `long` (hosts and machines that fail, many kills in a row, a Slurm of this machine), a link with
# LTO that finds names defined twice, of sources compiled one by one, which finds missing #includes, all
# unit tests under the sanitizers, and all tests of a program without optional libraries.
#   jobs/test-long.sh [ctest arguments]
set -euo pipefail
cd "$(dirname "$0")/.."

jobs/install-dependencies.sh --tests
jobs/build.sh release
source jobs/mpi-environment.sh
ctest --test-dir build/release --output-on-failure --no-tests=error -j "$(($(nproc) + 1))" \
    -L '^long$' "$@"
jobs/build.sh one-definition
jobs/build.sh sanitizers
ctest --test-dir build/sanitizers --output-on-failure --no-tests=error -j "$(nproc)" -L unit
jobs/build.sh minimal
ctest --test-dir build/minimal --output-on-failure --no-tests=error -j "$(($(nproc) + 1))" -L program
