#!/usr/bin/env bash
# A real Slurm with several nodes on this one machine, to try and test the scripts of this folder:
# munged, slurmctld and one slurmd per node, as root, without systemd (hence also in containers).
#
#   slurm/local-cluster.sh start [NODES [CORES]]   default: 4 nodes of 2 cores
#   slurm/local-cluster.sh status
#   slurm/local-cluster.sh crash NODE              as in a power failure: nothing of it is left
#   slurm/local-cluster.sh boot NODE               starts a crashed node again
#   slurm/local-cluster.sh env                     prints the line for: eval "$(... env)"
#   slurm/local-cluster.sh stop                    leaves no process, mount or file
#
# All files are in one folder, /run/alphaprune-slurm or $LOCAL_CLUSTER_DIR (another folder makes a
# second, independent cluster). Where the machine has no Slurm of its own, /etc/slurm/slurm.conf
# becomes a link into it, so that plain sbatch, srun and squeue work; stop removes the link.
# For tests: SLURMD_TIMEOUT, the seconds after which a silent node counts as down.
set -euo pipefail

folder=${LOCAL_CLUSTER_DIR:-/run/alphaprune-slurm}
system_conf=/etc/slurm/slurm.conf
mark=$folder/made-by-local-cluster

fail() {
    echo "local-cluster.sh: $*" >&2
    exit 1
}

# --- processes: each has a file with its PID, and our folder in its command line ------

# The PID of the process that a file names, if it runs and is ours: PIDs are reused.
running() {
    local number
    number=$(cat "$1" 2>/dev/null) && [[ -n $number ]] && is_ours "$number" && echo "$number"
}

is_ours() {
    grep -q -s -F -- "$folder" "/proc/$1/cmdline"
}

wait_until_gone() {
    for _ in {1..100}; do
        is_ours "$1" || return 0
        sleep 0.1
    done
    fail "process $1 does not end"
}

end_process() {
    local number
    if number=$(running "$1"); then
        kill "$number"
        wait_until_gone "$number"
    fi
    rm -f "$1"
}

# --- one node -------------------------------------------------------------------------

# A node is a slurmd in namespaces of its own:
# - PID, so that killing the first process ends the whole node: slurmd, slurmstepd, tasks;
# - UTS, so that MPI takes the nodes for different hosts;
# - mount: Slurm's pmix plugin makes a folder of the same name on every node; its sockets in the
#   spool folder and Open MPI's files in /dev/shm remain when they are killed, and the sockets
#   prevent a requeued job from starting again. All this is in a tmpfs that vanishes with the node.
boot_node() {
    setsid unshare --mount --uts --pid --fork --kill-child --mount-proc \
        "$0" be-node "$1" "$folder" >"$folder/log/$1.out" 2>&1 </dev/null &
    echo $! >"$folder/pid/$1"
}

be_node() {
    hostname "$1"
    mount -t tmpfs tmpfs /dev/shm
    mount -t tmpfs tmpfs "$folder/own"
    mkdir "$folder/own/pmix" "$folder/own/tmp"
    chmod 1777 "$folder/own/tmp" /dev/shm
    slurmd -D -f "$folder/slurm.conf" -N "$1" &
    wait $! # this shell remains, to reap orphans
}

crash_node() {
    local number first
    if number=$(running "$folder/pid/$1"); then
        read -r first <"/proc/$number/task/$number/children" || true
        # unshare ends when everything in the namespace has ended.
        kill -KILL "${first:-$number}"
        wait_until_gone "$number"
    fi
    rm -f "$folder/pid/$1"
}

# --- what Slurm reads -----------------------------------------------------------------

# The first of (number of nodes + 2) consecutive ports on which nobody listens.
free_ports() {
    local base port
    for ((base = 17000; base < 30000; base += 100)); do
        for ((port = base; port <= base + $1 + 1; ++port)); do
            if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
                continue 2
            fi
        done
        echo "$base"
        return
    done
    fail "no free ports between 17000 and 30000"
}

# config_overrides: a node may have more cores than the machine.
# cred_expire: a job starts again this long after a requeue; the default is two minutes.
# KillOnBadExit: else the other ranks wait forever for one that died.
# linuxproc, task/none: no control groups, which a container is rarely allowed to make.
write_slurm_conf() {
    local nodes=$1 cores=$2 host port memory
    host=$(uname -n)
    port=$(free_ports "$nodes")
    memory=$(awk '/^MemTotal/ {print int($2 / 1024)}' /proc/meminfo)
    cat <<CONF
ClusterName=alphaprune
SlurmctldHost=${host%%.*}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
SlurmctldPort=$port
SlurmdPort=$((port + 1))
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket,cred_expire=5
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/own/spool
SlurmctldPidFile=$folder/pid/slurmctld
SlurmdPidFile=$folder/own/slurmd.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/%n.log
TaskProlog=$folder/task-prolog.sh
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
SlurmdParameters=config_overrides
MpiDefault=pmix
ReturnToService=2
SlurmctldTimeout=30
SlurmdTimeout=${SLURMD_TIMEOUT:-30}
KillWait=5
MinJobAge=300
PropagateResourceLimits=NONE
KillOnBadExit=1
CONF
    local number
    for ((number = 1; number <= nodes; ++number)); do
        echo "NodeName=n$number NodeHostname=${host%%.*} NodeAddr=127.0.0.1" \
            "Port=$((port + 1 + number)) CPUs=$cores RealMemory=$((memory / nodes))" \
            "State=UNKNOWN"
    done
    echo "PartitionName=main Nodes=n[1-$nodes] Default=YES MaxTime=INFINITE State=UP"
}

