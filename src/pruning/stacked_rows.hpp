#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "alphaprune/linalg/aligned_rows.hpp"
#include "alphaprune/linalg/sgemm.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/pruning/pruners.hpp"
#include "shared_values.hpp"

namespace alphaprune::pruning {

/// This rank's rows of several matrices, one matrix below the other, each behind rows of zeros as
/// linalg::AlignedRows has them: products with all of them have the same bits as with each matrix
/// alone, and on any number of ranks.
class StackedRows {
  public:
    /// Zeros.
    /// @param threads  of this rank, which write them
    /// @param cols     of the matrices
    /// @param width    of the rows that are held, at most that of the matrices
    StackedRows(const parallel::ThreadPool& threads, std::span<const SiteMatrix> matrices,
                std::int64_t cols, std::int64_t width)
        : width_(width) {
        constexpr std::int64_t kGroup = linalg::AlignedRows::group();
        std::int64_t height = 0;
        for (const SiteMatrix& matrix : matrices) {
            const std::int64_t count = std::ssize(matrix.rows.weights) / cols;
            const std::int64_t lead = count > 0 ? matrix.rows.first_row % kGroup : 0;
            places_.push_back({height + lead, count});
            height += (lead + count + kGroup - 1) / kGroup * kGroup;
        }
        height_ = height;
        const auto size = static_cast<std::size_t>(height * width);
        values_ = std::make_unique_for_overwrite<float[]>(size);
        share_values(threads, size, [values = values_.get()](std::size_t i) { values[i] = 0; });
    }

    /// With the zeros.
    linalg::FloatView all() { return {values_.get(), height_, width_, width_}; }
    std::int64_t height() const { return height_; }
    /// Where the rows of one matrix are among all.
    parallel::RowRange place_of(std::size_t matrix) const {
        return {places_[matrix].first, places_[matrix].first + places_[matrix].count};
    }
    /// Those of one matrix.
    linalg::FloatView of(std::size_t matrix) {
        const Place& place = places_[matrix];
        return {values_.get() + place.first * width_, place.count, width_, width_};
    }

  private:
    struct Place {
        std::int64_t first = 0;
        std::int64_t count = 0;
    };

    std::int64_t width_;
    std::int64_t height_ = 0;
    std::vector<Place> places_;
    std::unique_ptr<float[]> values_;
};

}  // namespace alphaprune::pruning
