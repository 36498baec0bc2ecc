#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "alphaprune/linalg/matrix_source.hpp"
#include "alphaprune/model/bitmask_form.hpp"
#include "alphaprune/model/catalogue.hpp"

namespace alphaprune::model {

/// Reads a rectangle of a packed tensor as bfloat16. Takes a few MiB beside `out`, whatever is
/// asked for.
/// @param tensor  packed; its shape may be any with the same values, row-major
/// @param part    of the tensor taken as rows × row_length
/// @param read    reads the files
/// @param out     part.size() values, row after row
/// @throws what `read` throws
void read_packed(const TensorInfo& tensor, const linalg::Rectangle& part, const ShardBytes& read,
                 std::span<std::byte> out);

}  // namespace alphaprune::model
