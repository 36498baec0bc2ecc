#pragma once

#include <cstdint>
#include <optional>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/support/environment.hpp"

namespace alphaprune::planning {

/// Bytes that Slurm grants a job on each node: SLURM_MEM_PER_NODE, or SLURM_MEM_PER_CPU for each of
/// SLURM_CPUS_ON_NODE, in MiB. Nothing without them, or where they are 0: all of the node.
std::optional<std::uint64_t> slurm_memory_of_node(const support::EnvironmentLookup& environment);

/// Bytes that every rank may take: what the system, the control groups and Slurm leave on its node,
/// divided by the ranks there, and no more than a limit of its address space leaves; the least over
/// all ranks. Collective.
std::uint64_t memory_of_each_rank(const parallel::Communicator& ranks,
                                  const support::EnvironmentLookup& environment);

}  // namespace alphaprune::planning
