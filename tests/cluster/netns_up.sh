#!/usr/bin/env bash
# Makes hosts out of network namespaces: each has a network card of its own, and all are joined by a
# switch, which is a namespace too. Nothing of this machine's own network is touched.
#   netns_up.sh PREFIX COUNT     hosts PREFIX1 .. PREFIX<COUNT> with addresses 10.231.77.1 ..
set -euo pipefail
prefix=$1
count=$2
switch=${prefix}switch

ip netns add "$switch"
ip -n "$switch" link add name bridge type bridge
ip -n "$switch" link set bridge up
for ((i = 1; i <= count; i++)); do
    host=$prefix$i
    ip netns add "$host"
    ip -n "$switch" link add "port$i" type veth peer name eth0 netns "$host"
    ip -n "$switch" link set "port$i" master bridge up
    ip -n "$host" address add "10.231.77.$i/24" dev eth0
    ip -n "$host" link set eth0 up
    ip -n "$host" link set lo up
done
