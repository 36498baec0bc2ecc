#pragma once

#include <filesystem>
#include <vector>

#include "alphaprune/model/catalogue.hpp"

namespace alphaprune::commands {

/// One number per matrix, in catalogue order, from a file the user gives: a .npy (float32 or
/// float64), or a .csv which either has the columns "name" and "sparsity_ratio" among others (such
/// as matrices.csv of an earlier run; rows in any order) or is one number per line.
/// @throws Error (bad_request): unreadable, not one finite number for every matrix
std::vector<double> read_ratio_file(const std::filesystem::path& path,
                                    const model::Catalogue& catalogue);

/// One finite metric value per matrix from a .npy, as the cache of the published code has them.
/// @throws Error (bad_request)
std::vector<double> read_metric_cache(const std::filesystem::path& path,
                                      const model::Catalogue& catalogue);

}  // namespace alphaprune::commands
