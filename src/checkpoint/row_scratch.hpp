#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "alphaprune/formats/bitmask.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/support/file.hpp"

namespace alphaprune::checkpoint {

/// The tensors of which a file has a mask and the values that are not zero, if it is to have any:
/// those that are pruned. One flag per tensor.
std::vector<bool> masked_tensors(const std::vector<model::TensorInfo>& tensors, bool bitmask);

/// Rows of the last dimension, and their length, as masks have them.
std::int64_t mask_rows(const model::TensorInfo& tensor);
std::int64_t mask_cols(const model::TensorInfo& tensor);

/// Where masked rows wait until it is known how many values come before them: a file beside the one
/// that is written, in which rows have their place whatever their zeros are, and what is not needed
/// of that place is a hole. What was written together lies together, behind a head that says what
/// it is, so that an interrupted run's file explains itself. Every rank has it open.
class RowScratch {
  public:
    /// For rank 0: an empty file, unless one is there that is to be continued.
    static void make(const std::filesystem::path& path, bool resume);

    /// @param path  of the file, which exists
    RowScratch(const std::vector<model::TensorInfo>& tensors, const std::vector<bool>& masked,
               const std::filesystem::path& path);

    /// Writes whole rows of a masked tensor. @throws Error
    void write(int tensor, parallel::RowRange rows, std::span<const std::byte> bytes);
    /// Whole rows as they were, or zeros where none were written. @throws Error
    void read(int tensor, parallel::RowRange rows, std::span<std::byte> out) const;
    void sync() { file_.sync(); }
    /// What is known of the file is looked up again: other ranks have written to it.
    void forget() const {
        const std::scoped_lock lock(mutex_);
        known_ = -1;
    }

    /// Calls use(first row, masked rows) for some rows of the last dimension, in their order.
    /// @throws Error
    using Use = std::function<void(std::int64_t row, std::span<const std::byte> mask,
                                   std::span<const std::byte> values)>;
    void for_each(int tensor, parallel::RowRange rows, const Use& use) const;

  private:
    /// Rows of the last dimension that were written together.
    struct Unit {
        std::uint64_t magic = 0;
        std::int64_t begin = 0;
        std::int64_t end = 0;
        std::uint64_t values = 0;
    };
    void write_some(int tensor, parallel::RowRange rows, std::span<const std::byte> bytes);
    std::uint64_t place_of(int tensor, std::int64_t row) const;
    std::vector<Unit> units_of(int tensor) const;
    std::size_t value_bytes(int tensor) const;

    std::vector<model::TensorInfo> tensors_;
    std::vector<std::uint64_t> places_;  ///< of each masked tensor's first row
    support::File file_;
    formats::MaskedRows packed_;
    std::vector<std::byte> buffer_;
    mutable std::mutex mutex_;  ///< of what is known of one tensor
    mutable int known_ = -1;
    mutable std::vector<Unit> known_units_;
};

/// Where the parts of a masked tensor begin in a file.
struct MaskedPlaces {
    std::uint64_t mask = 0;
    std::uint64_t rows = 0;
    std::uint64_t values = 0;
};

/// Collective: how many values of each masked tensor are not zero, and how many of those come
/// before this rank's share of its rows.
struct MaskedCounts {
    std::vector<std::uint64_t> all;
    std::vector<std::uint64_t> before;
};
MaskedCounts count_masked(const parallel::Communicator& ranks,
                          const std::vector<model::TensorInfo>& tensors,
                          const std::vector<bool>& masked, const RowScratch& scratch);
/// Not collective: copies this rank's share of a tensor's rows to their final places.
/// @param before  of MaskedCounts
void write_masked(const parallel::Communicator& ranks, const model::TensorInfo& tensor, int number,
                  std::uint64_t before, const RowScratch& scratch, const MaskedPlaces& places,
                  support::File& file);

}  // namespace alphaprune::checkpoint
