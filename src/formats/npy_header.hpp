#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace alphaprune::formats {

/// The head of a .npy file, checked against the file's size.
struct NpyHeader {
    std::string descr;  ///< numpy's name of the element type, as <f8
    std::vector<std::int64_t> shape;
    std::size_t data_begin = 0;  ///< where in the file the values start
    std::uint64_t count = 0;     ///< number of values
};

/// An element type that a reader takes.
struct NpyType {
    std::string_view descr;
    std::size_t size;
};

/// No header of an array of numbers is longer; numpy itself warns from 10000 bytes on.
inline constexpr std::size_t kMaxNpyHead = 65536;

/// @param head       the first bytes of the file: all of it, or at least kMaxNpyHead
/// @param file_size  size of the whole file in bytes
/// @param types      the types that the caller takes; the first one is advised to the user
/// @throws Error (bad_request) as read_npy_numbers
NpyHeader parse_npy_header(std::span<const std::byte> head, std::uint64_t file_size,
                           std::span<const NpyType> types, std::string_view where);

}  // namespace alphaprune::formats
