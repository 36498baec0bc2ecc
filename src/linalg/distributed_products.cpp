#include "distributed_products.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <utility>

#include "alphaprune/linalg/arithmetic.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "matrix.hpp"
#include "scalapack.hpp"

namespace alphaprune::linalg {
namespace {

/// Vectors of all ranks together that are added at a time.
constexpr std::int64_t kVectorsAtATime = 2048;

/// Side of the square blocks in which a matrix of this order is distributed.
std::int64_t cholesky_block(std::int64_t order, GridShape grid) {
    constexpr std::int64_t kBest = 64;
    return std::clamp<std::int64_t>(order / std::max(grid.rows, grid.cols), 1, kBest);
}

class DistributedProducts : public OuterProducts {
  public:
    DistributedProducts(const parallel::Communicator& group, std::int64_t order);

    void add(std::span<const float> vectors, std::int64_t count) override;
    std::vector<float> finish(float scale) override;
    bool factor_inverse(std::span<const float> diagonal) override;
    std::vector<float> factor_rows(std::int64_t begin, std::int64_t end) const override;

  private:
    void add_some(std::span<const float> vectors, std::int64_t count);
    bool factor_on_grid();
    /// Calls use(index, value) for the diagonal elements that lie on this rank.
    template <class Use>
    void for_diagonal(Use use);

