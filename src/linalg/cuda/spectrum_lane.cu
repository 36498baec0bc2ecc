#include "cuda/spectrum_lane.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

#include "cuda/band_reduction.cuh"
#include "cuda/bulge_chase.cuh"
#include "cuda/spectrum_kernels.hpp"
#include "cuda/tridiagonal.cuh"

namespace alphaprune::linalg {
namespace {

using device::check_cuda;

constexpr int kThreads = 256;
constexpr int kMostGroups = 2048;  ///< of threads; each goes on with what is left of the work
constexpr std::size_t kStagingBytes = std::size_t{16} << 20;

/// A row of the matrix for each group of threads.
__global__ void generate_rows(std::uint64_t key, const float* row_scales, const float* col_scales,
                              std::int64_t cols, support::ScalarType type, void* stored) {
    const std::int64_t row = blockIdx.x;
    const support::RowKey row_key = support::row_key(key, row);
    for (std::int64_t col = threadIdx.x; col < cols; col += blockDim.x) {
        kernels::narrow_to(
            stored, type, row * cols + col,
            kernels::generated_value(row_key, col, row_scales[row], col_scales[col]));
    }
}

/// Adds what the threads of a group have. @returns the sum on thread 0
__device__ double sum_of_group(double mine) {
    __shared__ double sums[kThreads];
    sums[threadIdx.x] = mine;
    for (unsigned half = kThreads / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) {
            sums[threadIdx.x] += sums[threadIdx.x + half];
        }
    }
    return sums[0];
}

__global__ void widen_part(kernels::StoredPart part, std::int64_t count, double* out,
                           unsigned long long* nonfinite) {
    const std::int64_t step = std::int64_t{gridDim.x} * blockDim.x;
    unsigned long long bad = 0;
    for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count;
         i += step) {
        const double value = part.at(i);
        out[i] = value;
        bad += isfinite(value) ? 0 : 1;
    }
    if (bad != 0) {
        atomicAdd(nonfinite, bad);
    }
}

/// The part of each group of threads, to be added by the host in their order.
__global__ void sum_diagonal(const double* lower, std::int64_t order, double* sums) {
    double mine = 0;
    const std::int64_t step = std::int64_t{gridDim.x} * blockDim.x;
    for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < order;
         i += step) {
        mine += lower[i + i * order];
    }
    const double sum = sum_of_group(mine);
    if (threadIdx.x == 0) {
        sums[blockIdx.x] = sum;
    }
}

__global__ void sum_squares(const double* lower, std::int64_t order, double scale, double* sums) {
    double mine = 0;
    for (std::int64_t col = blockIdx.x; col < order; col += gridDim.x) {
        for (std::int64_t row = col + threadIdx.x; row < order; row += blockDim.x) {
            mine += kernels::square_in_lower(lower, order, row, col, scale);
        }
    }
    const double sum = sum_of_group(mine);
    if (threadIdx.x == 0) {
        sums[blockIdx.x] = sum;
    }
}

/// The lower triangle, times a power of two, on both sides of the diagonal. A group of threads
/// takes two tiles that mirror each other, by way of its own memory, so that both are written in
/// order.
__global__ void mirror(double* lower, std::int64_t order, double scale) {
    constexpr int kTile = 32;
    __shared__ double tile[kTile][kTile + 1];
    const std::int64_t row = std::int64_t{blockIdx.x} * kTile;
    const std::int64_t col = std::int64_t{blockIdx.y} * kTile;
    if (row < col) {
        return;
    }
    const auto i = static_cast<std::int64_t>(threadIdx.x);
    for (int j = static_cast<int>(threadIdx.y); j < kTile; j += static_cast<int>(blockDim.y)) {
        if (row + i < order && col + j < order && row + i >= col + j) {
            double& value = lower[row + i + (col + j) * order];
            value *= scale;
            tile[j][i] = value;
        }
    }
    __syncthreads();
    for (int j = static_cast<int>(threadIdx.y); j < kTile; j += static_cast<int>(blockDim.y)) {
        if (col + i < order && row + j < order && row + j > col + i) {
            lower[col + i + (row + j) * order] = tile[i][j];
        }
    }
}

