#include "root_products.hpp"

#include <algorithm>
#include <cmath>

#include "blas.hpp"

namespace alphaprune::linalg {

std::vector<float> RootProducts::mirror_upper_triangle() {
    std::vector<float> diagonal(static_cast<std::size_t>(order_));
    for (std::int64_t i = 0; group_->is_root() && i < order_; ++i) {
        for (std::int64_t j = i; j < order_; ++j) {
            row(j)[i] = row(i)[j];
        }
        diagonal[static_cast<std::size_t>(i)] = row(i)[i];
    }
    group_->broadcast(std::span(diagonal));
    return diagonal;
}

bool RootProducts::factor_inverse(std::span<const float> diagonal) {
    int positive = group_->is_root() && factored(diagonal) ? 1 : 0;
    group_->broadcast(std::span(&positive, 1));
    if (positive == 1) {
        share_factor();
    }
    return positive == 1;
}

bool RootProducts::factored(std::span<const float> diagonal) {
    for (std::int64_t i = 0; i < order_; ++i) {  // from the triangle that LAPACK does not touch
        row(i)[i] = diagonal[static_cast<std::size_t>(i)];
        for (std::int64_t j = i + 1; j < order_; ++j) {
            row(i)[j] = row(j)[i];
        }
    }
    const int n = static_cast<int>(order_);
    int info = 0;
    for (const auto step : {spotrf_, spotri_, spotrf_}) {
        step("L", &n, values_, &n, &info, 1);
        if (info != 0) {
            return false;
        }
    }
    for (std::int64_t i = 0; i < order_; ++i) {
        const float value = row(i)[i];
        if (!(value > 0) || !std::isfinite(value)) {
            return false;  // not every potrf notices NaN
        }
    }
    return true;
}

std::vector<float> RootProducts::factor_rows(std::int64_t begin, std::int64_t end) const {
    const std::int64_t width = order_ - begin;
    std::vector<float> rows(static_cast<std::size_t>((end - begin) * width));
    for (std::int64_t i = begin; i < end; ++i) {
        std::copy(row(i) + i, row(i + 1), rows.begin() + (i - begin) * width + (i - begin));
    }
    return rows;
}

}  // namespace alphaprune::linalg
