#include "cuda/band_reduction.cuh"

#include <cooperative_groups.h>

#include <algorithm>
#include <array>

#include "cuda/panel_math.hpp"

namespace alphaprune::linalg {
namespace {

using device::check_cuda;
using kernels::kBandColumn;
using kernels::kPanel;
using kernels::Reflector;

constexpr int kPutOff = 8;                    ///< panels whose effect on the rest is put off
constexpr int kPairs = 2 * kPanel * kPutOff;  ///< columns of [V W …]
constexpr int kPanelRows = 256;               ///< of a panel, that a group of threads holds
constexpr int kPanelThreads = 512;
constexpr int kWarps = kPanelThreads / 32;
constexpr std::size_t kPanelShared = sizeof(double) * kPanelRows * kPanel;

/// Sums of the rows of one group and, from the first, row j: for even and for odd columns.
constexpr std::size_t sums_needed(std::size_t groups) {
    return 2 * (groups + 1) * kPanel;
}

/// What factor_panel works on. All matrices are column-major.
struct Panel {
    const double* columns;  ///< rows × kPanel, the panel
    std::int64_t stride;    ///< from one of its columns to the next
    std::int64_t rows;
    double* v;        ///< rows × kPanel: V
    double* v_again;  ///< a second copy
    std::int64_t v_stride;
    double* t;     ///< kPanel × kPanel, row-major
    double* band;  ///< of the first of its columns
    double* sums;
};

/// Householder QR of a panel: V and T, and R into the band. A warp takes a row at a time, a lane of
/// it a column; each group of threads keeps its rows in its own memory. One sum over all groups for
/// each column; see panel_math.hpp.
__global__ void __launch_bounds__(kPanelThreads) factor_panel(Panel panel) {
    extern __shared__ double values[];  // rows × kPanel, row-major
    __shared__ double partial[kWarps][kPanel];
    __shared__ double total[kPanel];
    __shared__ double pivots[kPanel];
    __shared__ double products[kPanel];
    __shared__ double t[kPanel * kPanel];
    const auto grid = cooperative_groups::this_grid();
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const int warp = static_cast<int>(threadIdx.x) / 32;
    const std::int64_t first = std::int64_t{blockIdx.x} * kPanelRows;
    const int rows = static_cast<int>(min(std::int64_t{kPanelRows}, panel.rows - first));

    // Down the columns, which lie together, and one row at a time from here on.
    for (int i = static_cast<int>(threadIdx.x); i < rows * kPanel; i += kPanelThreads) {
        values[i % rows * kPanel + i / rows] =
            panel.columns[first + i % rows + panel.stride * (i / rows)];
    }
    for (int i = static_cast<int>(threadIdx.x); i < kPanel * kPanel; i += kPanelThreads) {
        t[i] = 0;
    }
    __syncthreads();

    const int steps = static_cast<int>(min(std::int64_t{kPanel}, panel.rows));
    double weight = 0;  // of the reflector before, in this lane's column
    double scale = 0;
    for (int j = 0; j < steps; ++j) {
        // What the reflector before does to the rows, and in the same pass the sums for this one.
        double sum = 0;
        for (int r = warp; r < rows; r += kWarps) {
            const std::int64_t row = first + r;
            if (row < j) {
                continue;
            }
            double mine = values[r * kPanel + lane];
            if (j > 0) {
                const double v = __shfl_sync(~0U, mine, j - 1) * scale;
                mine = lane == j - 1 ? v : lane >= j ? mine - weight * v : mine;
                values[r * kPanel + lane] = mine;
            }
            const double x = __shfl_sync(~0U, mine, j);
            sum += row > j ? x * mine : 0;
        }
        partial[warp][lane] = sum;
        __syncthreads();
        double* const sums = panel.sums + (j % 2) * (gridDim.x + 1) * kPanel;
        if (warp == 0) {
            double of_group = 0;
            for (int w = 0; w < kWarps; ++w) {
                of_group += partial[w][lane];
            }
            sums[(blockIdx.x + 1) * kPanel + lane] = of_group;
            if (blockIdx.x == 0) {
                sums[lane] = values[j * kPanel + lane];
            }
        }
        grid.sync();
        if (warp == 0) {
            double all = 0;
            for (unsigned g = 1; g <= gridDim.x; ++g) {
                all += sums[g * kPanel + lane];
            }
            total[lane] = all;
            pivots[lane] = sums[lane];
        }
        __syncthreads();

        const Reflector reflector = two_stage::reflector_of(pivots[j], total[j]);
        scale = reflector.scale;
        weight = lane > j ? kernels::share_of_column(reflector, pivots[lane], total[lane]) : 0;
        if (blockIdx.x == 0 && warp == 0) {
            products[lane] =
                lane < j ? kernels::product_of_reflectors(reflector, pivots[lane], total[lane]) : 0;
            __syncwarp();
            t[lane * kPanel + j] = kernels::entry_of_t(reflector, t, products, lane, j);
            // R: row kPanel + j below the diagonal block.
            if (lane >= j) {
                panel.band[lane * kBandColumn + kPanel + j - lane] =
                    lane == j ? reflector.beta : pivots[lane] - weight;
            }
            __syncwarp();
        }
    }
    // The last reflector's own column is still to be scaled.
    for (int r = warp; r < rows; r += kWarps) {
        const std::int64_t row = first + r;
        double mine = values[r * kPanel + lane];
        mine = lane == steps - 1 ? mine * scale : mine;
        mine = lane >= steps || row < lane ? 0 : row == lane ? 1 : mine;
        values[r * kPanel + lane] = mine;
    }
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < rows * kPanel; i += kPanelThreads) {
        const double value = values[i % rows * kPanel + i / rows];
        const std::int64_t at = first + i % rows + panel.v_stride * (i / rows);
        panel.v[at] = value;
        panel.v_again[at] = value;
    }
    if (blockIdx.x == 0) {
        for (int i = static_cast<int>(threadIdx.x); i < kPanel * kPanel; i += kPanelThreads) {
            panel.t[i] = t[i];
        }
    }
}

/// W = Y T − ½ V Tᵀ (Vᵀ Y) T, to two places. A thread takes a row.
__global__ void make_w(const double* y, std::int64_t y_stride, const double* v,
                       std::int64_t v_stride, const double* t_rows, const double* vy,
                       std::int64_t rows, double* w, double* w_again, std::int64_t w_stride) {
    __shared__ double t[kPanel][kPanel];
    __shared__ double product[kPanel][kPanel];
    __shared__ double half[kPanel][kPanel];
    const int threads = static_cast<int>(blockDim.x);
    for (int i = static_cast<int>(threadIdx.x); i < kPanel * kPanel; i += threads) {
        t[i / kPanel][i % kPanel] = t_rows[i];
        half[i % kPanel][i / kPanel] = vy[i];  // column-major
    }
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < kPanel * kPanel; i += threads) {
        double sum = 0;
        for (int k = 0; k <= i % kPanel; ++k) {
            sum += half[i / kPanel][k] * t[k][i % kPanel];
        }
        product[i / kPanel][i % kPanel] = sum;
    }
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < kPanel * kPanel; i += threads) {
        double sum = 0;
        for (int k = 0; k <= i / kPanel; ++k) {
            sum += t[k][i / kPanel] * product[k][i % kPanel];
        }
        half[i / kPanel][i % kPanel] = 0.5 * sum;
    }
    __syncthreads();
    const std::int64_t row = std::int64_t{blockIdx.x} * threads + threadIdx.x;
    if (row >= rows) {
        return;
    }
    double y_row[kPanel];
    double v_row[kPanel];
    for (int k = 0; k < kPanel; ++k) {
        y_row[k] = y[row + k * y_stride];
        v_row[k] = v[row + k * v_stride];
    }
    for (int c = 0; c < kPanel; ++c) {
        double sum = 0;
        for (int k = 0; k < kPanel; ++k) {
            sum += y_row[k] * t[k][c] - v_row[k] * half[k][c];
        }
        w[row + c * w_stride] = sum;
        w_again[row + c * w_stride] = sum;
    }
}

