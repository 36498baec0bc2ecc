#pragma once

#include "product_kernel.hpp"
#include "reflector.hpp"

namespace alphaprune::linalg::two_stage {
namespace {

/// QR of Width columns, `first` to first + Width, by columns: one pass over the rows for each
/// reflector, which applies it and gathers the products that the next one needs.
template <class S, int Vectors, class Real>
void factor_strip(std::int64_t rows, Real* panel, int first, Real* r, Real* tau) {
    constexpr int kWidth = Vectors * S::kLanes;
    using Vector = typename S::Vector;
    Real* const strip = panel + first;
    Vector inner[Vectors] = {};  // Σ x_i·row_i over the rows below the pivot, x the pivot's column
    for (std::int64_t i = first + 1; i < rows; ++i) {
        const Vector x = S::all(strip[i * kBand]);
        for (int v = 0; v < Vectors; ++v) {
            inner[v] += x * S::load(strip + i * kBand + v * S::kLanes);
        }
    }
    for (int j = 0; j < kWidth; ++j) {
        Real* const pivot = strip + (first + j) * kBand;
        Real below[kWidth];
        Real step[kWidth];  // tau·(vᵀ·column)
        for (int v = 0; v < Vectors; ++v) {
            S::store(below + v * S::kLanes, inner[v]);
        }
        const Reflector<Real> h = reflector_of(pivot[j], below[j]);
        tau[first + j] = h.tau;
        for (int c = 0; c < kWidth; ++c) {
            step[c] = c > j ? h.tau * (pivot[c] + h.scale * below[c]) : Real(0);
        }
        for (int c = 0; c <= j; ++c) {
            pivot[c] = c == j ? h.beta : pivot[c];
        }
        for (int c = j + 1; c < kWidth; ++c) {
            pivot[c] -= step[c];
        }
        Vector change[Vectors];
        typename S::Mask own[Vectors];
        for (int v = 0; v < Vectors; ++v) {
            change[v] = S::load(step + v * S::kLanes);
            const int lane = j - v * S::kLanes;
            own[v] = S::from_lane(lane) & ~S::from_lane(lane + 1);
            inner[v] = Vector{};
        }
        const int next = j + 1 < kWidth ? j + 1 : j;
        const std::int64_t second = first + j + 1;
        for (std::int64_t i = second; i < rows; ++i) {
            Real* const row = strip + i * kBand;
            const Real reflector = row[j] * h.scale;
            const Vector left = S::all(reflector);
            for (int v = 0; v < Vectors; ++v) {
                Vector value = S::load(row + v * S::kLanes) - left * change[v];
                value = own[v] ? left : value;
                S::store(row + v * S::kLanes, value);
            }
            // What was stored, to the bit: of dependent columns only rounding is left, and a
            // reflector made of one rounding with the length of another would not be orthogonal.
            const Vector x = S::all(i > second ? row[next] : Real(0));
            for (int v = 0; v < Vectors; ++v) {
                inner[v] += x * S::load(row + v * S::kLanes);
            }
        }
    }
    // R moves out; V's ones and zeros move in.
    for (int j = 0; j < kWidth; ++j) {
        Real* const pivot = strip + (first + j) * kBand;
        for (int c = j; c < kWidth; ++c) {
            r[(first + j) * kBand + first + c] = pivot[c];
            pivot[c] = c == j ? Real(1) : Real(0);
        }
    }
}

/// T of the columns [first, last): T_jj = tau_j, T_ij = −tau_j·Σ_k T_ik·(v_kᵀ·v_j), k from i to
/// j−1.
/// @param inner  inner[j·kBand + k] = v_jᵀ·v_k for k < j
template <class Real>
void triangular_factor(int first, int last, const Real* inner, const Real* tau, Real* t) {
    for (int j = first; j < last; ++j) {
        for (int i = first; i < j; ++i) {
            Real sum = 0;
            for (int k = i; k < j; ++k) {
                sum += t[i * kBand + k] * inner[j * kBand + k];
            }
            t[i * kBand + j] = -tau[j] * sum;
        }
        t[j * kBand + j] = tau[j];
    }
}

template <class S, int Rows, int Vectors, class Real>
void factor_panel(std::int64_t rows, Real* panel, Real* r, Real* t) {
    constexpr int kStripVectors = S::kLanes < 8 ? 8 / S::kLanes : 1;
    constexpr int kWidth = kStripVectors * S::kLanes;
    Real tau[kBand];
    Real inner[kBand * kBand] = {};
    Real part[kBand * kBand];
    for (int i = 0; i < kBand * kBand; ++i) {
        r[i] = t[i] = 0;
    }
    for (int first = 0; first < kBand; first += kWidth) {
        const int last = first + kWidth;
        factor_strip<S, kStripVectors>(rows, panel, first, r, tau);
        // Strip's Vᵀ times the whole panel: with the V before, with itself, with what is to come.
        Real* const products = inner + first * kBand;
        product<S, Rows, Vectors, Sign::plus>(
            kWidth, rows - first, Strided<Real>{panel + first * kBand + first, 1, kBand},
            panel + first * kBand, kBand, products, kBand);
        for (int i = 0; i < kBand * kBand; ++i) {
            part[i] = 0;
        }
        triangular_factor(first, last, inner, tau, part);
        // Qᵀ·rest = rest − V·(Tᵀ·Vᵀ·rest)
        Real change[kWidth * kBand] = {};
        for (int i = 0; i < kWidth; ++i) {
            for (int k = 0; k <= i; ++k) {
                const Real factor = part[(first + k) * kBand + first + i];
                for (int c = last; c < kBand; ++c) {
                    change[i * kBand + c] += factor * products[k * kBand + c];
                }
            }
        }
        if (last < kBand) {
            product<S, Rows, Vectors, Sign::minus>(
                rows - first, kWidth, Strided<Real>{panel + first * kBand + first, kBand, 1},
                change, kBand, panel + first * kBand, kBand);
        }
        for (int i = first; i < last; ++i) {
            for (int c = last; c < kBand; ++c) {
                r[i * kBand + c] = panel[i * kBand + c];
                panel[i * kBand + c] = 0;
            }
        }
    }
    triangular_factor(0, kBand, inner, tau, t);
}

}  // namespace
}  // namespace alphaprune::linalg::two_stage
