#include "distributed_gram.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "alphaprune/parallel/agreement.hpp"
#include "gram.hpp"
#include "scalapack.hpp"

namespace alphaprune::linalg {
namespace {

/// A stretch of the longer side of W, distributed over the grid so that what a rank reads row-major
/// is stored column-major in its share: depth×order for a wide W, order×depth for a tall one. The
/// order is distributed in the blocks of the Gram matrix, the depth in one contiguous piece per
/// rank.
class Panel {
  public:
    Panel(const BlacsGrid& grid, const GramShape& shape, std::int64_t block)
        : grid_(grid), shape_(shape), block_(block) {
        const std::int64_t depth = std::min(kGroupPanelDepth, shape.depth);
        place(0, depth);
        local_ = Matrix(layout_.rows.local_size(), layout_.cols.local_size());
        if (!shape.wide) {
            slab_ = Matrix(shape.order, kSlabRows);
        }
    }

    /// Reads this rank's share of the depth indices [begin, end); how many were not finite.
    std::int64_t fill(MatrixSource& matrix, std::int64_t begin, std::int64_t end) {
        place(begin, end);
        if (!grid_.member()) {
            return 0;
        }
        return shape_.wide ? fill_wide(matrix) : fill_tall(matrix);
    }

    /// gram += this panel's product with itself, lower triangle. Collective over the grid.
    void add_to(DistributedMatrix& gram) const {
        const std::array<int, 9> panel_is = grid_.descriptor(layout_);
        const std::array<int, 9> gram_is = grid_.descriptor(gram.layout);
        const int n = static_cast<int>(shape_.order);
        const int k = static_cast<int>(shape_.wide ? layout_.rows.size : layout_.cols.size);
        const double one = 1;
        pdsyrk_("L", shape_.wide ? "T" : "N", &n, &k, &one, local_.data(), &kFirst, &kFirst,
                panel_is.data(), &one, gram.local.data(), &kFirst, &kFirst, gram_is.data());
    }

  private:
    void place(std::int64_t begin, std::int64_t end) {
        begin_ = begin;
        const std::int64_t depth = end - begin;
        const GridShape grid = grid_.shape();
        const int parts = shape_.wide ? grid.rows : grid.cols;
        const std::int64_t piece = (depth + parts - 1) / parts;
        layout_ = shape_.wide ? BlockCyclicLayout{grid_.over_rows(depth, piece),
                                                  grid_.over_cols(shape_.order, block_)}
                              : BlockCyclicLayout{grid_.over_rows(shape_.order, block_),
                                                  grid_.over_cols(depth, piece)};
    }

    std::int64_t fill_wide(MatrixSource& matrix) {
        const std::int64_t depth = layout_.rows.local_size();
        if (depth == 0) {
            return 0;
        }
        const std::int64_t from = begin_ + layout_.rows.global_of(0);
        const CyclicDimension& order = layout_.cols;
        std::int64_t nonfinite = 0;
        for (std::int64_t at = 0; at < order.local_size(); at = order.run_end(at)) {
            const std::int64_t count = order.run_end(at) - at;
            const std::int64_t row = order.global_of(at);
            const Rectangle part{row, row + count, from, from + depth};
            const auto values = local_.values().subspan(static_cast<std::size_t>(at * depth),
                                                        static_cast<std::size_t>(part.size()));
            matrix.read(part, values);
            nonfinite += count_nonfinite(std::span<const double>(values));
        }
        return nonfinite;
    }

    std::int64_t fill_tall(MatrixSource& matrix) {
        // Whole rows are read and this rank's columns picked: pieces of 32 values, row after row,
        // would cost more than reading the neighbors' columns too.
        const std::int64_t depth = layout_.cols.local_size();
        const std::int64_t from = begin_ + (depth > 0 ? layout_.cols.global_of(0) : 0);
        const CyclicDimension& order = layout_.rows;
        const std::int64_t share = order.local_size();
        for (std::int64_t first = 0; first < depth; first += kSlabRows) {
            const std::int64_t last = std::min(first + kSlabRows, depth);
            const Rectangle part{from + first, from + last, 0, shape_.order};
            matrix.read(part, slab_.values().first(static_cast<std::size_t>(part.size())));
            for (std::int64_t row = first; row < last; ++row) {
                const double* const values = slab_.data() + (row - first) * shape_.order;
                double* const mine = local_.data() + row * share;
                for (std::int64_t at = 0; at < share; at = order.run_end(at)) {
                    std::copy_n(values + order.global_of(at), order.run_end(at) - at, mine + at);
                }
            }
        }
        return count_nonfinite(std::span<const double>(
            local_.values().first(static_cast<std::size_t>(share * depth))));
    }