/// The lower triangle of a diagonal block of the matrix into the band.
__global__ void keep_diagonal(const double* block, std::int64_t stride, int size, double* band) {
    const int i = static_cast<int>(threadIdx.x);
    const int j = static_cast<int>(blockIdx.x);
    if (i >= j && i < size) {
        band[j * kBandColumn + i - j] = block[i + j * stride];
    }
}

}  // namespace

/// A panel on its way.
struct BandReduction::Step {
    double* matrix;
    std::int64_t order;
    std::int64_t begin;  ///< its first column
    int put_off;         ///< panels before it whose effect on the rest is put off

    std::int64_t below() const { return begin + kPanel; }  ///< first row and column of the rest
    std::int64_t rows() const { return order - below(); }
    int pairs() const { return 2 * kPanel * put_off; }
    double* at(std::int64_t row, std::int64_t col) const { return matrix + row + col * order; }
};

/// The columns as the panels put off leave them; their diagonal block is then done.
void BandReduction::update_columns(const Step& step) {
    const std::int64_t order = step.order;
    const int width = static_cast<int>(std::min<std::int64_t>(kPanel, order - step.begin));
    if (step.put_off > 0) {
        const double minus = -1;
        const double one = 1;
        check_cublas(cublasDgemm(cublas_, CUBLAS_OP_N, CUBLAS_OP_T,
                                 static_cast<int>(order - step.begin), width, step.pairs(), &minus,
                                 left_.require<double>(0) + step.begin, static_cast<int>(order),
                                 right_.require<double>(0) + step.begin, static_cast<int>(order),
                                 &one, step.at(step.begin, step.begin), static_cast<int>(order)),
                     "cublasDgemm");
    }
    keep_diagonal<<<width, kPanel, 0, stream_>>>(
        step.at(step.begin, step.begin), order, width,
        band_.require<double>(0) + step.begin * kBandColumn);
    check_cuda(cudaGetLastError(), "keep_diagonal");
}

