// The kernels of the two-stage reduction, of every instruction set that this processor has, against
// plain loops and LAPACK.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "alphaprune/linalg/arithmetic.hpp"
#include "matrix.hpp"
#include "symmetric_eigenvalues.hpp"
#include "two_stage/kernels.hpp"

namespace alphaprune::linalg::two_stage {
namespace {

/// Numbers between −1 and 1.
double noise(std::int64_t i) {
    const auto hashed = static_cast<std::uint64_t>(i + 1) * 0x9e3779b97f4a7c15ULL;
    return static_cast<double>((hashed ^ (hashed >> 31)) >> 40) / (1 << 23) - 1;
}

template <class Real>
std::vector<Real> noisy(std::int64_t count, std::int64_t seed) {
    std::vector<Real> values(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = static_cast<Real>(noise(static_cast<std::int64_t>(i) + 1000003 * seed));
    }
    return values;
}

template <class Real>
constexpr double kRounding = sizeof(Real) == 8 ? 1e-13 : 1e-5;

template <class Real>
class TwoStageKernels : public testing::Test {};
using Reals = testing::Types<double, float>;
TYPED_TEST_SUITE(TwoStageKernels, Reals);

TYPED_TEST(TwoStageKernels, TheBestThatCanRunIsChosenAndAnyProcessorHasOne) {
    using Real = TypeParam;
    const auto usable = usable_kernels();
    EXPECT_EQ(&kernels<Real>(), &usable.front()->template of<Real>());
    EXPECT_EQ(usable.back(), &kBaselineKernels);
#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
    EXPECT_EQ(usable.size(), 3U);
#endif
}

TYPED_TEST(TwoStageKernels, ProductsAgreeWithATripleLoop) {
    using Real = TypeParam;
    for (const KernelSet* const set : usable_kernels()) {
        const Kernels<Real>& kernels = set->template of<Real>();
        for (const std::int64_t depth : {1, 31, 96}) {
            constexpr std::int64_t kRows = 40;
            constexpr std::int64_t kWide = 48;
            const auto a = noisy<Real>(kRows * depth, 1);
            const auto b = noisy<Real>(depth * kWide, 2);
            const auto before = noisy<Real>(kRows * kWide, 3);
            for (const bool across : {false, true}) {
                const Strided<Real> left{a.data(), across ? 1 : depth, across ? kRows : 1};
                auto added = before;
                auto subtracted = before;
                kernels.add_product(kRows, depth, left, b.data(), kWide, added.data(), kWide);
                kernels.subtract_product(kRows, depth, left, b.data(), kWide, subtracted.data(),
                                         kWide);
                for (std::int64_t i = 0; i < kRows; ++i) {
                    for (std::int64_t j = 0; j < kWide; ++j) {
                        double sum = 0;
                        for (std::int64_t k = 0; k < depth && j < kBand; ++k) {
                            sum += static_cast<double>(left.data[i * left.row + k * left.step]) *
                                   static_cast<double>(b[k * kWide + j]);
                        }
                        const double old = before[i * kWide + j];
                        EXPECT_NEAR(added[i * kWide + j], old + sum, 20 * kRounding<Real>);
                        EXPECT_NEAR(subtracted[i * kWide + j], old - sum, 20 * kRounding<Real>);
                    }
                }
            }
        }
    }
}

/// (I − V·T·Vᵀ)·[R; 0], which must be the panel; and VᵀV·… must make it orthogonal.
template <class Real>
void expect_factored(const std::vector<Real>& panel, const std::vector<Real>& v,
                     const std::vector<Real>& r, const std::vector<Real>& t, double tolerance) {
    const auto rows = static_cast<std::int64_t>(panel.size()) / kBand;
    for (std::int64_t col = 0; col < kBand; ++col) {
        double projected[kBand];  // T·Vᵀ·[R; 0]
        for (std::int64_t i = 0; i < kBand; ++i) {
            projected[i] = 0;
            for (std::int64_t k = 0; k < kBand; ++k) {
                double inner = 0;
                for (std::int64_t row = 0; row < kBand; ++row) {
                    inner += static_cast<double>(v[row * kBand + k]) * r[row * kBand + col];
                }
                projected[i] += t[i * kBand + k] * inner;
            }
        }
        for (std::int64_t row = 0; row < rows; ++row) {
            double value = row < kBand ? static_cast<double>(r[row * kBand + col]) : 0;
            for (std::int64_t k = 0; k < kBand; ++k) {
                value -= v[row * kBand + k] * projected[k];
            }
            ASSERT_NEAR(value, panel[row * kBand + col], tolerance) << row << ' ' << col;
        }
    }
    // Q is orthogonal: Tᵀ + T = Tᵀ·VᵀV·T
    std::vector<double> inner(kBand * kBand);
    for (std::int64_t row = 0; row < rows; ++row) {
        for (std::int64_t i = 0; i < kBand * kBand; ++i) {
            inner[i] +=
                static_cast<double>(v[row * kBand + i / kBand]) * v[row * kBand + i % kBand];
        }
    }
    for (std::int64_t i = 0; i < kBand; ++i) {
        for (std::int64_t j = 0; j < kBand; ++j) {
            double sum = 0;
            for (std::int64_t k = 0; k < kBand; ++k) {
                for (std::int64_t l = 0; l < kBand; ++l) {
                    sum += t[k * kBand + i] * inner[k * kBand + l] * t[l * kBand + j];
                }
            }
            ASSERT_NEAR(sum, t[i * kBand + j] + t[j * kBand + i], tolerance) << i << ' ' << j;
        }
    }
}

TYPED_TEST(TwoStageKernels, PanelsAreFactored) {
    using Real = TypeParam;
    for (const KernelSet* const set : usable_kernels()) {
        const Kernels<Real>& kernels = set->template of<Real>();
        for (const std::int64_t rows : {32, 64, 224}) {
            for (const int rank : {kBand, 5, 0}) {
                auto panel = noisy<Real>(rows * kBand, 4);
                for (std::int64_t i = 0; i < rows * kBand; ++i) {
                    if (i % kBand >= rank) {  // dependent columns, and none at all
                        panel[i] = rank == 0 ? Real(0) : panel[i - i % kBand + i % kBand % rank];
                    }
                }
                auto v = panel;
                std::vector<Real> r(kBand * kBand, Real(7));
                std::vector<Real> t(kBand * kBand, Real(7));
                kernels.factor_panel(rows, v.data(), r.data(), t.data());
                expect_factored(panel, v, r, t, 300 * kRounding<Real>);
            }
        }
    }
}

TYPED_TEST(TwoStageKernels, BandsBecomeTridiagonalWithTheSameEigenvalues) {
    using Real = TypeParam;
    use_one_blas_thread();
    for (const KernelSet* const set : usable_kernels()) {
        const Kernels<Real>& kernels = set->template of<Real>();
        for (const std::int64_t order : {3, 33, 97, 260}) {
            Matrix dense(order, order);
            std::vector<Real> band(static_cast<std::size_t>((order + 3 * kBand) * 2 * kBand));
            for (std::int64_t j = 0; j < order; ++j) {
                for (std::int64_t i = j; i < std::min<std::int64_t>(order, j + kBand + 1); ++i) {
                    const auto value = static_cast<Real>(noise(i * order + j));
                    band[j * 2 * kBand + i - j] = value;
                    dense(i, j) = static_cast<double>(value);
                }
            }
            kernels.chase_bulges(order, band.data());
            Matrix tridiagonal(order, order);
            for (std::int64_t j = 0; j < order; ++j) {
                tridiagonal(j, j) = static_cast<double>(band[j * 2 * kBand]);
                if (j + 1 < order) {
                    tridiagonal(j + 1, j) = static_cast<double>(band[j * 2 * kBand + 1]);
                }
            }
            const auto expected = eigenvalues_one_stage(dense);
            const auto found = eigenvalues_one_stage(tridiagonal);
            for (std::int64_t i = 0; i < order; ++i) {
                ASSERT_NEAR(found[i], expected[i], 1000 * kRounding<Real>) << order << ' ' << i;
            }
        }
    }
}

}  // namespace
}  // namespace alphaprune::linalg::two_stage
