#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "alphaprune/support/scalar.hpp"

namespace alphaprune::formats {

/// One tensor of a safetensors file: its bytes lie at [begin, end) of the file, row-major.
struct SafetensorsEntry {
    std::string name;
    support::StoredType type;
    std::vector<std::int64_t> shape;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
};

/// What the head of a safetensors file says, checked: every tensor's bytes are inside the file,
/// match shape × type, do not overlap, and leave no holes. Any type is taken, also one whose name
/// is not known: then the number of bytes is what the file says.
struct SafetensorsHeader {
    std::vector<SafetensorsEntry> tensors;  ///< by position in the file, names all different
    std::vector<std::pair<std::string, std::string>> metadata;
};

/// Headers longer than this are refused, as the format demands.
inline constexpr std::uint64_t kMaxSafetensorsHeader = 100'000'000;

/// Product of a shape's dimensions and the size of an element, in whatever unit that is, or nothing
/// when a dimension is negative or the product does not fit 63 bits. Dimensions beside a zero must
/// fit too: no later product of them may overflow.
std::optional<std::uint64_t> size_of_shape(std::span<const std::int64_t> shape,
                                           std::uint64_t element_size);

/// @param head       the 8 length bytes and the header text that follows
/// @param file_size  size of the whole file in bytes
/// @param where      the path, for errors
/// @throws Error (bad_request) with every fault found (the first 20 in words, the rest counted),
///         each naming file, tensor and remedy
SafetensorsHeader parse_safetensors_header(std::span<const std::byte> head, std::uint64_t file_size,
                                           std::string_view where);

/// Reads just the header.
/// @throws Error (bad_request) as above; (failure) when the disk cannot be read
SafetensorsHeader read_safetensors_header(const std::filesystem::path& path);

}  // namespace alphaprune::formats
