#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/parallel/share.hpp"
#include "alphaprune/support/message.hpp"
#include "hdf5.hpp"

namespace alphaprune::checkpoint {

inline const support::BadRequest<std::string_view> kWrongKind{
    "checkpoint.wrong-kind", "this is not {}",
    "the file was damaged, or written by another program", kReplaceFile};

/// A rectangular part of a tensor whose values follow each other in memory and in the file.
struct Box {
    std::vector<std::uint64_t> start;
    std::vector<std::uint64_t> count;

    std::uint64_t values() const;
};

/// Rows of a tensor, cut in order into boxes of at most `limit` values each: HDF5 counts bytes
/// of one transfer in 32 bits in places. A row longer than `limit` is cut inside.
/// A tensor of fewer than two dimensions is one row. No dimension is zero.
std::vector<Box> boxes_of(std::span<const std::int64_t> shape, parallel::RowRange rows,
                          std::uint64_t limit);

/// Creates a contiguous dataset whose bytes are allocated at once and never filled. No shape at all
/// means one value.
Hdf5Handle create_dataset(const Hdf5Calls& hdf5, hid_t parent, const char* link, hid_t type,
                          std::span<const std::int64_t> shape, std::string_view object);

/// Where in the file a dataset's bytes begin, those of a dataset that has some.
std::uint64_t first_byte_of(const Hdf5Calls& hdf5, Hdf5Object dataset);

/// How a dataset describes itself, checked against the size of its file.
struct DatasetForm {
    Hdf5Handle dataset;
    Hdf5Handle type;
    std::vector<std::int64_t> shape;
    std::uint64_t bytes = 0;
};
/// formats::size_of_shape. @throws Error when there is none, naming the object
std::uint64_t checked_size(const Hdf5Calls& hdf5, std::span<const std::int64_t> shape,
                           std::size_t value_size, std::string_view object);

/// @throws Error when it is not a contiguous dataset that lies inside the file
DatasetForm open_dataset(const Hdf5Calls& hdf5, hid_t parent, const char* link,
                         std::uint64_t file_size, std::string_view object);

/// Bytes that are moved in one go: counts are 32 bits wide in places inside HDF5.
inline constexpr std::uint64_t kTransferBytes = std::uint64_t{256} << 20;

/// Moves whole rows as raw bits between memory and a dataset.
/// @param type  of the values, in memory and in the file
void write_rows(const Hdf5Calls& hdf5, Hdf5Object dataset, hid_t type,
                std::span<const std::int64_t> shape, parallel::RowRange rows,
                std::span<const std::byte> bytes, std::uint64_t limit = kTransferBytes);
void read_rows(const Hdf5Calls& hdf5, Hdf5Object dataset, hid_t type,
               std::span<const std::int64_t> shape, parallel::RowRange rows,
               std::span<std::byte> bytes, std::uint64_t limit = kTransferBytes);

}  // namespace alphaprune::checkpoint
