#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

namespace alphaprune::formats {

/// The values of a .npy file, with the file's dimensions.
template <class Value>
struct NpyArray {
    std::vector<std::int64_t> shape;
    std::vector<Value> values;
};

/// Of a floating-point type (float32 or float64, little-endian, C order), as float64.
using NpyNumbers = NpyArray<double>;
/// @throws Error (bad_request): not .npy, another type, Fortran order of two or more dimensions,
///         or a size that does not match the file
NpyNumbers read_npy_numbers(const std::filesystem::path& path);

/// The same from the bytes of a whole file; `where` names it in errors.
NpyNumbers parse_npy_numbers(std::span<const std::byte> file, std::string_view where);

/// Token ids from a .npy file of uint16, int32, uint32 or int64 (one or two dimensions), as they
/// stand there: that they belong to a vocabulary is not checked here.
using NpyTokens = NpyArray<std::int64_t>;
/// @throws Error (bad_request) as above, or when there are no or more than two dimensions
NpyTokens read_npy_tokens(const std::filesystem::path& path);
/// The same from the bytes of a whole file; `where` names it in errors.
NpyTokens parse_npy_tokens(std::span<const std::byte> file, std::string_view where);

/// The bytes of a one-dimensional float64 .npy file (format version 1.0).
std::vector<std::byte> npy_bytes(std::span<const double> values);
/// Writes it under its final name only when whole.
void write_npy(const std::filesystem::path& path, std::span<const double> values);

}  // namespace alphaprune::formats
