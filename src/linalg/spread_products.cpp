#include "spread_products.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>

#include "alphaprune/linalg/blas_threads.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "float_memory.hpp"
#include "row_exchange.hpp"
#include "single_precision.hpp"

namespace alphaprune::linalg {
namespace {

constexpr int kFirst = 1;  // Fortran's first row or column

}  // namespace

std::int64_t cholesky_block(std::int64_t order, GridShape grid) {
    constexpr std::int64_t kBest = 64;
    return std::clamp<std::int64_t>(order / std::max(grid.rows, grid.cols), 1, kBest);
}

SpreadProducts::SpreadProducts(const parallel::Communicator& group, std::int64_t order)
    : group_(&group), order_(order), grid_(group, near_square_grid(group.size(), order)) {
    use_one_blas_thread();
    const std::int64_t block = cholesky_block(order, grid_.shape());
    layout_ = {grid_.over_rows(order, block), grid_.over_cols(order, block)};
    values_ = parallel::together(
        group, [&] { return float_matrix(layout_.rows.local_size(), layout_.cols.local_size()); });
}

void SpreadProducts::add(std::span<const float> vectors, std::int64_t count) {
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

void SpreadProducts::add_some(std::span<const float> vectors, std::int64_t count) {
    const SpreadVectors spread = spread_vectors(*group_, grid_, layout_.rows, vectors, count);
    if (!grid_.member() || spread.layout.cols.size == 0) {
        return;
    }
    const std::array<int, 9> vectors_are = grid_.descriptor(spread.layout);
    const std::array<int, 9> sum_is = grid_.descriptor(layout_);
    const int n = static_cast<int>(order_);
    const int k = static_cast<int>(spread.layout.cols.size);
    const float one = 1;
    pssyrk_("L", "N", &n, &k, &one, spread.local.data(), &kFirst, &kFirst, vectors_are.data(), &one,
            values_.data(), &kFirst, &kFirst, sum_is.data());
}

template <class Use>
void SpreadProducts::for_diagonal(Use use) {
    const std::int64_t height = layout_.rows.local_size();
    for (std::int64_t j = 0; j < layout_.cols.local_size(); ++j) {
        const std::int64_t index = layout_.cols.global_of(j);
        if (grid_.member() && layout_.rows.owner_of(index) == grid_.row()) {
            use(static_cast<std::size_t>(index),
                values_[static_cast<std::size_t>(j * height + layout_.rows.local_of(index))]);
        }
    }
}

std::vector<float> SpreadProducts::finish(float scale) {
    for (float& value : values_) {
        value *= scale;
    }
    std::vector<float> diagonal(static_cast<std::size_t>(order_), 0.0F);
    for_diagonal([&](std::size_t index, float value) { diagonal[index] = value; });
    group_->all_reduce_sum(std::span(diagonal));  // one rank has a value, the others zero: exact
    original_ = parallel::together(*group_, [&] {
        return float_matrix(layout_.rows.local_size(), layout_.cols.local_size());
    });
    original_.swap(values_);
    return diagonal;
}

bool SpreadProducts::factor_inverse(std::span<const float> diagonal) {
    values_ = original_;
    for_diagonal([&](std::size_t index, float& value) { value = diagonal[index]; });
    const bool positive = !group_->any(grid_.member() && !factor_on_grid());
    if (positive) {
        original_ = {};
    }
    return positive;
}

bool SpreadProducts::factor_on_grid() {
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

std::vector<float> SpreadProducts::factor_rows(std::int64_t begin, std::int64_t end) const {
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

}  // namespace alphaprune::linalg
