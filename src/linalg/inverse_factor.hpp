#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace alphaprune::linalg {

// A symmetric float32 matrix, row-major, and U, the upper Cholesky factor of its inverse, which
// takes the place of the upper triangle while the lower one keeps what the matrix was. To LAPACK,
// which counts by columns, it is the lower triangle.

/// The upper triangle's part of rows [begin, end), from column `begin` on, packed; zero below the
/// diagonal.
std::vector<float> packed_rows(const float* values, std::int64_t order, std::int64_t begin,
                               std::int64_t end);

/// The inverse of packed_rows; the lower triangle is left alone.
void unpack_rows(const std::vector<float>& packed, std::int64_t order, std::int64_t begin,
                 std::int64_t end, float* values);

/// Puts U of the matrix with another diagonal into the upper triangle, by LAPACK's potrf, potri,
/// potrf. False when the matrix is not positive definite in float32; then it may be tried again.
bool factor_inverse_of(float* values, std::int64_t order, std::span<const float> diagonal);

}  // namespace alphaprune::linalg