/// What a matrix takes of the card, and how it is gone through.
struct LaneShape {
    explicit LaneShape(const LaneMatrix& matrix)
        : order(std::min(matrix.rows, matrix.cols)),
          depth(std::max(matrix.rows, matrix.cols)),
          wide(matrix.rows <= matrix.cols),
          stored_bytes(static_cast<std::size_t>(matrix.rows * matrix.cols) *
                       kernels::bytes_of(matrix.type)) {
        constexpr std::int64_t kPanelValues = std::int64_t{1} << 25;  // 256 MiB
        panel_depth =
            std::min(depth, std::max<std::int64_t>(kPanelValues / order / 256 * 256, 512));
    }
    std::size_t gram_values() const { return static_cast<std::size_t>(order * order); }
    std::size_t panel_values() const { return static_cast<std::size_t>(order * panel_depth); }

    std::int64_t order, depth;
    bool wide;
    std::size_t stored_bytes;
    std::int64_t panel_depth;  ///< of the longer side, widened to float64 at a time
};

struct SolverBytes {
    std::size_t on_card = 0;
    std::size_t on_host = 0;
};

class CudaSpectrumLane : public SpectrumLane {
  public:
    explicit CudaSpectrumLane(int card)
        : card_((check_cuda(cudaSetDevice(card), "cudaSetDevice"), card)),
          stream_(device::make_stream()),
          cublas_(make_cublas(stream_.get(), cublas_workspace_)),
          cusolver_(make_cusolver(stream_.get())),
          parameters_(make_cusolver_parameters()),
          reduction_(stream_.get(), cublas_.get()),
          chase_(stream_.get()),
          tridiagonal_(stream_.get()) {
        std::ranges::generate(copied_, device::make_event);
    }

    ~CudaSpectrumLane() override { static_cast<void>(cudaSetDevice(card_)); }

    void begin(const LaneMatrix& matrix) override {
        check_cuda(cudaSetDevice(card_), "cudaSetDevice");
        matrix_ = matrix;
        const LaneShape shape(matrix);
        stored_.require<std::byte>(shape.stored_bytes);
        panel_.require<double>(shape.panel_values());
        gram_.require<double>(shape.gram_values());
        uploaded_ = 0;
    }

    void generate(const GeneratedValues& values) override {
        auto* const row_scales =
            scales_.require<float>(values.row_scales.size() + values.col_scales.size());
        float* const col_scales = row_scales + values.row_scales.size();
        check_cuda(
            cudaMemcpyAsync(row_scales, values.row_scales.data(), values.row_scales.size_bytes(),
                            cudaMemcpyHostToDevice, stream_.get()),
            "cudaMemcpyAsync");
        check_cuda(
            cudaMemcpyAsync(col_scales, values.col_scales.data(), values.col_scales.size_bytes(),
                            cudaMemcpyHostToDevice, stream_.get()),
            "cudaMemcpyAsync");
        generate_rows<<<static_cast<unsigned>(matrix_.rows), kThreads, 0, stream_.get()>>>(
            values.key, row_scales, col_scales, matrix_.cols, matrix_.type,
            stored_.require<std::byte>(0));
        check_cuda(cudaGetLastError(), "generate_rows");
    }

    std::span<std::byte> staging() override {
        const std::size_t row =
            static_cast<std::size_t>(matrix_.cols) * kernels::bytes_of(matrix_.type);
        check_cuda(cudaEventSynchronize(copied_[turn_].get()), "cudaEventSynchronize");
        return staging_[turn_].require(std::max(kStagingBytes, row));
    }

    void upload(std::size_t bytes) override {
        check_cuda(cudaMemcpyAsync(stored_.require<std::byte>(0) + uploaded_,
                                   staging_[turn_].require(0).data(), bytes, cudaMemcpyHostToDevice,
                                   stream_.get()),
                   "cudaMemcpyAsync");
        check_cuda(cudaEventRecord(copied_[turn_].get(), stream_.get()), "cudaEventRecord");
        uploaded_ += bytes;
        turn_ = 1 - turn_;
    }

