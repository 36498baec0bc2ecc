#!/usr/bin/env bash
# Installs what the program needs from Debian 12's packages. Quick when all is there already.
#   jobs/install-dependencies.sh          to build and run
#   jobs/install-dependencies.sh --tests  also what the tests and checks need
set -euo pipefail

packages=(
    cmake g++ git ninja-build pkg-config
    libopenmpi-dev openmpi-bin libscalapack-openmpi-dev libelpa-dev libhdf5-openmpi-dev
    libopenblas-dev libboost-program-options-dev nlohmann-json3-dev libfmt-dev libspdlog-dev
    libxxhash-dev libsentencepiece-dev libpcre2-dev libgtest-dev
)
if [[ ${1:-} == --tests ]]; then
    packages+=(python3 python3-numpy python3-h5py python3-xxhash
        clang-14 clang-format-14 libclang-rt-14-dev shellcheck iproute2
        slurmctld slurmd slurm-client munge)
elif [[ $# -gt 0 ]]; then
    echo "usage: $0 [--tests]" >&2
    exit 2
fi

missing=()
for package in "${packages[@]}"; do
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [[ $state == installed ]] || missing+=("$package")
done
if [[ ${#missing[@]} -eq 0 ]]; then
    exit 0
fi

release=unknown
if [[ -r /etc/os-release ]]; then
    # shellcheck source=/dev/null
    release=$(. /etc/os-release && echo "${ID:-} ${VERSION_ID:-}")
fi
if [[ $release != "debian 12" ]]; then
    echo "This script installs packages on Debian 12; here is '$release'." >&2
    echo "Install these (or what your system calls them) by hand, then run it again:" >&2
    echo "  ${missing[*]}" >&2
    exit 2
fi
as_root=()
if [[ $(id -u) -ne 0 ]]; then
    if ! command -v sudo >/dev/null; then
        echo "Installing packages needs root: run this as root, or install sudo. Missing:" >&2
        echo "  ${missing[*]}" >&2
        exit 2
    fi
    as_root=(sudo)
fi
echo "installing: ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
