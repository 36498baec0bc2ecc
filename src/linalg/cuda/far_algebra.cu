#include "cuda/far_algebra.cuh"

#include <array>

#include "cuda/launch.cuh"
#include "cuda/spectrum_kernels.hpp"

namespace alphaprune::linalg {

using namespace device;  // launches
using support::ScalarType;

namespace {

using Counter = unsigned long long;  ///< as atomicAdd takes it

template <class Is>
__global__ void count_where(std::int64_t count, Is is, Counter* counter) {
    Counter mine = 0;
    const std::int64_t step = std::int64_t{gridDim.x} * blockDim.x;
    for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count;
         i += step) {
        mine += is(i) ? 1 : 0;
    }
    mine = over_group(mine, Sum{});
    if (threadIdx.x == 0 && mine > 0) {
        atomicAdd(counter, mine);
    }
}

/// Zero first.
template <class Is>
void count_into(cudaStream_t stream, Counter* counter, std::int64_t count, Is is) {
    check_cuda(cudaMemsetAsync(counter, 0, sizeof(Counter), stream), "cudaMemsetAsync");
    if (count > 0) {
        count_where<<<groups_for(count), kThreads, 0, stream>>>(count, is, counter);
        check_cuda(cudaGetLastError(), "count_where");
    }
}

template <class T>
T* uploaded(cudaStream_t stream, std::span<const T> values, T* to) {
    check_cuda(
        cudaMemcpyAsync(to, values.data(), values.size_bytes(), cudaMemcpyHostToDevice, stream),
        "cudaMemcpyAsync");
    return to;
}

}  // namespace

FarAlgebra::FarAlgebra(cudaStream_t stream)
    : stream_(stream),
      cublas_(make_cublas(stream, workspace_)),
      cusolver_(make_cusolver(stream)),
      parameters_(make_cusolver_parameters()) {}

