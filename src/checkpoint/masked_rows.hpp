#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/support/file.hpp"

namespace alphaprune::checkpoint {

/// Rows of the last dimension, and their length, as masks have them.
std::int64_t mask_rows(const model::TensorInfo& tensor);
std::int64_t mask_cols(const model::TensorInfo& tensor);

/// Where the parts of a masked tensor begin in a file.
struct MaskedPlaces {
    std::uint64_t mask = 0;
    std::uint64_t rows = 0;
    std::uint64_t values = 0;
};

/// A masked tensor in a file that is written, and how far this rank has come with its rows.
struct MaskedTensor {
    MaskedPlaces places;
    bool placed = false;       ///< whether the values have a place
    std::uint64_t values = 0;  ///< that are not zero, of all rows
    std::uint64_t before = 0;  ///< of those, before the next row
    std::int64_t next_row = 0;
};

/// Collective: this rank will write these rows of the tensor, of which so many values are not zero.
/// Sets all but the places. @pre  the rows of ranks follow each other
void count_masked(const parallel::Communicator& ranks, const model::TensorInfo& tensor,
                  parallel::RowRange rows, std::uint64_t values, MaskedTensor& masked);

/// Writes rows of masked tensors, one after another, to their places.
class MaskedRowWriter {
  public:
    /// @pre  `masked` is placed, and these are its next rows @throws Error
    void write(const model::TensorInfo& tensor, parallel::RowRange rows,
               std::span<const std::byte> bytes, MaskedTensor& masked, support::File& file);

  private:
    void write_some(const model::TensorInfo& tensor, parallel::RowRange rows,
                    std::span<const std::byte> bytes, MaskedTensor& masked, support::File& file);

    std::vector<std::byte> mask_;
    std::vector<std::byte> values_;
    std::vector<std::int64_t> offsets_;
};

/// Rows as they are in the file, or zeros where what is there is no masked tensor. @throws Error
void read_masked(const model::TensorInfo& tensor, parallel::RowRange rows,
                 const MaskedTensor& masked, const support::File& file, std::span<std::byte> out);

/// How many values of a tensor are not zero by what its mask and its row offsets say; nothing where
/// that cannot be, with the values at their place. @throws Error
std::optional<std::uint64_t> values_in_file(const model::TensorInfo& tensor,
                                            const MaskedPlaces& places, const support::File& file);

}  // namespace alphaprune::checkpoint
