#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/support/environment.hpp"

namespace alphaprune::planning {

// What a rank may use of its node: memory and threads.

/// Bytes that Slurm grants a job on each node: SLURM_MEM_PER_NODE, or SLURM_MEM_PER_CPU for each of
/// SLURM_CPUS_ON_NODE, in MiB. Nothing without them, or where they are 0: all of the node.
std::optional<std::uint64_t> slurm_memory_of_node(const support::EnvironmentLookup& environment);

/// Bytes that every rank may use: what the system, the control groups and Slurm leave on its node,
/// divided by the ranks there, and no more than a limit of its address space leaves; the least over
/// all ranks. Collective.
std::uint64_t memory_of_each_rank(const parallel::Communicator& ranks,
                                  const support::EnvironmentLookup& environment);

/// Cores that the batch system grants.
struct GrantedCores {
    int of_rank = std::numeric_limits<int>::max();
    int of_node = std::numeric_limits<int>::max();  ///< for all ranks there
};

/// Slurm: SLURM_CPUS_PER_TASK for each rank. PBS: NCPUS for each rank (ompthreads of the chunk, or
/// its ncpus); Torque: PBS_NUM_PPN for a node. LSF: the slots of this host in LSB_MCPU_HOSTS,
/// unless LSF binds tasks to cores itself (LSB_AFFINITY_HOSTFILE).
GrantedCores granted_cores(const support::EnvironmentLookup& environment, std::string_view host);

/// Threads that a rank may keep busy: the cores of its node's ranks, shared out among them, but no
/// more than its own affinity mask, its control groups and the batch system allow, and one at
/// least.
/// @param masks       of the ranks on the node, as usable_cores() gives them
/// @param rank        which of them is asked about
/// @param group_cores  of the control groups; nothing: no limit
int threads_of_rank(const std::vector<std::string>& masks, std::size_t rank,
                    std::optional<double> group_cores, const GrantedCores& granted);

/// The least of that over all ranks; one where MPI cannot serve several threads. Collective.
int threads_of_each_rank(const parallel::Communicator& ranks,
                         const support::EnvironmentLookup& environment);

}  // namespace alphaprune::planning
