#!/usr/bin/env bash
# Cross-compiles everything for aarch64, and runs the tests of kernels, formats and arithmetic under
# QEMU, in a chroot made with debootstrap. For root on a Debian with the packages debootstrap and python3.
#   jobs/test-aarch64.sh [ctest arguments]
# DEBIAN_MIRROR: where Debian is taken from. ALPHAPRUNE_CHROOT: folder for the chroots, some gigabytes.
set -euo pipefail
cd "$(dirname "$0")/.."

[[ $# -gt 0 ]] || set -- -R '^unit\.(support|formats|linalg|spectrum|transformer|allocation)$'

in_chroot=(docker/run_in_chroot.py
    --work "${ALPHAPRUNE_CHROOT:-$HOME/.cache/alphaprune_mpi-chroot}")
"${in_chroot[@]}" build aarch64 --file docker/Dockerfile.aarch64 \
    --build-arg "COMMIT=$(git describe --always --dirty --abbrev=12)"
"${in_chroot[@]}" run aarch64 "$@"
