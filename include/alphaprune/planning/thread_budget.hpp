#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/planning/memory_budget.hpp"

namespace alphaprune::planning {

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
