#pragma once

#include <filesystem>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::planning {

/// Weights that a node of these ranks reads (synthetic: that a rank makes), in GB/s, from some
/// hundredths of a second. Files that the system still has in memory are read at its speed.
/// Collective. @throws Error
double measure_reading_gbps(const parallel::Communicator& ranks, const model::Catalogue& catalogue);

/// What a node of these ranks writes in that folder, made durable, in GB/s, from a scratch file a
/// rank. Collective. @throws Error
double measure_writing_gbps(const parallel::Communicator& ranks,
                            const std::filesystem::path& folder);

}  // namespace alphaprune::planning
