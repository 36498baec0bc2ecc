#pragma once

#include <string_view>

namespace alphaprune::formats {

// How safetensors files name what bitmask.hpp describes. In place of a tensor NAME they have these:
inline constexpr std::string_view kMaskPart = ".bitmask";  ///< U8, [rows, mask_row_bytes(cols)]
inline constexpr std::string_view kValuesPart = ".values";
inline constexpr std::string_view kRowOffsetsPart = ".offsets";  ///< I64, [rows / 16, rounded up]

// and in __metadata__:
inline constexpr std::string_view kStorage = "storage";
inline constexpr std::string_view kBitmaskStorage = "bitmask-1";
inline constexpr std::string_view kBitmaskShapes = "bitmask_shapes";    ///< JSON: NAME to its shape
inline constexpr std::string_view kBitmaskTensors = "bitmask_tensors";  ///< JSON: all, in order

}  // namespace alphaprune::formats
