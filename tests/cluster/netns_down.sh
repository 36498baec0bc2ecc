#!/usr/bin/env bash
# Removes what netns_up.sh made, also when it was cut short, with all that still runs there.
#   netns_down.sh PREFIX
set -uo pipefail
prefix=$1

ip netns list | while read -r name _; do
    if [[ $name == "$prefix"[0-9]* || $name == "${prefix}switch" ]]; then
        mapfile -t left < <(ip netns pids "$name" 2>/dev/null)
        [[ ${#left[@]} -eq 0 ]] || kill -KILL "${left[@]}" 2>/dev/null
        ip netns delete "$name"
    fi
done