# The environment of each task, because these nodes are one machine: waiting ranks yield their core,
# none is bound to a core, and Open MPI's session directory is in the node's own tmpfs.
write_task_prolog() {
    cat <<PROLOG
#!/bin/sh
echo export TMPDIR=$folder/own/tmp
echo export OMPI_MCA_mpi_yield_when_idle=1
echo export OMPI_MCA_hwloc_base_binding_policy=none
echo export OMPI_ALLOW_RUN_AS_ROOT=1
echo export OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
PROLOG
}

write_files() {
    local nodes=$1
    mkdir -p "$folder"/{munge,state,log,pid,own}
    chmod 755 "$folder" "$folder"/*
    touch "$mark"
    (umask 077 && head -c 1024 /dev/urandom >"$folder/munge/key")
    write_slurm_conf "$@" >"$folder/slurm.conf"
    write_task_prolog >"$folder/task-prolog.sh"
    chmod 755 "$folder/task-prolog.sh"
    # pmix alone: Open MPI 4 does not support Slurm's pmi2. The other kind of fence, tree, sometimes
    # releases a node before all have arrived, and ranks crash in MPI_Init.
    printf "%s\n" "PMIxCliTmpDirBase=$folder/own/pmix" PMIxCollFence=ring >"$folder/mpi.conf"
    printf 'CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n' >"$folder/cgroup.conf"
}

# --- the commands ---------------------------------------------------------------------

need_root_and_packages() {
    [[ $(id -u) -eq 0 ]] ||
        fail "needs root: the daemons and the namespaces of the nodes are root's"
    local missing=() command
    for command in munged slurmctld slurmd sbatch unshare; do
        command -v "$command" >/dev/null || missing+=("$command")
    done
    [[ ${#missing[@]} -eq 0 ]] ||
        fail "not found: ${missing[*]}. On Debian: apt-get install slurmctld slurmd slurm-client" \
            "munge (or jobs/install-dependencies.sh --tests)"
    unshare --mount --uts --pid --fork true 2>/dev/null ||
        fail "namespaces are not permitted here; start the container with --privileged"
}

# Reports why, with the ends of the logs, and leaves nothing behind.
give_up() {
    echo "local-cluster.sh: $1" >&2
    tail -n 4 "$folder"/log/*.log >&2 || true
    stop
    exit 1
}

all_idle() {
    [[ $(sinfo --noheader --states=idle --format=%D 2>/dev/null) == "$1" ]]
}

start() {
    local nodes=${1:-4} cores=${2:-2} node
    [[ $nodes =~ ^[1-9][0-9]?$ && $cores =~ ^[1-9][0-9]*$ ]] ||
        fail "usage: local-cluster.sh start [NODES [CORES]], at most 99 nodes"
    if running "$folder/pid/slurmctld" >/dev/null; then
        echo "already running:"
        status
        return
    fi
    need_root_and_packages
    [[ ${#folder} -le 60 ]] || fail "$folder: the path is too long for a folder of sockets"
    stop # clean up after a killed machine or a killed test
    write_files "$nodes" "$cores"
    # Not munge's default key and socket: those of the system are not touched.
    munged --force --socket="$folder/munge/socket" --key-file="$folder/munge/key" \
        --pid-file="$folder/pid/munged" --log-file="$folder/log/munged.log" \
        --seed-file="$folder/munge/seed" >"$folder/log/munged.out" 2>&1 ||
        give_up "munged does not start"
    slurmctld -f "$folder/slurm.conf" >"$folder/log/slurmctld.out" 2>&1 ||
        give_up "slurmctld does not start"
    for ((node = 1; node <= nodes; ++node)); do
        boot_node "n$node"
    done
    export SLURM_CONF=$folder/slurm.conf
    local tries=0
    until all_idle "$nodes"; do
        ((++tries <= 120)) || give_up "not all of the $nodes nodes came up within 30 s"
        sleep 0.25
    done
    if [[ ! -e $system_conf && ! -L $system_conf ]]; then
        mkdir -p "${system_conf%/*}"
        ln -s "$folder/slurm.conf" "$system_conf"
    fi
    status
}

show_environment() {
    echo "export SLURM_CONF=$folder/slurm.conf"
}

status() {
    if ! running "$folder/pid/slurmctld" >/dev/null; then
        echo "not running"
        return 3
    fi
    SLURM_CONF=$folder/slurm.conf sinfo
    SLURM_CONF=$folder/slurm.conf squeue
    if [[ $(readlink "$system_conf") != "$folder/slurm.conf" ]]; then
        echo "For sbatch, srun and squeue: $(show_environment)"
    fi
}

stop() {
    [[ -e $folder ]] || return 0
    [[ -e $mark || -z $(ls -A "$folder") ]] ||
        fail "$folder was not made by this script; name another folder in LOCAL_CLUSTER_DIR"
    local file
    for file in "$folder"/pid/n[0-9]*; do
        [[ -e $file ]] && crash_node "${file##*/}"
    done
    end_process "$folder/pid/slurmctld"
    end_process "$folder/pid/munged"
    if [[ $(readlink "$system_conf") == "$folder/slurm.conf" ]]; then
        rm "$system_conf"
    fi
    rm -rf "$folder"
}

need_node() {
    [[ ${1:-} =~ ^n[0-9]+$ && -e $folder/log/$1.out ]] || fail "no node '${1:-}' here"
}

case ${1:-} in
start) start "${@:2}" ;;
stop) stop ;;
status) status ;;
env) show_environment ;;
crash)
    need_node "${2:-}"
    crash_node "$2"
    ;;
boot)
    need_node "${2:-}"
    running "$folder/pid/$2" >/dev/null || boot_node "$2"
    ;;
be-node) be_node "$2" ;; # for boot_node alone
*)
    echo "usage: $0 start [NODES [CORES]] | stop | status | env | crash NODE | boot NODE" >&2
    exit 2
    ;;
esac