    LaneGram gram() override {
        const LaneShape shape(matrix_);
        auto* const nonfinite = counter_.require<unsigned long long>(1);
        check_cuda(cudaMemsetAsync(nonfinite, 0, sizeof(*nonfinite), stream_.get()), "cudaMemset");
        for (std::int64_t begin = 0; begin < shape.depth; begin += shape.panel_depth) {
            add_panel(shape, begin, std::min(begin + shape.panel_depth, shape.depth), nonfinite);
        }
        unsigned long long bad = 0;
        check_cuda(
            cudaMemcpyAsync(&bad, nonfinite, sizeof(bad), cudaMemcpyDeviceToHost, stream_.get()),
            "cudaMemcpyAsync");
        LaneGram found;
        const double* const lower = gram_.require<double>(0);
        found.trace = sum([&](int groups, double* sums) {
            sum_diagonal<<<groups, kThreads, 0, stream_.get()>>>(lower, shape.order, sums);
        });
        found.nonfinite = static_cast<std::int64_t>(bad);
        trace_ = found.trace;
        if (bad == 0 && found.trace > 0) {
            found.relative_frobenius_sq = sum([&](int groups, double* sums) {
                sum_squares<<<groups, kThreads, 0, stream_.get()>>>(lower, shape.order,
                                                                    1 / found.trace, sums);
            });
        }
        return found;
    }

    int library_eigenvalues(std::span<double> out) override {
        const std::int64_t order = LaneShape(matrix_).order;
        auto* const gram = gram_.require<double>(0);
        auto* const values = values_.require<double>(static_cast<std::size_t>(order));
        auto* const info = info_.require<int>(1);
        const SolverBytes needed = solver_bytes(order);
        std::byte* const on_card = solver_workspace_.require<std::byte>(needed.on_card);
        host_workspace_.resize(std::max(host_workspace_.size(), needed.on_host));
        check_cusolver(
            cusolverDnXsyevd(cusolver_.get(), parameters_.get(), CUSOLVER_EIG_MODE_NOVECTOR,
                             CUBLAS_FILL_MODE_LOWER, order, CUDA_R_64F, gram, order, CUDA_R_64F,
                             values, CUDA_R_64F, on_card, needed.on_card, host_workspace_.data(),
                             needed.on_host, info),
            "cusolverDnXsyevd");
        int result = 0;
        check_cuda(cudaMemcpyAsync(out.data(), values, out.size_bytes(), cudaMemcpyDeviceToHost,
                                   stream_.get()),
                   "cudaMemcpyAsync");
        check_cuda(
            cudaMemcpyAsync(&result, info, sizeof(result), cudaMemcpyDeviceToHost, stream_.get()),
            "cudaMemcpyAsync");
        check_cuda(cudaStreamSynchronize(stream_.get()), "cudaStreamSynchronize");
        return result;
    }

    void eigenvalues(std::span<double> out) override {
        const std::int64_t order = LaneShape(matrix_).order;
        auto* const gram = gram_.require<double>(0);
        // By a power of two: exact, and its squares stay far from the ends of the range.
        const int exponent = trace_ > 0 ? std::ilogb(trace_) : 0;
        const auto tiles = static_cast<unsigned>((order + 31) / 32);
        mirror<<<dim3(tiles, tiles), dim3(32, 8), 0, stream_.get()>>>(gram, order,
                                                                      std::ldexp(1.0, -exponent));
        check_cuda(cudaGetLastError(), "mirror");
        double* const band = reduction_.reduce(gram, order);
        chase_.run(band, order);
        tridiagonal_.find(band, order, out);
        for (double& value : out) {
            value = std::ldexp(value, exponent);
        }
    }

    SolverBytes solver_bytes(std::int64_t order) const {
        SolverBytes bytes;
        check_cusolver(cusolverDnXsyevd_bufferSize(
                           cusolver_.get(), parameters_.get(), CUSOLVER_EIG_MODE_NOVECTOR,
                           CUBLAS_FILL_MODE_LOWER, order, CUDA_R_64F, nullptr, order, CUDA_R_64F,
                           nullptr, CUDA_R_64F, &bytes.on_card, &bytes.on_host),
                       "cusolverDnXsyevd_bufferSize");
        return bytes;
    }