    const BlacsGrid& grid_;
    const GramShape& shape_;
    std::int64_t block_;
    std::int64_t begin_ = 0;
    BlockCyclicLayout layout_;
    Matrix local_;
    Matrix slab_;
};

double sum_over_lower(const DistributedMatrix& lower, bool diagonal_only, double scale) {
    double sum = 0;
    for (std::int64_t j = 0; j < lower.local.cols(); ++j) {
        const std::int64_t col = lower.layout.cols.global_of(j);
        for (std::int64_t i = 0; i < lower.local.rows(); ++i) {
            const std::int64_t row = lower.layout.rows.global_of(i);
            const double value = lower.local.column(j)[i] * scale;
            if (diagonal_only) {
                sum += row == col ? value : 0;
            } else {
                sum += row == col ? value * value : row > col ? 2 * value * value : 0;
            }
        }
    }
    return sum;
}

}  // namespace

std::int64_t block_size(std::int64_t order, GridShape grid) {
    constexpr std::int64_t kBest = 32;  // as measured: 16 slows pdsyrk, 64 gains nothing
    return std::clamp<std::int64_t>(order / std::max(grid.rows, grid.cols), 1, kBest);
}

DistributedMatrix distributed_gram(const parallel::Communicator& group, const BlacsGrid& grid,
                                   MatrixSource& matrix) {
    const GramShape shape =
        parallel::run_collectively(group, [&] { return GramShape::of(matrix); });
    const std::int64_t block = block_size(shape.order, grid.shape());
    DistributedMatrix gram{{grid.over_rows(shape.order, block), grid.over_cols(shape.order, block)},
                           {}};
    std::optional<Panel> panel;
    parallel::run_collectively(group, [&] {
        gram.local = Matrix(gram.layout.rows.local_size(), gram.layout.cols.local_size());
        panel.emplace(grid, shape, block);
    });
    std::int64_t nonfinite = 0;
    for (std::int64_t begin = 0; begin < shape.depth; begin += kGroupPanelDepth) {
        const std::int64_t end = std::min(begin + kGroupPanelDepth, shape.depth);
        nonfinite +=
            parallel::run_collectively(group, [&] { return panel->fill(matrix, begin, end); });
        if (grid.member()) {
            panel->add_to(gram);
        }
    }
    nonfinite = group.sum(nonfinite);
    parallel::run_collectively(group, [&] { refuse_nonfinite(nonfinite, matrix); });
    return gram;
}

GramMoments moments_of(const parallel::Communicator& group, const DistributedMatrix& lower) {
    GramMoments moments;
    moments.trace = group.sum(sum_over_lower(lower, true, 1));
    if (moments.trace > 0) {
        moments.relative_frobenius_sq = group.sum(sum_over_lower(lower, false, 1 / moments.trace));
    }
    return moments;
}

void mirror_lower_triangle(const BlacsGrid& grid, DistributedMatrix& lower, Matrix& scratch) {
    const std::array<int, 9> desc = grid.descriptor(lower.layout);
    const int n = static_cast<int>(lower.layout.rows.size);
    const double one = 1;
    const double zero = 0;
    pdtran_(&n, &n, &one, lower.local.data(), &kFirst, &kFirst, desc.data(), &zero, scratch.data(),
            &kFirst, &kFirst, desc.data());
    for (std::int64_t j = 0; j < lower.local.cols(); ++j) {
        const std::int64_t col = lower.layout.cols.global_of(j);
        for (std::int64_t i = 0; i < lower.local.rows(); ++i) {
            if (col > lower.layout.rows.global_of(i)) {
                lower.local(i, j) = scratch(i, j);
            }
        }
    }
}

}  // namespace alphaprune::linalg
