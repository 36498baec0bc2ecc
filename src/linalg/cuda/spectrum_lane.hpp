#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "alphaprune/linalg/matrix_source.hpp"
#include "alphaprune/support/scalar.hpp"

// What program and module agree about for spectra on a card. Nothing of CUDA shows here.

namespace alphaprune::linalg {

/// A matrix whose stored values will be uploaded, rows × cols, row after row.
struct LaneMatrix {
    std::int64_t rows = 0;
    std::int64_t cols = 0;
    support::ScalarType type{};
};

/// What the Gram matrix of an uploaded matrix is like: see GramMoments.
struct LaneGram {
    std::int64_t nonfinite = 0;  ///< values that are NaN or infinite; the rest then has no meaning
    double trace = 0;
    double relative_frobenius_sq = 0;
};

/// One spectrum after another on a stream of a card. Several lanes of one card work side by side,
/// each on a thread of its own. Functions throw device::CardError.
class SpectrumLane {
  public:
    virtual ~SpectrumLane() = default;

    /// Takes the memory for this matrix, in place of the one before.
    virtual void begin(const LaneMatrix& matrix) = 0;
    /// Makes the values on the card, instead of staging() and upload(). Returns at once.
    virtual void generate(const GeneratedValues& values) = 0;
    /// Room on the host for the next values, at least a row of them. Waits until it is free.
    virtual std::span<std::byte> staging() = 0;
    /// Begins to copy the first bytes of what staging() gave to the card, behind those before.
    virtual void upload(std::size_t bytes) = 0;
    /// The smaller Gram matrix of what has been uploaded, in float64. Waits for it.
    virtual LaneGram gram() = 0;

    // Its eigenvalues, ascending, min(rows, cols) of them, in one of two ways. Both wait, and leave
    // nothing of the Gram matrix.
    /// By way of a band, with the kernels of this area.
    virtual void eigenvalues(std::span<double> out) = 0;
    /// By cuSOLVER. @returns its info: not 0 where it failed
    virtual int library_eigenvalues(std::span<double> out) = 0;
};

/// @param card  its index
using MakeSpectrumLane = SpectrumLane*(int card);
inline constexpr const char* kMakeSpectrumLane = "alphaprune_cuda_make_spectrum_lane";

/// Bytes of the card that a lane needs for a matrix.
using SpectrumLaneBytes = std::uint64_t(int card, const LaneMatrix& matrix);
inline constexpr const char* kSpectrumLaneBytes = "alphaprune_cuda_spectrum_lane_bytes";

/// The card's speed in products of float64, GFLOP/s, as measured now.
using CardDgemm = double(int card);
inline constexpr const char* kCardDgemm = "alphaprune_cuda_dgemm_gflops";
/// The same of bfloat16 with sums in float32.
using CardBf16Gemm = double(int card);
inline constexpr const char* kCardBf16Gemm = "alphaprune_cuda_bf16_gflops";

/// Bytes of the card that nobody has taken.

}  // namespace alphaprune::linalg
