#pragma once

#include <cstdint>

#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune {

/// The ranks of a node are about to share so many bytes, which MPI keeps in a file system in
/// memory; without room there it would end the job without a word that helps. Collective.
/// @throws Error (failure) on all ranks of the node where there is no room
void require_shared_memory(const Communicator& node, std::uint64_t bytes);

}  // namespace alphaprune
