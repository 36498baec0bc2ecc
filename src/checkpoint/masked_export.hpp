#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "export_folder.hpp"
#include "masked_rows.hpp"

namespace alphaprune::checkpoint {

/// A shard that has tensors with masks: NAME.bitmask (U8), NAME.offsets (I64) and NAME.values in
/// place of NAME (formats/bitmask.hpp). What has a known size comes first, the smallest values
/// first, and ends at a multiple of 8 bytes; then the values, in masked_order().
struct MaskedShard {
    std::vector<std::byte> head;                       ///< always of the same size
    std::vector<std::pair<int, std::uint64_t>> plain;  ///< tensors without, and where they begin
    std::vector<std::pair<int, MaskedPlaces>> masked;  ///< the others, in their order
    std::vector<std::string> names;                    ///< of what is in the file
    std::uint64_t known_bytes = 0;                     ///< of the file, before the values
    std::uint64_t bytes = 0;                           ///< of the file
};

/// @param shard     of the model as it would be without masks
/// @param order     masked_order()
/// @param metadata  text pairs; "storage", "bitmask_shapes" (a JSON object) and "bitmask_tensors"
///                  (the names of the tensors in the model's order, a JSON array) are added
/// @param values    of each tensor, how many are not zero
MaskedShard lay_out_masked(const ExportShard& shard, std::span<const model::TensorInfo> tensors,
                           std::span<const int> order,
                           std::span<const std::pair<std::string, std::string>> metadata,
                           std::span<const std::uint64_t> values);

}  // namespace alphaprune::checkpoint
