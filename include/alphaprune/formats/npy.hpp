#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace alphaprune {

/// The values of a .npy file of a floating-point type (float32 or float64, little-endian, C order),
/// as float64. `shape` has the file's dimensions.
struct NpyNumbers {
    std::vector<std::int64_t> shape;
    std::vector<double> values;
};
/// @throws Error (bad_request): not .npy, another type, Fortran order of two or more dimensions,
///         or a size that does not match the file
NpyNumbers read_npy_numbers(const std::filesystem::path& path);

/// Token ids from a .npy file of uint16, int32 or int64 (one or two dimensions).
struct NpyTokens {
    std::vector<std::int64_t> shape;
    std::vector<std::int64_t> values;
};
NpyTokens read_npy_tokens(const std::filesystem::path& path);

/// The bytes of a one-dimensional float64 .npy file (format version 1.0).
std::vector<std::byte> npy_bytes(std::span<const double> values);
/// Writes it under its final name only when whole.
void write_npy(const std::filesystem::path& path, std::span<const double> values);

}  // namespace alphaprune
