#!/usr/bin/env bash
# Installs what the program needs from the packages of Debian 12, Debian 13 or Ubuntu 24.04. Quick when
# all is there already.
#   jobs/install-dependencies.sh           to build and run
#   jobs/install-dependencies.sh --tests   also what the tests need
#   jobs/install-dependencies.sh --checks  also what the checks of every change need (Debian 12)
set -euo pipefail

release=unknown
if [[ -r /etc/os-release ]]; then
    # shellcheck source=/dev/null
    release=$(. /etc/os-release && echo "${ID:-} ${VERSION_ID:-}")
fi

packages=(
    cmake g++ git ninja-build pkg-config
    libopenmpi-dev openmpi-bin libscalapack-openmpi-dev libelpa-dev libhdf5-openmpi-dev
    libopenblas-dev libboost-program-options-dev nlohmann-json3-dev libfmt-dev libspdlog-dev
    libxxhash-dev libsentencepiece-dev libpcre2-dev libutf8proc-dev libgtest-dev
)
if [[ $release != "debian 12" ]]; then
    packages+=(libprotobuf-dev) # asked for by sentencepiece.pc
fi
if [[ $(uname -m) == x86_64 ]]; then
    packages+=(libdnnl-dev) # of use with avx512_bf16 or AMX only
fi
tests=(doxygen python3 python3-numpy python3-h5py python3-jsonschema python3-xxhash iproute2
    slurmctld slurmd slurm-client munge)
checks=(clang-14 clang-format-14 libclang-rt-14-dev shellcheck chromium fonts-dejavu-core)
case ${1:-} in
"") ;;
--tests) packages+=("${tests[@]}") ;;
--checks) packages+=("${tests[@]}" "${checks[@]}") ;;
*)
    echo "usage: $0 [--tests | --checks]" >&2
    exit 2
    ;;
esac

missing=()
for package in "${packages[@]}"; do
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [[ $state == installed ]] || missing+=("$package")
done
if [[ ${#missing[@]} -eq 0 ]]; then
    exit 0
fi

case $release in
"debian 12" | "debian 13" | "ubuntu 24.04") ;;
*)
    echo "This script installs packages on Debian 12, Debian 13 and Ubuntu 24.04; here is '$release'." >&2
    echo "Install these (or what your system calls them) by hand, then run it again:" >&2
    echo "  ${missing[*]}" >&2
    exit 2
    ;;
esac
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
