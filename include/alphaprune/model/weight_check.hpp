#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "alphaprune/model/weight_reader.hpp"
#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::model {

/// The tensors that the prunable matrices lie in, ascending.
std::vector<int> prunable_tensors(const Catalogue& catalogue);

/// Checks that these tensors are stored in a type that is read (ScalarType); all others may have
/// any type, for they are only copied.
/// @param what  they are, as in "prunable weights"
/// @throws Error (bad_request) with a fault for each type that is not read, naming the tensors
void require_weight_types(const Catalogue& catalogue, std::span<const int> tensors,
                          const std::string& what);

/// Checks that stored weights are finite.
/// @throws Error (bad_request) naming tensor and file, with the count of NaN and Inf
void require_finite(const Catalogue& catalogue, const TensorInfo& tensor,
                    std::span<const std::byte> values);

/// Reads these tensors, their rows distributed over the ranks, only to check them. Collective.
/// @param tensors  indices into Catalogue::tensors
/// @throws Error (bad_request) on all ranks, naming every tensor that is not finite; or an error of
///         reading; or a stop
void require_finite_tensors(const parallel::Communicator& ranks, const Catalogue& catalogue,
                            std::span<const int> tensors);

}  // namespace alphaprune::model
