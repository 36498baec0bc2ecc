#!/usr/bin/env bash
# What ssh is between real hosts: runs a command on a host that netns_up.sh made. Open MPI's
# launcher calls it in ssh's place.
#   netns_exec.sh [ssh options] HOST COMMAND...
set -euo pipefail
while [[ $1 == -* ]]; do
    shift
done
host=$1
shift
# shellcheck disable=SC2016 # the inner shell is to expand this
exec ip netns exec "$host" unshare --uts bash -c 'hostname "$0"; eval "$*"' "$host" "$@"
