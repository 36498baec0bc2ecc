#!/usr/bin/env bash
# The packages of Debian 12, Debian 13 or Ubuntu 24.04 that the built program needs to run. The images install from this list
# alone, and it is checked against the program at every build of an image.
#   docker/runtime-packages.sh install         as root
#   docker/runtime-packages.sh check PROGRAM   where it was built: is the list neither short nor long?
set -euo pipefail

libraries=(libelpa19 libopenblas0-pthread libpcre2-8-0 libscalapack-openmpi2.2 libsentencepiece0
    libxxhash0)
# shellcheck source=/dev/null
case $(. /etc/os-release && echo "${ID:-} ${VERSION_ID:-}") in
"debian 12")
    libraries+=(libboost-program-options1.74.0 libfmt9 libhdf5-openmpi-103-1 libopenmpi3
        libutf8proc2)
    onednn=libdnnl2
    ;;
"debian 13")
    libraries+=(libboost-program-options1.83.0 libfmt10 libhdf5-openmpi-310 libopenmpi40
        libutf8proc3)
    onednn=libdnnl3.6
    ;;
"ubuntu 24.04")
    libraries+=(libboost-program-options1.83.0 libfmt9 libhdf5-openmpi-103-1t64 libopenmpi3t64
        libutf8proc3)
    onednn=libdnnl3
    ;;
*)
    echo "$0 knows the packages of Debian 12, Debian 13 and Ubuntu 24.04 only." >&2
    exit 2
    ;;
esac
[[ $(uname -m) != x86_64 ]] || libraries+=("$onednn")
programs=(openmpi-bin) # mpirun
everywhere='libc6|libgcc-s1|libstdc\+\+6'

# The packages of the libraries that the program links directly; apt adds their dependencies.
needed_by() {
    local name path
    readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | while read -r name; do
        path=$(ldd "$1" | awk -v name="$name" '$1 == name { print $3 }')
        path=$(readlink -f "$path")
        # dpkg may record the path from before /lib became a link to /usr/lib.
        dpkg-query -S "$path" 2>/dev/null || dpkg-query -S "${path#/usr}"
    done | sed 's/:.*//' | sort -u | grep -vxE "$everywhere"
}

case ${1:-} in
install)
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        "${libraries[@]}" "${programs[@]}" >/dev/null
    ;;
check)
    program=${2:?usage: $0 check PROGRAM}
    if ! diff --label "$0" --label "$program" -u \
        <(printf '%s\n' "${libraries[@]}" | sort) <(needed_by "$program"); then
        echo "The list of libraries in $0 does not match $program (+ missing, - superfluous)." >&2
        exit 1
    fi
    ;;
*)
    echo "usage: $0 install | check PROGRAM" >&2
    exit 2
    ;;
esac
