#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "export_folder.hpp"
#include "row_scratch.hpp"

namespace alphaprune::checkpoint {

/// A shard that has tensors with masks: NAME.offsets (I64), NAME.values and NAME.bitmask (U8)
/// in place of NAME (formats/bitmask.hpp). What has a known size comes first, so that it can be
/// written before the zeros are known; then the values, then the masks.
struct MaskedShard {
    std::vector<std::byte> head;                       ///< always of the same size
    std::vector<std::pair<int, std::uint64_t>> plain;  ///< tensors without, and where they begin
    std::vector<std::pair<int, MaskedPlaces>> masked;  ///< the others
    std::vector<std::string> names;                    ///< of what is in the file
    std::uint64_t known_bytes = 0;                     ///< of the file, before the values
    std::uint64_t bytes = 0;                           ///< of the file
};

/// @param shard     of the model as it would be without masks
/// @param metadata  text pairs; "storage", "bitmask_shapes" (a JSON object) and "bitmask_tensors"
///                  (the names of the tensors in the model's order, a JSON array) are added
/// @param values    of each tensor, how many are not zero; unknown, all of them
MaskedShard lay_out_masked(const ExportShard& shard, std::span<const model::TensorInfo> tensors,
                           const std::vector<bool>& masked,
                           std::span<const std::pair<std::string, std::string>> metadata,
                           std::span<const std::uint64_t> values);

}  // namespace alphaprune::checkpoint
