#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "alphaprune/linalg/sgemm.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/parallel/thread_pool.hpp"

namespace alphaprune::linalg {

/// Rows of a matrix that is divided among ranks, copied to where they would lie if it were not:
/// behind rows of zeros, so that each has the place in its group that it has in the whole matrix.
/// BLAS takes rows in groups, and rounds those at the end of a group otherwise; products of such
/// rows have the same bits on any number of ranks.
class AlignedRows {
  public:
    /// Rows of a group.
    static constexpr std::int64_t group() { return kGroup; }

    /// @param rows       any number of them × cols, row-major; empty: zeros
    /// @param first_row  of the matrix
    AlignedRows(std::span<const float> rows, std::int64_t first_row, std::int64_t cols)
        : lead_(static_cast<std::size_t>(first_row % kGroup * cols)), size_(rows.size()) {
        const std::size_t group = static_cast<std::size_t>(kGroup * cols);
        values_.resize((lead_ + size_ + group - 1) / group * group);
        std::ranges::copy(rows, own().begin());
    }

    std::span<float> own() { return std::span(values_).subspan(lead_, size_); }
    std::span<const float> own() const { return std::span(values_).subspan(lead_, size_); }
    /// With the zeros.
    std::span<float> all() { return values_; }
    std::span<const float> all() const { return values_; }

  private:
    /// A multiple of the groups that kernels of today have: 4, 6, 8, 12, 16, 24.
    static constexpr std::int64_t kGroup = 48;

    std::size_t lead_;
    std::size_t size_;
    std::vector<float> values_;
};

/// Calls work(rows) for parts of so many rows, one for each thread as far as they go: complete
/// groups, so that products have the same bits on any number of threads. Large parts, as what rows
/// are multiplied with is repacked for each.
/// @param rows  complete groups
inline void share_groups(const parallel::ThreadPool& threads, std::int64_t rows,
                         const std::function<void(parallel::RowRange)>& work) {
    constexpr std::int64_t kGroup = AlignedRows::group();
    const std::int64_t shares = std::int64_t{kGroup} * threads.size();
    threads.run_slices(rows, std::max<std::int64_t>((rows + shares - 1) / shares, 1) * kGroup,
                       work);
}

/// C = alpha·A·B + beta·C, as sgemm has it, for complete groups of rows of A and C: each row with
/// the same bits however many groups there are. OpenBLAS has kernels of its own for small products
/// on AVX-512, which round otherwise; whether a product is small is decided by one group here.
void sgemm_of_groups(float alpha, ConstFloatView a, ConstFloatView b, float beta, FloatView c);

}  // namespace alphaprune::linalg
