#pragma once

#include "kernel_body.hpp"
#include "two_stage/reflector.hpp"

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

using Reflector = two_stage::Reflector<double>;

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
