#include "fake_algebra.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "blas.hpp"

using namespace alphaprune::linalg;

extern "C" void dpotri_(const char* uplo, const int* n, double* a, const int* lda, int* info,
                        std::size_t);

namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

void check(const ScaledSums& work, TouchedMemory& memory) {
    memory.expect(work.order >= 1, "no order");
    memory.expect(std::ssize(work.scale) == work.order && std::ssize(work.diagonal) == work.order,
                  "a scale or diagonal of another order");
    memory.reads(work.sums, work.order * work.order, "sums");
}

/// A_ij, from what is at and above the diagonal.
double scaled_at(const ScaledSums& work, std::int64_t i, std::int64_t j) {
    const auto [row, col] = std::minmax(i, j);
    if (row == col) {
        return work.diagonal[static_cast<std::size_t>(row)];
    }
    return work.sums[row * work.order + col] * work.scale[static_cast<std::size_t>(row)] *
           work.scale[static_cast<std::size_t>(col)];
}

}  // namespace

void fill_scaled(const ScaledSums& work, float* out, TouchedMemory& memory) {
    check(work, memory);
    memory.writes(out, work.order * work.order, "out");
    memory.end();
    for (std::int64_t i = 0; i < work.order * work.order; ++i) {
        out[i] = static_cast<float>(scaled_at(work, i / work.order, i % work.order));
    }
}

bool cholesky_factor(const ScaledSums& work, bool reversed, double* out, TouchedMemory& memory) {
    check(work, memory);
    memory.writes(out, work.order * work.order, "out");
    memory.end();
    const std::int64_t last = work.order - 1;
    bool is_finite = true;
    for (std::int64_t col = 0; col < work.order; ++col) {
        for (std::int64_t row = 0; row < work.order; ++row) {
            double& value = out[col * work.order + row];
            value = row < col  ? kNothing
                    : reversed ? scaled_at(work, last - row, last - col)
                               : scaled_at(work, row, col);
            is_finite = is_finite && (row < col || std::isfinite(value));
        }
    }
    const int order = static_cast<int>(work.order);
    int info = 0;
    if (is_finite) {
        dpotrf_("L", &order, out, &order, &info, 1);
    }
    if (!is_finite || info != 0) {
        std::fill_n(out, work.order * work.order, kNothing);
        return false;
    }
    return true;
}

void invert_factor(double* lower, std::int64_t order, float* out, TouchedMemory& memory) {
    memory.expect(order >= 1, "no order");
    memory.writes(lower, order * order, "lower");
    memory.writes(out, order * order, "out");
    memory.end();
    std::vector<double> inverse(static_cast<std::size_t>(order * order));
    for (std::int64_t i = 0; i < order; ++i) {
        inverse[static_cast<std::size_t>(i * (order + 1))] = 1;
    }
    const int size = static_cast<int>(order);
    const double one = 1;
    dtrsm_("L", "L", "N", "N", &size, &size, &one, lower, &size, inverse.data(), &size, 1, 1, 1, 1);
    // Row i and column j of JL⁻¹J: those counted from the end of L⁻¹, whose columns lie in a row.
    for (std::int64_t i = 0; i < order; ++i) {
        for (std::int64_t j = 0; j < order; ++j) {
            const std::int64_t at = (order - 1 - j) * order + (order - 1 - i);
            out[i * order + j] =
                j < i ? 0.0F : static_cast<float>(inverse[static_cast<std::size_t>(at)]);
        }
    }
    std::fill_n(lower, order * order, kNothing);
}

void invert_whole(double* lower, std::int64_t order, float* out, TouchedMemory& memory) {
    memory.expect(order >= 1, "no order");
    memory.writes(lower, order * order, "lower");
    memory.writes(out, order * order, "out");
    memory.end();
    const int size = static_cast<int>(order);
    int info = 0;
    dpotri_("L", &size, lower, &size, &info, 1);
    memory.expect(info == 0, "no factor");
    for (std::int64_t i = 0; i < order; ++i) {
        for (std::int64_t j = 0; j <= i; ++j) {
            const auto value = static_cast<float>(lower[j * order + i]);
            out[i * order + j] = value;
            out[j * order + i] = value;
        }
    }
    std::fill_n(lower, order * order, kNothing);
}

void add_matrix_product(const MatrixProduct& work, TouchedMemory& memory) {
    memory.expect(work.inner >= 0, "a negative size");
    memory.reads_rows(work.a, work.rows, work.inner, work.a_stride, "a");
    memory.reads_rows(work.b, work.inner, work.cols, work.b_stride, "b");
    memory.writes_rows(work.out, work.rows, work.cols, work.out_stride, "out");
    memory.end();
    if (work.rows == 0 || work.cols == 0) {
        return;
    }
    const int m = static_cast<int>(work.cols);
    const int n = static_cast<int>(work.rows);
    const int k = static_cast<int>(work.inner);
    const int a_stride = static_cast<int>(std::max(work.a_stride, work.inner));
    const int b_stride = static_cast<int>(std::max(work.b_stride, work.cols));
    const int out_stride = static_cast<int>(std::max(work.out_stride, work.cols));
    const int shortest = 1;
    sgemm_("N", "N", &m, &n, &k, &work.alpha, work.b, &b_stride, work.a,
           k == 0 ? &shortest : &a_stride, &work.beta, work.out, &out_stride, 1, 1);
}