  private:
    /// Adds what these indices of the sum give to the Gram matrix.
    void add_panel(const LaneShape& shape, std::int64_t begin, std::int64_t end,
                   unsigned long long* nonfinite) {
        const std::int64_t width = end - begin;
        const kernels::StoredPart part = shape.wide
                                             ? kernels::StoredPart{stored_.require<std::byte>(0),
                                                                   matrix_.type,
                                                                   matrix_.cols,
                                                                   0,
                                                                   begin,
                                                                   width}
                                             : kernels::StoredPart{stored_.require<std::byte>(0),
                                                                   matrix_.type,
                                                                   matrix_.cols,
                                                                   begin,
                                                                   0,
                                                                   matrix_.cols};
        auto* const panel = panel_.require<double>(0);
        const std::int64_t count = width * shape.order;
        widen_part<<<groups_for(count), kThreads, 0, stream_.get()>>>(part, count, panel,
                                                                      nonfinite);
        check_cuda(cudaGetLastError(), "widen_part");
        // Written row-major, read column-major: as local_gram has it.
        const double one = 1;
        const double beta = begin == 0 ? 0 : 1;
        check_cublas(
            cublasDsyrk(cublas_.get(), CUBLAS_FILL_MODE_LOWER,
                        shape.wide ? CUBLAS_OP_T : CUBLAS_OP_N, static_cast<int>(shape.order),
                        static_cast<int>(width), &one, panel, static_cast<int>(part.cols), &beta,
                        gram_.require<double>(0), static_cast<int>(shape.order)),
            "cublasDsyrk");
    }

    static int groups_for(std::int64_t count) {
        return static_cast<int>(
            std::min<std::int64_t>((count + kThreads - 1) / kThreads, kMostGroups));
    }

    /// Calls launch(groups, their sums on the card), waits, and adds the sums in order.
    template <class Launch>
    double sum(Launch&& launch) {
        constexpr int kGroups = 512;
        auto* const sums = sums_.require<double>(kGroups);
        launch(kGroups, sums);
        check_cuda(cudaGetLastError(), "sum");
        std::array<double, kGroups> parts{};
        check_cuda(cudaMemcpyAsync(parts.data(), sums, sizeof(parts), cudaMemcpyDeviceToHost,
                                   stream_.get()),
                   "cudaMemcpyAsync");
        check_cuda(cudaStreamSynchronize(stream_.get()), "cudaStreamSynchronize");
        return std::accumulate(parts.begin(), parts.end(), 0.0);
    }

    int card_;
    device::Stream stream_;
    device::DeviceMemory cublas_workspace_;
    Cublas cublas_;
    Cusolver cusolver_;
    CusolverParameters parameters_;
    BandReduction reduction_;
    BulgeChase chase_;
    TridiagonalEigenvalues tridiagonal_;
    std::array<device::Event, 2> copied_;  ///< what was staged there
    std::array<device::PinnedMemory, 2> staging_;
    std::size_t turn_ = 0;  ///< of the two

    LaneMatrix matrix_;
    double trace_ = 0;  ///< of its Gram matrix
    std::size_t uploaded_ = 0;
    device::DeviceMemory stored_, panel_, gram_, scales_, values_, info_, counter_, sums_;
    device::DeviceMemory solver_workspace_;
    std::vector<std::byte> host_workspace_;
};

}  // namespace
}  // namespace alphaprune::linalg

extern "C" alphaprune::linalg::SpectrumLane* alphaprune_cuda_make_spectrum_lane(int card) {
    return new alphaprune::linalg::CudaSpectrumLane(card);
}

extern "C" std::uint64_t alphaprune_cuda_spectrum_lane_bytes(
    int card, const alphaprune::linalg::LaneMatrix& matrix) {
    using namespace alphaprune::linalg;
    const LaneShape shape(matrix);
    const CudaSpectrumLane lane(card);
    return shape.stored_bytes + sizeof(double) * (shape.panel_values() + shape.gram_values()) +
           std::max<std::uint64_t>(lane.solver_bytes(shape.order).on_card,
                                   BandReduction::bytes(shape.order)) +
           (std::uint64_t{64} << 20);
}
