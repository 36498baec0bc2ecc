#include "cuda/tridiagonal.cuh"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace alphaprune::linalg {
namespace {

using device::check_cuda;
using kernels::SturmBounds;

constexpr int kSturmThreads = 64;
constexpr int kTile = 512;  ///< pivots whose matrix entries a group of threads holds

/// All threads of a group go through the matrix together, each with a shift of its own.
__global__ void bisect_all(const double* diagonal, const double* off_squares, std::int64_t order,
                           SturmBounds bounds, double* found) {
    __shared__ double of_diagonal[kTile];
    __shared__ double of_squares[kTile];
    const std::int64_t index = std::int64_t{blockIdx.x} * kSturmThreads + threadIdx.x;
    double low = bounds.low;
    double high = bounds.high;
    for (int halving = 0; halving < bounds.halvings; ++halving) {
        const double middle = low + (high - low) / 2;
        double pivot = 1;
        std::int64_t below = 0;
        for (std::int64_t begin = 0; begin < order; begin += kTile) {
            const int count = static_cast<int>(min(std::int64_t{kTile}, order - begin));
            __syncthreads();
            for (int i = static_cast<int>(threadIdx.x); i < count; i += kSturmThreads) {
                of_diagonal[i] = diagonal[begin + i];
                of_squares[i] = off_squares[begin + i];
            }
            __syncthreads();
            for (int i = 0; i < count; ++i) {
                pivot = kernels::next_pivot(of_diagonal[i], of_squares[i], pivot, middle,
                                            bounds.least_pivot);
                below += pivot < 0 ? 1 : 0;
            }
        }
        const bool is_below = below > index;
        high = is_below ? middle : high;
        low = is_below ? low : middle;
    }
    if (index < order) {
        found[index] = low + (high - low) / 2;
    }
}

SturmBounds bounds_of(std::span<const double> diagonal, std::span<const double> off_diagonal) {
    SturmBounds bounds{diagonal[0], diagonal[0]};
    double largest_square = 0;
    for (std::size_t i = 0; i < diagonal.size(); ++i) {  // Gershgorin
        const double left = i > 0 ? std::abs(off_diagonal[i - 1]) : 0;
        const double right = i + 1 < diagonal.size() ? std::abs(off_diagonal[i]) : 0;
        bounds.low = std::min(bounds.low, diagonal[i] - left - right);
        bounds.high = std::max(bounds.high, diagonal[i] + left + right);
        largest_square = std::max(largest_square, right * right);
    }
    constexpr double kUnit = std::numeric_limits<double>::epsilon();
    const double size = std::max(std::abs(bounds.low), std::abs(bounds.high));
    const double margin = 2 * kUnit * size * static_cast<double>(diagonal.size());
    bounds.low -= margin;
    bounds.high += margin;
    bounds.halvings =
        size > 0 ? static_cast<int>(std::ceil(std::log2((bounds.high - bounds.low) / size))) + 52
                 : 0;
    bounds.least_pivot = std::numeric_limits<double>::min() * std::max(1.0, largest_square);
    return bounds;
}

}  // namespace

void TridiagonalEigenvalues::find(std::span<const double> diagonal,
                                  std::span<const double> off_diagonal, std::span<double> out) {
    const std::size_t order = diagonal.size();
    const SturmBounds bounds = bounds_of(diagonal, off_diagonal);
    std::vector<double> matrix(2 * order);
    std::ranges::copy(diagonal, matrix.begin());
    for (std::size_t i = 1; i < order; ++i) {
        matrix[order + i] = off_diagonal[i - 1] * off_diagonal[i - 1];
    }
    auto* const on_card = matrix_.require<double>(matrix.size());
    auto* const found = found_.require<double>(order);
    check_cuda(cudaMemcpyAsync(on_card, matrix.data(), matrix.size() * sizeof(double),
                               cudaMemcpyHostToDevice, stream_),
               "cudaMemcpyAsync");
    const auto groups = static_cast<unsigned>((order + kSturmThreads - 1) / kSturmThreads);
    bisect_all<<<groups, kSturmThreads, 0, stream_>>>(
        on_card, on_card + order, static_cast<std::int64_t>(order), bounds, found);
    check_cuda(cudaGetLastError(), "bisect_all");
    check_cuda(
        cudaMemcpyAsync(out.data(), found, out.size_bytes(), cudaMemcpyDeviceToHost, stream_),
        "cudaMemcpyAsync");
    check_cuda(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
}

}  // namespace alphaprune::linalg
