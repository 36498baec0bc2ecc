#include "inverse_factor.hpp"

#include <algorithm>
#include <cmath>

#include "blas.hpp"

namespace alphaprune::linalg {
namespace {

/// The matrix as it was, from the triangle that LAPACK does not touch.
void restore(float* values, std::int64_t order, std::span<const float> diagonal) {
    for (std::int64_t i = 0; i < order; ++i) {
        float* const row = values + i * order;
        row[i] = diagonal[static_cast<std::size_t>(i)];
        for (std::int64_t j = i + 1; j < order; ++j) {
            row[j] = values[j * order + i];
        }
    }
}

}  // namespace

std::vector<float> packed_rows(const float* values, std::int64_t order, std::int64_t begin,
                               std::int64_t end) {
    const std::int64_t width = order - begin;
    std::vector<float> packed(static_cast<std::size_t>((end - begin) * width));
    for (std::int64_t i = begin; i < end; ++i) {
        std::copy(values + i * order + i, values + (i + 1) * order,
                  packed.begin() + (i - begin) * width + (i - begin));
    }
    return packed;
}

void unpack_rows(const std::vector<float>& packed, std::int64_t order, std::int64_t begin,
                 std::int64_t end, float* values) {
    const std::int64_t width = order - begin;
    for (std::int64_t i = begin; i < end; ++i) {
        const auto from = packed.begin() + (i - begin) * width + (i - begin);
        std::copy(from, from + (order - i), values + i * order + i);
    }
}

bool factor_inverse_of(float* values, std::int64_t order, std::span<const float> diagonal) {
    restore(values, order, diagonal);
    const int n = static_cast<int>(order);
    int info = 0;
    for (const auto step : {spotrf_, spotri_, spotrf_}) {
        step("L", &n, values, &n, &info, 1);
        if (info != 0) {
            return false;
        }
    }
    for (std::int64_t i = 0; i < order; ++i) {
        const float value = values[i * order + i];
        if (!(value > 0) || !std::isfinite(value)) {
            return false;  // not every potrf notices NaN
        }
    }
    return true;
}

}  // namespace alphaprune::linalg
