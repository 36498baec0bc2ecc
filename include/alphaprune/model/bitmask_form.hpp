#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "alphaprune/linalg/matrix_source.hpp"

namespace alphaprune::model {

struct TensorInfo;  // in model/catalogue.hpp

/// Where a tensor lies of which its file has a mask and the values that are not zero
/// (formats/bitmask.hpp): TensorInfo::offset is that of the values, and all are in its shard. Rows
/// are those of the last dimension. Only whoever reads the file looks here.
struct BitmaskForm {
    std::uint64_t mask_offset = 0;
    /// Of the row offsets: an int64 for each formats::kRowsOfOffset rows.
    std::uint64_t rows_offset = 0;
    std::uint64_t values = 0;  ///< that are not zero
};

/// Fills `out` with bytes of a shard from `offset` on.
using ShardBytes = std::function<void(int shard, std::uint64_t offset, std::span<std::byte> out)>;

/// Reads a rectangle of such a tensor, taking a few MiB beside `out`.
/// @param where  names tensor and file, for errors
/// @param part   of the tensor taken as rows × row_length
/// @param read   reads the file
/// @throws Error (bad_request) where mask, row offsets and values of these rows disagree; what
///         `read` throws
void read_bitmask(const TensorInfo& tensor, std::string_view where, const linalg::Rectangle& part,
                  const ShardBytes& read, std::span<std::byte> out);

}  // namespace alphaprune::model
