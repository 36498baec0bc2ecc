#include "alphaprune/linalg/sgemm.hpp"

#include <algorithm>
#include <cassert>
#include <limits>

#include "alphaprune/linalg/aligned_rows.hpp"
#include "alphaprune/support/message.hpp"
#include "blas.hpp"

namespace alphaprune::linalg {
namespace {

const support::Failure<std::int64_t> kTooLarge{
    "linalg.dimension-too-large", "a matrix of dimension {} is too large for this BLAS",
    "the BLAS counts rows and columns in 32 bits", "use shorter sequences (--seqlen)"};

int blas_size(std::int64_t size) {
    if (size > std::numeric_limits<int>::max()) {
        throw kTooLarge("SGEMM", size);
    }
    return static_cast<int>(size);
}

}  // namespace

void sgemm(float alpha, ConstFloatView a, ConstFloatView b, Transpose transpose_b, float beta,
           FloatView c) {
    const bool transposed = transpose_b == Transpose::yes;
    assert(a.rows == c.rows);
    assert(a.cols == (transposed ? b.cols : b.rows));
    assert(c.cols == (transposed ? b.rows : b.cols));
    assert(a.stride >= a.cols && b.stride >= b.cols && c.stride >= c.cols);
    if (c.rows == 0 || c.cols == 0) {
        return;
    }
    // What is row-major here is its own transpose to BLAS: Cᵀ = op(B)ᵀ·Aᵀ.
    const int m = blas_size(c.cols);
    const int n = blas_size(c.rows);
    const int k = blas_size(a.cols);
    const int lda = blas_size(std::max<std::int64_t>(a.stride, 1));
    const int ldb = blas_size(std::max<std::int64_t>(b.stride, 1));
    const int ldc = blas_size(c.stride);
    sgemm_(transposed ? "T" : "N", "N", &m, &n, &k, &alpha, b.data, &ldb, a.data, &lda, &beta,
           c.data, &ldc, 1, 1);
}

void sgemm_of_groups(float alpha, ConstFloatView a, ConstFloatView b, float beta, FloatView c) {
    constexpr std::int64_t kGroup = AlignedRows::group();
    // OpenBLAS' limit for small products is 10⁶ multiplications; nothing is lost with a larger one.
    constexpr std::int64_t kSmall = std::int64_t{1} << 21;
    assert(a.rows % kGroup == 0);
    const bool small = kGroup * b.rows * b.cols <= kSmall;
    const std::int64_t step = small ? kGroup : std::max(kGroup, a.rows);
    for (std::int64_t row = 0; row < a.rows; row += step) {
        const std::int64_t rows = std::min(step, a.rows - row);
        sgemm(alpha, {a.data + row * a.stride, rows, a.cols, a.stride}, b, Transpose::no, beta,
              {c.data + row * c.stride, rows, c.cols, c.stride});
    }
}

}  // namespace alphaprune::linalg
