#!/usr/bin/env bash
# The tests of shared memory where there is little: a small file system in memory, mounted where only
# they see it. Status 77 where this user may not mount one.
#   small_shared_memory.sh mpiexec -n 3 .../parallel_test
set -euo pipefail

folder=$(mktemp -d)
trap 'rmdir "$folder"' EXIT
unshare --mount mount -t tmpfs none "$folder" 2>/dev/null || exit 77

export OMPI_MCA_osc_sm_backing_directory=$folder
# shellcheck disable=SC2016 # the words are those of the inner shell
unshare --mount bash -c 'mount -t tmpfs -o size=16m none "$0" && "$@" --gtest_filter="NodeArray*"' \
    "$folder" "$@" | tee /dev/stderr | grep -q "0 failed, 0 skipped"
