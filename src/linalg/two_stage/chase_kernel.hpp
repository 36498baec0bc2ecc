#pragma once

#include "panel_kernel.hpp"

namespace alphaprune::linalg::two_stage {
namespace {

inline constexpr std::int64_t kColumn = 2 * kBand;    // of the band's storage
inline constexpr std::int64_t kStride = kColumn - 1;  // from (i, j) to (i, j + 1)

/// A kBand-long vector in registers.
template <class S>
struct Segment {
    static constexpr int kVectors = kBand / S::kLanes;
    typename S::Vector part[kVectors];
};

/// One sweep on its way down the band: the reflector that it made last.
template <class Real>
struct Sweep {
    Real v[kBand];
    Real tau;
};

template <class S, class Real>
inline Segment<S> loaded(const Real* from) {
    Segment<S> segment;
    for (int q = 0; q < Segment<S>::kVectors; ++q) {
        segment.part[q] = S::load(from + q * S::kLanes);
    }
    return segment;
}

template <class S, class Real>
inline void stored(Real* to, const Segment<S>& segment) {
    for (int q = 0; q < Segment<S>::kVectors; ++q) {
        S::store(to + q * S::kLanes, segment.part[q]);
    }
}

template <class S>
inline auto dot(const Segment<S>& a, const Segment<S>& b) {
    typename S::Vector sum{};
    for (int q = 0; q < Segment<S>::kVectors; ++q) {
        sum += a.part[q] * b.part[q];
    }
    return S::sum(sum);
}

/// Makes the reflector that turns x into (beta, 0, …). Returns beta.
template <class S, class Real>
inline Real make_reflector(const Segment<S>& x, Sweep<Real>& sweep) {
    typename S::Vector squares{};
    for (int q = 0; q < Segment<S>::kVectors; ++q) {
        typename S::Vector value = x.part[q];
        if (q == 0) {
            value[0] = 0;
        }
        squares += value * value;
    }
    const Real alpha = x.part[0][0];
    const Reflector<Real> h = reflector_of(alpha, S::sum(squares));
    Segment<S> v;
    const typename S::Vector scale = S::all(h.scale);
    for (int q = 0; q < Segment<S>::kVectors; ++q) {
        v.part[q] = x.part[q] * scale;
    }
    v.part[0][0] = 1;
    stored<S>(sweep.v, v);
    sweep.tau = h.tau;
    return h.beta;
}

/// D := H·D·H for a kBand × kBand block on the diagonal, of which the lower triangle is stored.
template <class S, class Real>
inline void apply_from_both_sides(Real* block, const Sweep<Real>& sweep) {
    using Vector = typename S::Vector;
    constexpr int kVectors = Segment<S>::kVectors;
    const Segment<S> v = loaded<S>(sweep.v);
    Segment<S> y{};  // D·v: columns below the diagonal, then the same read as rows
    for (int group = 0; group < kVectors; ++group) {
        Vector across[S::kLanes];
        for (int lane = 0; lane < S::kLanes; ++lane) {
            const int c = group * S::kLanes + lane;
            const Real* const column = block + c * kStride;
            const Vector factor = S::all(sweep.v[c]);
            const Vector edge = S::load(column + group * S::kLanes);
            y.part[group] += (S::from_lane(lane) ? edge : Vector{}) * factor;
            Vector sum = (S::from_lane(lane + 1) ? edge : Vector{}) * v.part[group];
            for (int q = group + 1; q < kVectors; ++q) {
                const Vector value = S::load(column + q * S::kLanes);
                y.part[q] += value * factor;
                sum += value * v.part[q];
            }
            across[lane] = sum;
        }
        y.part[group] += S::sums(across);
    }
    // D − v·wᵀ − w·vᵀ with w = tau·y − ½·tau²·(yᵀv)·v
    const Real half = sweep.tau * sweep.tau * dot(y, v) / 2;
    Segment<S> w;
    for (int q = 0; q < kVectors; ++q) {
        w.part[q] = y.part[q] * S::all(sweep.tau) - v.part[q] * S::all(half);
    }
    Real factors[kBand];
    stored<S>(factors, w);
    for (int group = 0; group < kVectors; ++group) {
        for (int lane = 0; lane < S::kLanes; ++lane) {
            const int c = group * S::kLanes + lane;
            Real* const column = block + c * kStride;
            const Vector left = S::all(factors[c]);
            const Vector right = S::all(sweep.v[c]);
            Vector value = S::load(column + group * S::kLanes);
            const Vector change = v.part[group] * left + w.part[group] * right;
            value = S::from_lane(lane) ? value - change : value;
            S::store(column + group * S::kLanes, value);
            for (int q = group + 1; q < kVectors; ++q) {
                S::store(column + q * S::kLanes,
                         S::load(column + q * S::kLanes) - v.part[q] * left - w.part[q] * right);
            }
        }
    }
}

/// The block below a diagonal block: the sweep's reflector from the right fills it, a new reflector
/// from the left empties its first column again, and becomes the sweep's.
template <class S, class Real>
inline void pass_on(Real* block, Sweep<Real>& sweep) {
    using Vector = typename S::Vector;
    constexpr int kVectors = Segment<S>::kVectors;
    Segment<S> u{};
    for (int c = 0; c < kBand; ++c) {
        const Vector factor = S::all(sweep.v[c]);
        for (int q = 0; q < kVectors; ++q) {
            u.part[q] += S::load(block + c * kStride + q * S::kLanes) * factor;
        }
    }
    Segment<S> first;
    for (int q = 0; q < kVectors; ++q) {
        u.part[q] *= S::all(sweep.tau);
        first.part[q] = S::load(block + q * S::kLanes) - u.part[q];
    }
    Sweep<Real> next;
    const Real beta = make_reflector<S>(first, next);
    const Segment<S> v = loaded<S>(next.v);
    for (int group = 0; group < kVectors; ++group) {
        Vector products[S::kLanes];
        for (int lane = 0; lane < S::kLanes; ++lane) {
            const int c = group * S::kLanes + lane;
            Real* const column = block + c * kStride;
            const Vector factor = S::all(sweep.v[c]);
            Vector sum{};
            for (int q = 0; q < kVectors; ++q) {
                const Vector value = S::load(column + q * S::kLanes) - u.part[q] * factor;
                S::store(column + q * S::kLanes, value);
                sum += value * v.part[q];
            }
            products[lane] = sum;
        }
        Real factors[S::kLanes];
        S::store(factors, S::sums(products) * S::all(next.tau));
        for (int lane = 0; lane < S::kLanes; ++lane) {
            Real* const column = block + (group * S::kLanes + lane) * kStride;
            const Vector factor = S::all(factors[lane]);
            for (int q = 0; q < kVectors; ++q) {
                S::store(column + q * S::kLanes,
                         S::load(column + q * S::kLanes) - v.part[q] * factor);
            }
        }
    }
    Segment<S> cleared{};
    cleared.part[0][0] = beta;
    stored<S>(block, cleared);
    sweep = next;
}

/// Several sweeps at once, each one step behind the one before it, so that a piece of the band is
/// worked on by all of them while it is in the cache.
template <class S, class Real>
void chase_bulges(std::int64_t order, Real* band) {
    constexpr int kTogether = 16;
    Sweep<Real> sweeps[kTogether];
    const auto at = [band](std::int64_t i, std::int64_t j) { return band + j * kColumn + i - j; };
    for (std::int64_t start = 0; start + 2 < order; start += kTogether) {
        const std::int64_t steps = (order - 2 - start) / kBand + 1;
        for (std::int64_t wave = 0; wave < steps + kTogether - 1; ++wave) {
            for (int g = 0; g < kTogether; ++g) {
                const std::int64_t column = start + g;
                const std::int64_t row = column + 1 + (wave - g) * kBand;
                if (wave < g || row >= order - (wave == g ? 1 : 0)) {
                    continue;
                }
                Sweep<Real>& sweep = sweeps[g];
                if (wave == g) {
                    Real* const x = at(row, column);
                    Segment<S> cleared{};
                    cleared.part[0][0] = make_reflector<S>(loaded<S>(x), sweep);
                    stored<S>(x, cleared);
                } else {
                    pass_on<S>(at(row, row - kBand), sweep);
                }
                apply_from_both_sides<S>(at(row, row), sweep);
            }
        }
    }
}

/// @tparam Rows, Vectors  what of C a product holds in registers
template <class Real, int Lanes, int Rows, int Vectors>
constexpr Kernels<Real> kernels_for() {
    using S = Simd<Real, Lanes>;
    return {product<S, Rows, Vectors, Sign::plus, Real>,
            product<S, Rows, Vectors, Sign::minus, Real>, factor_panel<S, Rows, Vectors, Real>,
            chase_bulges<S, Real>};
}

}  // namespace
}  // namespace alphaprune::linalg::two_stage
