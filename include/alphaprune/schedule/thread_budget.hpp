#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/schedule/memory_budget.hpp"

namespace alphaprune {

/// Threads that a rank may keep busy: the cores of its node's ranks, shared out among them, but no
/// more than its own affinity mask, its control group and SLURM_CPUS_PER_TASK allow, and one at
/// least.
/// @param masks       of the ranks on the node, as usable_cores() gives them
/// @param rank        which of them is asked about
/// @param group_cores  of the control group; nothing: no limit
int threads_of_rank(const std::vector<std::string>& masks, std::size_t rank,
                    std::optional<double> group_cores, const EnvironmentLookup& environment);

/// The least of that over all ranks; one where MPI cannot serve several threads. Collective.
int threads_of_each_rank(const Communicator& ranks, const EnvironmentLookup& environment);

}  // namespace alphaprune
