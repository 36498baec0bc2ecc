#include "cuda/tridiagonal.cuh"

#include "cuda/panel_math.hpp"

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

/// Diagonal value and the one below it.
struct TridiagonalColumn {
    double diagonal;
    double below;
};

SturmBounds bounds_of(std::span<const TridiagonalColumn> columns) {
    SturmBounds bounds{columns[0].diagonal, columns[0].diagonal};
    double largest_square = 0;
    double above = 0;
    for (const TridiagonalColumn& column : columns) {  // Gershgorin
        const double beside = above + std::abs(column.below);
        bounds.low = std::min(bounds.low, column.diagonal - beside);
        bounds.high = std::max(bounds.high, column.diagonal + beside);
        largest_square = std::max(largest_square, column.below * column.below);
        above = std::abs(column.below);
    }
    constexpr double kUnit = std::numeric_limits<double>::epsilon();
    const double size = std::max(std::abs(bounds.low), std::abs(bounds.high));
    const double margin = 2 * kUnit * size * static_cast<double>(columns.size());
    bounds.low -= margin;
    bounds.high += margin;
    if (size > 0) {
        bounds.halvings =
            static_cast<int>(std::ceil(std::log2((bounds.high - bounds.low) / size))) +
            std::numeric_limits<double>::digits - 1;
    }
    bounds.least_pivot = std::numeric_limits<double>::min() * std::max(1.0, largest_square);
    return bounds;
}

}  // namespace

void TridiagonalEigenvalues::find(const double* band, std::int64_t order, std::span<double> out) {
    const auto size = static_cast<std::size_t>(order);
    const std::span<std::byte> bytes = columns_.require(size * sizeof(TridiagonalColumn));
    check_cuda(cudaMemcpy2DAsync(bytes.data(), sizeof(TridiagonalColumn), band,
                                 kernels::kBandColumn * sizeof(double), sizeof(TridiagonalColumn),
                                 size, cudaMemcpyDeviceToHost, stream_),
               "cudaMemcpy2DAsync");
    check_cuda(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
    const std::span columns(reinterpret_cast<const TridiagonalColumn*>(bytes.data()), size);
    const SturmBounds bounds = bounds_of(columns);
    std::vector<double> matrix(2 * size);
    for (std::size_t i = 0; i < size; ++i) {
        matrix[i] = columns[i].diagonal;
        matrix[size + i] = i > 0 ? columns[i - 1].below * columns[i - 1].below : 0;
    }
    auto* const on_card = matrix_.require<double>(matrix.size());
    auto* const found = found_.require<double>(size);
    check_cuda(cudaMemcpyAsync(on_card, matrix.data(), matrix.size() * sizeof(double),
                               cudaMemcpyHostToDevice, stream_),
               "cudaMemcpyAsync");
    const auto groups = static_cast<unsigned>((size + kSturmThreads - 1) / kSturmThreads);
    bisect_all<<<groups, kSturmThreads, 0, stream_>>>(on_card, on_card + size, order, bounds,
                                                      found);
    check_cuda(cudaGetLastError(), "bisect_all");
    check_cuda(
        cudaMemcpyAsync(out.data(), found, out.size_bytes(), cudaMemcpyDeviceToHost, stream_),
        "cudaMemcpyAsync");
    check_cuda(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
}

}  // namespace alphaprune::linalg
