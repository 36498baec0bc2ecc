#!/usr/bin/env bash
# Installs, builds and tests on another release of Debian, in a chroot made with debootstrap; the
# checkout is copied. For root on a Debian with the packages debootstrap and python3.
#   jobs/test-in-chroot.sh bookworm|trixie [ctest arguments; without, unit and program tests]
# DEBIAN_MIRROR: where Debian is taken from. ALPHAPRUNE_CHROOT: folder for the chroots, some gigabytes.
set -euo pipefail
cd "$(dirname "$0")/.."

release=${1:?usage: $0 RELEASE [CTEST ARGUMENTS ...]}
shift
[[ $# -gt 0 ]] || set -- -L '^(unit|program)$'

in_chroot=(docker/run_in_chroot.py
    --work "${ALPHAPRUNE_CHROOT:-$HOME/.cache/alphaprune_mpi-chroot}/$release")
"${in_chroot[@]}" build test --build-arg "DEBIAN=debian:$release-slim" \
    --build-arg "COMMIT=$(git describe --always --dirty --abbrev=12)"
"${in_chroot[@]}" run --shm-size 2g test "$@"