void BandReduction::factor(const Step& step) {
    const std::int64_t offset = step.below() + step.pairs() * step.order;
    Panel panel{step.at(step.below(), step.begin),
                step.order,
                step.rows(),
                left_.require<double>(0) + offset,
                right_.require<double>(0) + offset + kPanel * step.order,
                step.order,
                small_.require<double>(0),
                band_.require<double>(0) + step.begin * kBandColumn,
                sums_.require<double>(0)};
    const auto groups = static_cast<unsigned>((step.rows() + kPanelRows - 1) / kPanelRows);
    std::array<void*, 1> arguments{&panel};
    check_cuda(cudaLaunchCooperativeKernel(factor_panel, dim3(groups), dim3(kPanelThreads),
                                           arguments.data(), kPanelShared, stream_),
               "factor_panel");
}

/// W of the panel, from its V and the matrix as it is without what is put off.
void BandReduction::multiply(const Step& step) {
    const auto order = static_cast<int>(step.order);
    const auto rows = static_cast<int>(step.rows());
    const double zero = 0;
    const double one = 1;
    const double minus = -1;
    double* const left = left_.require<double>(0) + step.below();
    double* const right = right_.require<double>(0) + step.below();
    double* const v = left + step.pairs() * step.order;
    double* const y = product_.require<double>(0);
    double* const t = small_.require<double>(0);
    double* const vy = t + kPanel * kPanel;
    double* const inner = vy + kPanel * kPanel;
    check_cublas(cublasDgemm(cublas_, CUBLAS_OP_N, CUBLAS_OP_N, rows, kPanel, rows, &one,
                             step.at(step.below(), step.below()), order, v, order, &zero, y, order),
                 "cublasDgemm");
    if (step.put_off > 0) {
        check_cublas(cublasDgemm(cublas_, CUBLAS_OP_T, CUBLAS_OP_N, step.pairs(), kPanel, rows,
                                 &one, right, order, v, order, &zero, inner, kPairs),
                     "cublasDgemm");
        check_cublas(cublasDgemm(cublas_, CUBLAS_OP_N, CUBLAS_OP_N, rows, kPanel, step.pairs(),
                                 &minus, left, order, inner, kPairs, &one, y, order),
                     "cublasDgemm");
    }
    check_cublas(cublasDgemm(cublas_, CUBLAS_OP_T, CUBLAS_OP_N, kPanel, kPanel, rows, &one, v,
                             order, y, order, &zero, vy, kPanel),
                 "cublasDgemm");
    constexpr int kThreads = 64;
    make_w<<<(rows + kThreads - 1) / kThreads, kThreads, 0, stream_>>>(
        y, order, v, order, t, vy, rows, v + kPanel * step.order, right + step.pairs() * step.order,
        order);
    check_cuda(cudaGetLastError(), "make_w");
}

/// The rest as all panels so far, this one too, leave it.
void BandReduction::update_rest(const Step& step) {
    const auto order = static_cast<int>(step.order);
    const auto rows = static_cast<int>(step.rows());
    const double one = 1;
    const double minus = -1;
    check_cublas(
        cublasDgemm(cublas_, CUBLAS_OP_N, CUBLAS_OP_T, rows, rows, step.pairs() + 2 * kPanel,
                    &minus, left_.require<double>(0) + step.below(), order,
                    right_.require<double>(0) + step.below(), order, &one,
                    step.at(step.below(), step.below()), order),
        "cublasDgemm");
}

double* BandReduction::reduce(double* matrix, std::int64_t order) {
    const auto size = static_cast<std::size_t>(order);
    left_.require<double>(size * kPairs);
    right_.require<double>(size * kPairs);
    product_.require<double>(size * kPanel);
    small_.require<double>(2 * kPanel * kPanel + kPairs * kPanel);
    sums_.require<double>(sums_needed(size / kPanelRows + 1));
    const auto values = static_cast<std::size_t>(band_values(order));
    double* const band = band_.require<double>(values);
    check_cuda(cudaMemsetAsync(band, 0, values * sizeof(double), stream_), "cudaMemset");
    check_cuda(cudaFuncSetAttribute(factor_panel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                    static_cast<int>(kPanelShared)),
               "cudaFuncSetAttribute");
    for (Step step{matrix, order, 0, 0}; step.begin < order; step.begin += kPanel) {
        update_columns(step);
        if (step.rows() <= 0) {
            break;
        }
        factor(step);
        multiply(step);
        if (++step.put_off == kPutOff) {
            --step.put_off;
            update_rest(step);
            step.put_off = 0;
        }
    }
    return band;
}

std::uint64_t BandReduction::bytes(std::int64_t order) {
    return sizeof(double) *
           static_cast<std::uint64_t>(order * (2 * kPairs + kPanel) + band_values(order));
}

std::int64_t BandReduction::band_values(std::int64_t order) {
    return (order + kBandColumn) * kBandColumn;
}

}  // namespace alphaprune::linalg