std::int64_t FarAlgebra::counted(const Counter* counter) {
    Counter found = 0;
    check_cuda(cudaMemcpyAsync(&found, counter, sizeof(found), cudaMemcpyDeviceToHost, stream_),
               "cudaMemcpyAsync");
    check_cuda(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
    return static_cast<std::int64_t>(found);
}

void FarAlgebra::widen(const void* stored, ScalarType type, std::int64_t count, float* to) {
    run_over(stream_, count, "widen", [stored, type, to] __device__(std::int64_t i) {
        to[i] = static_cast<float>(kernels::widen_at(stored, type, i));
    });
}

std::int64_t FarAlgebra::count_not_finite(const void* values, ScalarType type, std::int64_t count) {
    auto* const counter = counter_.require<Counter>(1);
    count_into(stream_, counter, count, [values, type] __device__(std::int64_t i) {
        return !isfinite(kernels::widen_at(values, type, i));
    });
    return counted(counter);
}

void FarAlgebra::round_to_float(const double* from, std::int64_t count, double factor, float* to) {
    run_over(stream_, count, "round_to_float", [from, factor, to] __device__(std::int64_t i) {
        to[i] = static_cast<float>(factor * from[i]);
    });
}

void FarAlgebra::diagonal(const double* matrix, std::span<double> out) {
    const auto order = static_cast<std::int64_t>(out.size());
    auto* const values = vectors_.require<double>(out.size());
    run_over(stream_, order, "diagonal", [matrix, order, values] __device__(std::int64_t i) {
        values[i] = matrix[i * (order + 1)];
    });
    check_cuda(
        cudaMemcpyAsync(out.data(), values, out.size_bytes(), cudaMemcpyDeviceToHost, stream_),
        "cudaMemcpyAsync");
    check_cuda(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
}

void FarAlgebra::scale_columns(float* values, std::int64_t rows, std::span<const float> scale,
                               bool divide) {
    const auto cols = static_cast<std::int64_t>(scale.size());
    const auto* const by = uploaded(stream_, scale, vectors_.require<float>(scale.size()));
    run_over(stream_, rows * cols, "scale_columns",
             [values, cols, by, divide] __device__(std::int64_t i) {
                 const float factor = by[i % cols];
                 values[i] = divide ? values[i] / factor : values[i] * factor;
             });
}

void FarAlgebra::clear_columns(float* values, std::int64_t rows,
                               std::span<const std::uint8_t> which) {
    const auto cols = static_cast<std::int64_t>(which.size());
    const auto* const gone = uploaded(stream_, which, vectors_.require<std::uint8_t>(which.size()));
    run_over(stream_, rows * cols, "clear_columns",
             [values, cols, gone] __device__(std::int64_t i) {
                 values[i] = gone[i % cols] != 0 ? 0.0F : values[i];
             });
}

FarAlgebra::OnCard FarAlgebra::upload_of(const ScaledSums& work) {
    auto* const scale = vectors_.require<double>(2 * work.scale.size());
    return {uploaded(stream_, work.scale, scale),
            uploaded(stream_, work.diagonal, scale + work.scale.size())};
}

void FarAlgebra::make_scaled(const ScaledSums& work, float* out) {
    const auto [scale, diagonal] = upload_of(work);
    const std::int64_t order = work.order;
    run_over(stream_, order * order, "make_scaled",
             [sums = work.sums, order, scale = scale, diagonal = diagonal,
              out] __device__(std::int64_t i) {
                 const std::int64_t row = i / order;
                 const std::int64_t col = i % order;
                 const double sum = row <= col ? sums[i] : sums[col * order + row];
                 out[i] =
                     static_cast<float>(row == col ? diagonal[row] : sum * scale[row] * scale[col]);
             });
}

int FarAlgebra::info() {
    int found = 0;
    check_cuda(cudaMemcpyAsync(&found, counter_.require<int>(1), sizeof(found),
                               cudaMemcpyDeviceToHost, stream_),
               "cudaMemcpyAsync");
    check_cuda(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
    return found;
}

bool FarAlgebra::factor(const ScaledSums& work, bool reversed, double* out) {
    const auto [scale, diagonal] = upload_of(work);
    const std::int64_t order = work.order;
    run_over(stream_, order * order, "scaled_triangle",
             [sums = work.sums, order, scale = scale, diagonal = diagonal, reversed,
              out] __device__(std::int64_t i) {
                 std::int64_t col = i / order;  // of what is kept column after column
                 std::int64_t row = i % order;
                 if (row < col) {
                     return;
                 }
                 if (reversed) {
                     const std::int64_t last = order - 1;
                     const std::int64_t other = last - col;
                     col = last - row;
                     row = other;
                 }
                 out[i] =
                     row == col ? diagonal[row] : sums[col * order + row] * scale[row] * scale[col];
             });
    std::size_t on_card = 0;
    std::size_t on_host = 0;
    check_cusolver(
        cusolverDnXpotrf_bufferSize(cusolver_.get(), parameters_.get(), CUBLAS_FILL_MODE_LOWER,
                                    order, CUDA_R_64F, out, order, CUDA_R_64F, &on_card, &on_host),
        "cusolverDnXpotrf_bufferSize");
    host_scratch_.resize(on_host);
    check_cusolver(
        cusolverDnXpotrf(cusolver_.get(), parameters_.get(), CUBLAS_FILL_MODE_LOWER, order,
                         CUDA_R_64F, out, order, CUDA_R_64F, scratch_.require<std::byte>(on_card),
                         on_card, host_scratch_.data(), on_host, counter_.require<int>(1)),
        "cusolverDnXpotrf");
    if (info() != 0) {
        return false;
    }
    // It need not tell where there was something that is no number.
    auto* const counter = counter_.require<Counter>(1);
    count_into(stream_, counter, order, [out, order] __device__(std::int64_t i) {
        return !(isfinite(out[i * (order + 1)]) && out[i * (order + 1)] > 0);
    });
    return counted(counter) == 0;
}

void FarAlgebra::invert_triangle(double* lower, std::int64_t order) {
    std::size_t on_card = 0;
    std::size_t on_host = 0;
    check_cusolver(
        cusolverDnXtrtri_bufferSize(cusolver_.get(), CUBLAS_FILL_MODE_LOWER, CUBLAS_DIAG_NON_UNIT,
                                    order, CUDA_R_64F, lower, order, &on_card, &on_host),
        "cusolverDnXtrtri_bufferSize");
    host_scratch_.resize(on_host);
    check_cusolver(
        cusolverDnXtrtri(cusolver_.get(), CUBLAS_FILL_MODE_LOWER, CUBLAS_DIAG_NON_UNIT, order,
                         CUDA_R_64F, lower, order, scratch_.require<std::byte>(on_card), on_card,
                         host_scratch_.data(), on_host, counter_.require<int>(1)),
        "cusolverDnXtrtri");
}

void FarAlgebra::invert_reversed(double* lower, std::int64_t order, float* out) {
    invert_triangle(lower, order);
    run_over(stream_, order * order, "reversed", [lower, order, out] __device__(std::int64_t i) {
        const std::int64_t row = i / order;
        const std::int64_t col = i % order;
        out[i] = col >= row
                     ? static_cast<float>(lower[(order - 1 - col) * order + (order - 1 - row)])
                     : 0.0F;
    });
}

/// L⁻ᵀ·L⁻¹, of which BLAS makes one half.
void FarAlgebra::invert(double* lower, std::int64_t order, float* out) {
    invert_triangle(lower, order);
    auto* const triangle = scratch_.require<float>(static_cast<std::size_t>(order * order));
    run_over(stream_, order * order, "triangle", [=] __device__(std::int64_t i) {
        triangle[i] = i % order >= i / order ? static_cast<float>(lower[i]) : 0.0F;
    });
    const float one = 1;
    const float zero = 0;
    const auto size = static_cast<int>(order);
    check_cublas(cublasSsyrk(cublas_.get(), CUBLAS_FILL_MODE_LOWER, CUBLAS_OP_T, size, size, &one,
                             triangle, size, &zero, out, size),
                 "cublasSsyrk");
    run_over(stream_, order * order, "mirrored", [=] __device__(std::int64_t i) {
        const std::int64_t col = i / order;
        const std::int64_t row = i % order;
        if (row < col) {
            out[i] = out[row * order + col];
        }
    });
}

/// Written row-major, read column-major: outᵀ = Bᵀ·Aᵀ.
void FarAlgebra::multiply_add(const MatrixProduct& work) {
    if (work.rows == 0 || work.cols == 0) {
        return;
    }
    check_cublas(
        cublasGemmEx(cublas_.get(), CUBLAS_OP_N, CUBLAS_OP_N, static_cast<int>(work.cols),
                     static_cast<int>(work.rows), static_cast<int>(work.inner), &work.alpha, work.b,
                     CUDA_R_32F, static_cast<int>(work.b_stride), work.a, CUDA_R_32F,
                     static_cast<int>(work.a_stride), &work.beta, work.out, CUDA_R_32F,
                     static_cast<int>(work.out_stride), CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
        "cublasGemmEx");
}

}  // namespace alphaprune::linalg
