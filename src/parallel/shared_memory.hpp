#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::parallel {

/// The ranks of a node are about to share so many bytes, which MPI keeps in a file system in
/// memory; without room there it would end the job without a word that helps. Collective.
/// @throws Error (failure) on all ranks of the node where there is no room
void require_shared_memory(const Communicator& node, std::uint64_t bytes);

/// Makes sure that memory which the ranks share, and nobody has written to yet, is really there: so
/// far it is only promised, to all who ask, and who uses it without there being any is killed. Each
/// rank of the node fills an equal part with zeros, which lies near its processor then. Collective.
/// @throws Error (failure) on all ranks of the node where there is not enough
void reserve_shared_memory(const Communicator& node, std::span<std::byte> bytes);

}  // namespace alphaprune::parallel
