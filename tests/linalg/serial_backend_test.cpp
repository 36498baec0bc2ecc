#include <gtest/gtest.h>

#include <cmath>

#include "alphaprune/linalg/spectral_backend.hpp"
#include "gram.hpp"
#include "linalg/test_matrices.hpp"
#include "support/world.hpp"

namespace alphaprune::linalg {
namespace {

using namespace test;

class SerialSolver : public testing::TestWithParam<Solver> {
  protected:
    std::vector<double> spectrum_of(MatrixSource& matrix) {
        return make_backend(GetParam(), world())->spectrum_of(matrix).eigenvalues;
    }
};

TEST_P(SerialSolver, AgreesWithJacobiOnAllSmallOrders) {
    for (std::int64_t n = 1; n <= 70; n += n < 6 ? 1 : 7) {
        for (const Shape shape : {Shape{n, n}, Shape{n, 2 * n + 3}, Shape{2 * n + 3, n}}) {
            MemorySource matrix = spiked_matrix(shape, n);
            const std::vector<double> expected = reference_spectrum(matrix);
            EXPECT_LE(largest_difference(spectrum_of(matrix), expected), tolerance_for(expected))
                << shape.rows << 'x' << shape.cols;
        }
    }
}

TEST_P(SerialSolver, FindsKnownSingularValues) {
    for (const Shape shape : {Shape{300, 300}, Shape{131, 300}, Shape{300, 257}}) {
        const std::int64_t n = std::min(shape.rows, shape.cols);
        std::vector<double> singular;
        std::vector<double> expected;
        for (std::int64_t i = 0; i < n; ++i) {
            singular.push_back(std::pow(1.03, static_cast<double>(i)));
            expected.push_back(singular.back() * singular.back());
        }
        MemorySource matrix = matrix_with_singular_values(shape, singular);
        EXPECT_LE(largest_difference(spectrum_of(matrix), expected), tolerance_for(expected))
            << shape.rows << 'x' << shape.cols;
    }
}

TEST_P(SerialSolver, AddsUpSeveralPanels) {
    for (const Shape shape : {Shape{5, 9001}, Shape{9001, 5}}) {
        ASSERT_LT(local_panel_depth(5), 4500);
        MemorySource matrix = spiked_matrix(shape, 3);
        const std::vector<double> expected = reference_spectrum(matrix);
        EXPECT_LE(largest_difference(spectrum_of(matrix), expected), tolerance_for(expected));
    }
}

TEST_P(SerialSolver, GivesTheSameBitsEachTime) {
    for (const Shape shape : {Shape{200, 333}, Shape{333, 200}}) {
        MemorySource matrix = spiked_matrix(shape, 5);
        const std::vector<double> first = spectrum_of(matrix);
        EXPECT_EQ(spectrum_of(matrix), first);
        EXPECT_EQ(spectrum_of(matrix), first);
    }
}

TEST_P(SerialSolver, KeepsRankDeficientSpectraFromGoingNegative) {
    std::vector<double> singular(90, 0.0);
    singular.back() = 1000;
    MemorySource matrix = matrix_with_singular_values({90, 120}, singular);
    const std::vector<double> values = spectrum_of(matrix);
    EXPECT_NEAR(values.back(), 1e6, 1e-12 * 1e6 * 90);
    for (const double value : values) {
        EXPECT_GE(value, 0);
    }
}

TEST_P(SerialSolver, TakesAMatrixOfZeros) {
    for (const std::int64_t n : {1, 2, 50}) {
        MemorySource matrix({n, 60}, std::vector<double>(n * 60, 0.0));
        EXPECT_EQ(spectrum_of(matrix), std::vector<double>(n, 0.0));
    }
}

INSTANTIATE_TEST_SUITE_P(Lapack, SerialSolver,
                         testing::Values(Solver::lapack1, Solver::lapack2, Solver::two_stage));

TEST(LocalPanelDepth, HangsOnTheOrderAloneAndStaysInBounds) {
    for (std::int64_t order = 1; order < 100000; order += 997) {
        EXPECT_GE(local_panel_depth(order), 512);
        EXPECT_LE(local_panel_depth(order), 4096);
    }
}

}  // namespace
}  // namespace alphaprune::linalg
