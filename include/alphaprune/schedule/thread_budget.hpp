#pragma once

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/schedule/memory_budget.hpp"

namespace alphaprune {

/// Threads that each rank may keep busy: the cores of its node's ranks, shared out among them, but
/// no more than its own affinity mask, its control group and SLURM_CPUS_PER_TASK allow, and one at
/// least. One, too, where MPI cannot serve several threads. The least over all ranks. Collective.
int threads_of_each_rank(const Communicator& ranks, const EnvironmentLookup& environment);

}  // namespace alphaprune