    const parallel::Communicator* group_;
    std::int64_t order_;
    BlacsGrid grid_;
    BlockCyclicLayout layout_;
    std::vector<float> values_;    ///< column-major; the lower triangle counts
    std::vector<float> original_;  ///< the sum, while factors are tried
};

DistributedProducts::DistributedProducts(const parallel::Communicator& group, std::int64_t order)
    : group_(&group), order_(order), grid_(group, near_square_grid(group.size(), order)) {
    use_one_blas_thread();
    const std::int64_t block = cholesky_block(order, grid_.shape());
    layout_ = {grid_.over_rows(order, block), grid_.over_cols(order, block)};
    values_ = parallel::run_collectively(group, [&] {
        return memory_for<float>(layout_.rows.local_size(), layout_.cols.local_size());
    });
}

void DistributedProducts::add(std::span<const float> vectors, std::int64_t count) {
    assert(static_cast<std::int64_t>(vectors.size()) == count * order_);
    const std::int64_t each = std::max<std::int64_t>(1, kVectorsAtATime / group_->size());
    const std::int64_t rounds = group_->max((count + each - 1) / each);
    for (std::int64_t round = 0; round < rounds; ++round) {
        const std::int64_t begin = std::min(round * each, count);
        const std::int64_t end = std::min(begin + each, count);
        add_some(vectors.subspan(static_cast<std::size_t>(begin * order_),
                                 static_cast<std::size_t>((end - begin) * order_)),
                 end - begin);
    }
}

void DistributedProducts::add_some(std::span<const float> vectors, std::int64_t count) {
    const DistributedVectors added =
        distribute_vectors(*group_, grid_, layout_.rows, vectors, count);
    if (!grid_.member() || added.layout.cols.size == 0) {
        return;
    }
    const std::array<int, 9> vectors_are = grid_.descriptor(added.layout);
    const std::array<int, 9> sum_is = grid_.descriptor(layout_);
    const int n = static_cast<int>(order_);
    const int k = static_cast<int>(added.layout.cols.size);
    const float one = 1;
    pssyrk_("L", "N", &n, &k, &one, added.local.data(), &kFirst, &kFirst, vectors_are.data(), &one,
            values_.data(), &kFirst, &kFirst, sum_is.data());
}

template <class Use>
void DistributedProducts::for_diagonal(Use use) {
    const std::int64_t height = layout_.rows.local_size();
    for (std::int64_t j = 0; j < layout_.cols.local_size(); ++j) {
        const std::int64_t index = layout_.cols.global_of(j);
        if (grid_.member() && layout_.rows.owner_of(index) == grid_.row()) {
            use(static_cast<std::size_t>(index),
                values_[static_cast<std::size_t>(j * height + layout_.rows.local_of(index))]);
        }
    }
}

std::vector<float> DistributedProducts::finish(float scale) {
    for (float& value : values_) {
        value *= scale;
    }
    std::vector<float> diagonal(static_cast<std::size_t>(order_), 0.0F);
    for_diagonal([&](std::size_t index, float value) { diagonal[index] = value; });
    group_->all_reduce_sum(std::span(diagonal));  // one rank has a value, the others zero: exact
    original_ = parallel::run_collectively(*group_, [&] {
        return memory_for<float>(layout_.rows.local_size(), layout_.cols.local_size());
    });
    original_.swap(values_);
    return diagonal;
}

bool DistributedProducts::factor_inverse(std::span<const float> diagonal) {
    values_ = original_;
    for_diagonal([&](std::size_t index, float& value) { value = diagonal[index]; });
    const bool positive = !group_->any(grid_.member() && !factor_on_grid());
    if (positive) {
        original_ = {};
    }
    return positive;
}

bool DistributedProducts::factor_on_grid() {
    const std::array<int, 9> desc = grid_.descriptor(layout_);
    const int n = static_cast<int>(order_);
    for (const auto step : {pspotrf_, pspotri_, pspotrf_}) {
        int info = 0;
        step("L", &n, values_.data(), &kFirst, &kFirst, desc.data(), &info, 1);
        if (grid_.ranks().any(info != 0)) {
            return false;
        }
    }
    bool positive = true;
    for_diagonal([&](std::size_t, float value) {
        positive = positive && value > 0 && std::isfinite(value);  // potrf may not notice NaN
    });
    return positive;
}

std::vector<float> DistributedProducts::factor_rows(std::int64_t begin, std::int64_t end) const {
    // Rows of U are columns of the lower factor.
    const std::int64_t width = order_ - begin;
    const std::int64_t height = layout_.rows.local_size();
    std::vector<float> rows(static_cast<std::size_t>((end - begin) * width), 0.0F);
    for (std::int64_t j = 0; grid_.member() && j < layout_.cols.local_size(); ++j) {
        const std::int64_t index = layout_.cols.global_of(j);
        if (index < begin || index >= end) {
            continue;
        }
        float* const row = rows.data() + (index - begin) * width;
        for (std::int64_t i = 0; i < height; ++i) {
            const std::int64_t col = layout_.rows.global_of(i);
            if (col >= index) {
                row[col - begin] = values_[static_cast<std::size_t>(j * height + i)];
            }
        }
    }
    group_->all_reduce_sum(std::span(rows));  // each value is on one rank, zero on the others
    return rows;
}

struct Range {
    std::int64_t begin = 0;
    std::int64_t end = 0;
    std::int64_t size() const { return std::max<std::int64_t>(0, end - begin); }
};

Range overlap(Range a, Range b) {
    return {std::max(a.begin, b.begin), std::min(a.end, b.end)};
}

/// The numbers of each rank's vectors.
std::vector<Range> numbered(const std::vector<std::int64_t>& counts) {
    std::vector<Range> ranges;
    std::int64_t at = 0;
    for (const std::int64_t count : counts) {
        ranges.push_back({at, at + count});
        at += count;
    }
    return ranges;
}

/// Appends the values that fall to one part of the rows, vector after vector.
void pack(std::span<const float> vectors, Range chosen, const CyclicDimension& rows,
          std::vector<float>& out) {
    const std::int64_t share = rows.local_size();
    for (std::int64_t v = chosen.begin; v < chosen.end; ++v) {
        const float* const vector = vectors.data() + v * rows.size;
        for (std::int64_t at = 0; at < share; at = rows.run_end(at)) {
            const float* const run = vector + rows.global_of(at);
            out.insert(out.end(), run, run + (rows.run_end(at) - at));
        }
    }
}

}  // namespace

std::unique_ptr<OuterProducts> make_distributed_products(const parallel::Communicator& group,
                                                         std::int64_t order) {
    return std::make_unique<DistributedProducts>(group, order);
}

double distributed_products_values(int ranks, std::int64_t order) {
    const auto n = static_cast<double>(order);
    const GridShape grid = near_square_grid(ranks, order);
    const auto block = static_cast<double>(cholesky_block(order, grid));
    const double share = (n / grid.rows + block) * (n / grid.cols + block);
    const double vectors = kVectorsAtATime * n * (1.0 / grid.ranks() + 1.0 / ranks);
    return 2 * share + vectors;  // the sum and its factor
}

DistributedVectors distribute_vectors(const parallel::Communicator& group, const BlacsGrid& grid,
                                      const CyclicDimension& rows, std::span<const float> vectors,
                                      std::int64_t count) {
    const std::vector<Range> numbers = numbered(group.all_gather(count));
    const GridShape shape = grid.shape();
    const std::int64_t total = numbers.back().end;
    const std::int64_t piece = std::max<std::int64_t>(1, (total + shape.cols - 1) / shape.cols);
    const Range mine = numbers[static_cast<std::size_t>(group.rank())];
    const auto piece_of = [&](int col) { return Range{col * piece, (col + 1) * piece}; };

    parallel::Communicator::Parts sent;
    std::vector<float> packed;
    packed.reserve(vectors.size());
    for (int rank = 0; rank < group.size(); ++rank) {
        const std::size_t before = packed.size();
        if (rank < shape.ranks()) {  // the grid is numbered by columns
            const CyclicDimension theirs{rows.size, rows.block, shape.rows, rank % shape.rows};
            const Range chosen = overlap(mine, piece_of(rank / shape.rows));
            pack(vectors, {chosen.begin - mine.begin, chosen.end - mine.begin}, theirs, packed);
        }
        sent.add(static_cast<std::int64_t>(packed.size() - before));
    }

    DistributedVectors result{{rows, grid.over_cols(total, piece)}, {}};
    parallel::Communicator::Parts received;
    for (const Range& theirs : numbers) {
        const std::int64_t vectors_here =
            grid.member() ? overlap(theirs, piece_of(grid.col())).size() : 0;
        received.add(vectors_here * rows.local_size());
    }
    // What comes is in the order of ranks, thus of vectors: it is the local matrix, column-major.
    result.local.resize(static_cast<std::size_t>(received.total));
    if (group.size() == 1) {
        result.local = std::move(packed);
    } else {
        group.all_to_all(packed, sent, result.local, received);
    }
    return result;
}

}  // namespace alphaprune::linalg
