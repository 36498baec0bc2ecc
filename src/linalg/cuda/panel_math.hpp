#pragma once

#include <cmath>

#include "cuda/kernel_body.hpp"

// Householder QR of a panel of kPanel columns with one sum over its rows for each column. With x
// the column at hand and j its number, the sums over the rows r below row j
//     s_k = Σ x_r a_rk     (all columns k: those to the left hold the reflectors found before)
// and row j itself give the reflector, what it does to the columns to the right, and its products
// with the reflectors to the left, from which T of Q = I − V T Vᵀ comes.

namespace alphaprune::linalg::kernels {

inline constexpr int kPanel = 32;
/// Values of a column of a band of as many subdiagonals, with room for what fills in while it is
/// made tridiagonal: element (i, j), i >= j, at band[j · kBandColumn + i − j].
inline constexpr int kBandColumn = 2 * kPanel;

/// H = I − tau · v vᵀ with v_j = 1 and v_r = scale · x_r below, so that H x = beta e_j.
struct Reflector {
    double tau = 0;
    double scale = 0;
    double beta = 0;
};

/// @param pivot   x_j
/// @param tail_sq  s_j, the sum of the squares below
ALPHAPRUNE_KERNEL Reflector make_reflector(double pivot, double tail_sq) {
    if (!(tail_sq > 0)) {
        return {0, 0, pivot};  // nothing is below: H = I
    }
    const double norm = sqrt(pivot * pivot + tail_sq);
    const double beta = pivot > 0 ? -norm : norm;
    return {(beta - pivot) / beta, 1 / (pivot - beta), beta};
}

/// How much of v is taken from column k > j: H a_k = a_k − w_k v.
/// @param pivot  a_jk
ALPHAPRUNE_KERNEL double share_of_column(const Reflector& reflector, double pivot, double sum) {
    return reflector.tau * (pivot + reflector.scale * sum);
}

/// v_kᵀ v_j for k < j. @param pivot  v_k's value in row j
ALPHAPRUNE_KERNEL double product_of_reflectors(const Reflector& reflector, double pivot,
                                               double sum) {
    return pivot + reflector.scale * sum;
}

/// Row `row` of column j of T: −tau · Σ_k T_row,k · (v_kᵀ v_j) over row <= k < j; tau at row j.
/// @param t         kPanel × kPanel, row-major
/// @param products  v_kᵀ v_j
ALPHAPRUNE_KERNEL double entry_of_t(const Reflector& reflector, const double* t,
                                    const double* products, int row, int j) {
    if (row == j) {
        return reflector.tau;
    }
    double sum = 0;
    for (int k = row; k < j; ++k) {
        sum += t[row * kPanel + k] * products[k];
    }
    return row < j ? -reflector.tau * sum : 0;
}

}  // namespace alphaprune::linalg::kernels
