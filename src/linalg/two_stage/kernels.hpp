#pragma once

#include <cstdint>
#include <vector>

namespace alphaprune::linalg::two_stage {

/// Width of the band between the two stages. The reduction to a band is fast with any width from
/// about 32 on; what follows costs in proportion to it.
inline constexpr int kBand = 32;

/// One operand of a product, read a scalar at a time: element (i, k) is at data + i·row + k·step.
template <class Real>
struct Strided {
    const Real* data;
    std::int64_t row;
    std::int64_t step;
};

/// The loops that nearly all of the time is spent in, for one instruction set.
template <class Real>
struct Kernels {
    /// C ±= A·B with A rows × depth and B depth × kBand; B's and C's rows are contiguous, ldb and
    /// ldc apart. `rows` is a multiple of 8.
    void (*add_product)(std::int64_t rows, std::int64_t depth, Strided<Real> a, const Real* b,
                        std::int64_t ldb, Real* c, std::int64_t ldc);
    void (*subtract_product)(std::int64_t rows, std::int64_t depth, Strided<Real> a, const Real* b,
                             std::int64_t ldb, Real* c, std::int64_t ldc);

    /// Householder QR of `panel`, rows × kBand, row-major, rows >= kBand: Q = I − V·T·Vᵀ.
    /// V (unit lower trapezoidal, its ones and zeros written out) takes the panel's place; r and t
    /// are kBand × kBand, row-major, upper triangular with zeros below.
    void (*factor_panel)(std::int64_t rows, Real* panel, Real* r, Real* t);

    /// Band to tridiagonal: element (i, j), i >= j, at band[j·2·kBand + i − j]. There are `order` +
    /// 2·kBand columns, those beyond the order zero. The diagonal and first subdiagonal remain.
    void (*chase_bulges)(std::int64_t order, Real* band);
};

/// What was built for one instruction set.
struct KernelSet {
    const char* name;
    Kernels<double> in_double;
    Kernels<float> in_single;

    template <class Real>
    const Kernels<Real>& of() const {
        if constexpr (sizeof(Real) == sizeof(double)) {
            return in_double;
        } else {
            return in_single;
        }
    }
};

extern const KernelSet kBaselineKernels;
// Built for x86-64 alone, where ALPHAPRUNE_AVX_KERNELS is defined.
extern const KernelSet kAvx2Kernels;
extern const KernelSet kAvx512Kernels;

/// Those that were built and that this processor can run, the best first.
std::vector<const KernelSet*> usable_kernels();
const KernelSet& best_kernels();

/// The best kernels for this processor.
template <class Real>
const Kernels<Real>& kernels() {
    return best_kernels().of<Real>();
}

}  // namespace alphaprune::linalg::two_stage
