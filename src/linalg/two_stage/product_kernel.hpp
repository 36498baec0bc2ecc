#pragma once

#include "kernels.hpp"
#include "simd.hpp"

namespace alphaprune::linalg::two_stage {
namespace {

enum class Sign { plus, minus };

/// Rows × (Vectors·Lanes) of C at once, held in registers throughout the loop over `depth`.
template <class S, int Rows, int Vectors, Sign sign, class Real>
inline void product_tile(std::int64_t depth, Strided<Real> a, const Real* b, std::int64_t ldb,
                         Real* c, std::int64_t ldc) {
    // C is wanted only at the end: it has the whole loop to come from memory.
    constexpr int kLine = 64 / sizeof(Real);
#pragma GCC unroll 8
    for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 8
        for (int v = 0; v < Vectors * S::kLanes; v += kLine) {
            __builtin_prefetch(c + i * ldc + v, 1);
        }
    }
    typename S::Vector sum[Rows][Vectors] = {};
    for (std::int64_t k = 0; k < depth; ++k) {
        typename S::Vector right[Vectors];
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v) {
            right[v] = S::load(b + k * ldb + v * S::kLanes);
        }
#pragma GCC unroll 8
        for (int i = 0; i < Rows; ++i) {
            const typename S::Vector left = S::all(a.data[i * a.row + k * a.step]);
#pragma GCC unroll 8
            for (int v = 0; v < Vectors; ++v) {
                sum[i][v] += left * right[v];
            }
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v) {
            Real* const place = c + i * ldc + v * S::kLanes;
            const typename S::Vector before = S::load(place);
            S::store(place, sign == Sign::plus ? before + sum[i][v] : before - sum[i][v]);
        }
    }
}

template <class S, int Rows, int Vectors, Sign sign, class Real>
void product(std::int64_t rows, std::int64_t depth, Strided<Real> a, const Real* b,
             std::int64_t ldb, Real* c, std::int64_t ldc) {
    constexpr int kWidth = Vectors * S::kLanes;
    static_assert(kBand % kWidth == 0 && 8 % Rows == 0);
    for (std::int64_t i = 0; i < rows; i += Rows) {
        for (int col = 0; col < kBand; col += kWidth) {
            product_tile<S, Rows, Vectors, sign>(depth,
                                                 Strided<Real>{a.data + i * a.row, a.row, a.step},
                                                 b + col, ldb, c + i * ldc + col, ldc);
        }
    }
}

}  // namespace
}  // namespace alphaprune::linalg::two_stage
