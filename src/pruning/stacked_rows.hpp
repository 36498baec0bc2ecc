#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "alphaprune/linalg/aligned_rows.hpp"
#include "alphaprune/linalg/sgemm.hpp"
#include "alphaprune/pruning/pruners.hpp"

namespace alphaprune::pruning {

/// This rank's rows of several matrices, one matrix below the other, each behind rows of zeros as
/// linalg::AlignedRows has them: products with all of them have the same bits as with each matrix
/// alone, and on any number of ranks.
class StackedRows {
  public:
    /// Zeros. @param width  of the rows that are held, at most that of the matrices
    /// @param cols   of the matrices
    StackedRows(std::span<const SiteMatrix> matrices, std::int64_t cols, std::int64_t width)
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
        values_.resize(static_cast<std::size_t>(height * width));
    }

    /// With the zeros.
    linalg::FloatView all() { return {values_.data(), height_, width_, width_}; }
    /// Those of one matrix.
    linalg::FloatView of(std::size_t matrix) {
        const Place& place = places_[matrix];
        return {values_.data() + place.first * width_, place.count, width_, width_};
    }

  private:
    struct Place {
        std::int64_t first = 0;
        std::int64_t count = 0;
    };

    std::int64_t width_;
    std::int64_t height_ = 0;
    std::vector<Place> places_;
    std::vector<float> values_;
};

}  // namespace alphaprune::pruning
