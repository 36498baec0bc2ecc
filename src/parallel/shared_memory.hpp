#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::parallel {

/// Makes sure that the ranks of a node can share so many bytes, which MPI keeps in a file system in
/// memory; without room there it would end the job without a useful message. Collective.
/// @throws Error (failure) on all ranks of the node where there is no room
void require_shared_memory(const Communicator& node, std::uint64_t bytes);

/// Makes sure that memory which the ranks share, and none has written to yet, really exists: so far
/// it is only promised, to every process that asks, and a process that uses it without there being
/// any is killed. Each rank of the node fills an equal part with zeros, which then lies near its
/// processor. Collective.
/// @throws Error (failure) on all ranks of the node where there is not enough
void reserve_shared_memory(const Communicator& node, std::span<std::byte> bytes);

}  // namespace alphaprune::parallel
