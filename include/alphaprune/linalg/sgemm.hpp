#pragma once

#include <cstdint>

namespace alphaprune::linalg {

/// A row-major float32 matrix in somebody else's memory; row i starts at data + i·stride.
template <class Real>
struct RowMajorView {
    Real* data = nullptr;
    std::int64_t rows = 0;
    std::int64_t cols = 0;
    std::int64_t stride = 0;
};
using FloatView = RowMajorView<float>;
using ConstFloatView = RowMajorView<const float>;

enum class Transpose { no, yes };

/// C = alpha·A·op(B) + beta·C, where op(B) is B or Bᵀ. C may have any values, NaN too, when beta is
/// zero. Indices are 64 bits wide; each dimension and stride must fit 31.
/// @throws Error (failure) when one does not
void sgemm(float alpha, ConstFloatView a, ConstFloatView b, Transpose transpose_b, float beta,
           FloatView c);

}  // namespace alphaprune::linalg
