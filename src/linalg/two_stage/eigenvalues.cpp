#include "eigenvalues.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "alphaprune/support/error.hpp"
#include "band_reduction.hpp"
#include "blas.hpp"
#include "kernels.hpp"

namespace alphaprune::two_stage {
namespace {

/// A power of two that brings the largest element near 1: multiplying by it is exact, and squares
/// of the elements can neither overflow nor underflow where that would matter. The largest element
/// of a positive semidefinite matrix is on its diagonal.
template <class Real>
int exponent_of_largest(const BasicMatrix<Real>& lower) {
    Real largest = 0;
    for (std::int64_t j = 0; j < lower.cols(); ++j) {
        largest = std::max(largest, lower.column(j)[static_cast<std::size_t>(j)]);
    }
    // Within the range where the power of two itself can be written.
    const int limit = sizeof(Real) == sizeof(double) ? 1000 : 120;
    return largest > 0 ? std::clamp(std::ilogb(largest), -limit, limit) : 0;
}

}  // namespace

template <class Real>
std::vector<double> eigenvalues(BasicMatrix<Real> lower) {
    const std::int64_t order = lower.rows();
    const int exponent = exponent_of_largest(lower);
    TiledMatrix<Real> tiled(lower.data(), order, std::ldexp(Real(1), -exponent));
    lower = {};
    std::vector<Real> band = reduce_to_band(tiled);
    kernels<Real>().chase_bulges(order, band.data());

    std::vector<double> diagonal(static_cast<std::size_t>(order));
    std::vector<double> off_diagonal(static_cast<std::size_t>(order));
    for (std::size_t i = 0; i < diagonal.size(); ++i) {
        diagonal[i] = std::ldexp(static_cast<double>(band[i * 2 * kBand]), exponent);
        off_diagonal[i] = std::ldexp(static_cast<double>(band[i * 2 * kBand + 1]), exponent);
    }
    const int n = static_cast<int>(order);
    int info = 0;
    dsterf_(&n, diagonal.data(), off_diagonal.data(), &info);
    if (info != 0) {
        throw failure(fmt::format("dsterf failed (info = {})", info));
    }
    return diagonal;
}

template <class Real>
std::uint64_t eigenvalues_memory(std::int64_t order) {
    constexpr std::uint64_t kStrips = 7 + 2 + 1;  // the reduction's, the band's, some for rounding
    return TiledMatrix<Real>::bytes(order) +
           kStrips * static_cast<std::uint64_t>(order + 3 * kBand) * kBand * sizeof(Real) +
           2 * static_cast<std::uint64_t>(order) * sizeof(double);
}

template std::vector<double> eigenvalues(BasicMatrix<double>);
template std::vector<double> eigenvalues(BasicMatrix<float>);
template std::uint64_t eigenvalues_memory<double>(std::int64_t);
template std::uint64_t eigenvalues_memory<float>(std::int64_t);

}  // namespace alphaprune::two_stage
