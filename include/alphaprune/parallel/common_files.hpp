#pragma once

#include <filesystem>
#include <span>

#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::parallel {

/// Makes sure that all ranks see files that rank 0 has just made: on nodes that do not share the
/// folder each rank would write files of its own. Collective.
/// @throws Error (failure) on all ranks when one of them does not see one of the files
void require_common_files(const Communicator& ranks, std::span<const std::filesystem::path> files);

}  // namespace alphaprune::parallel
