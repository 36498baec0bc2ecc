// Our own solver on groups of ranks: against LAPACK, at every kind of edge, bit for bit alike.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "alphaprune/linalg/spectral_backend.hpp"
#include "alphaprune/support/error.hpp"
#include "linalg/test_matrices.hpp"
#include "support/world.hpp"

namespace alphaprune::linalg {
namespace {

using namespace test;

std::vector<double> spectrum_on(const parallel::Communicator& group, Solver solver,
                                MatrixSource& matrix) {
    return make_backend(solver, group)->spectrum_of(matrix).eigenvalues;
}

const parallel::Communicator& alone() {
    static const parallel::Communicator self = parallel::view(MPI_COMM_SELF);
    return self;
}

TEST(TwoStage, AgreesWithLapackAtEveryKindOfEdge) {
    // Around the band's width, the tile's and the piece's depth, and where the last is a sliver.
    for (const std::int64_t n : {1, 2, 31, 32, 33, 65, 191, 192, 193, 224, 385, 420}) {
        for (const Shape shape : {Shape{n, n}, Shape{n, n + 767}, Shape{n + 577, n}}) {
            MemorySource matrix = spiked_matrix(shape, n);
            const auto expected = spectrum_on(alone(), Solver::lapack1, matrix);
            const auto found = spectrum_on(world(), Solver::two_stage, matrix);
            EXPECT_LE(largest_difference(found, expected), tolerance_for(expected))
                << shape.rows << 'x' << shape.cols;
        }
    }
}

TEST(TwoStage, GivesTheSameBitsOnAnyGroup) {
    for (const Shape shape : {Shape{500, 1700}, Shape{1700, 461}, Shape{96, 96}}) {
        MemorySource matrix = spiked_matrix(shape, 5);
        EXPECT_EQ(spectrum_on(world(), Solver::two_stage, matrix),
                  spectrum_on(alone(), Solver::two_stage, matrix));
    }
}

TEST(TwoStage, OneBackendTakesOneMatrixAfterAnother) {
    const auto backend = make_backend(Solver::two_stage, world(), Precision::automatic);
    for (const Shape shape : {Shape{200, 300}, Shape{200, 250}, Shape{90, 40}, Shape{200, 300}}) {
        MemorySource matrix = spiked_matrix(shape, shape.cols);
        const auto expected = spectrum_on(alone(), Solver::lapack1, matrix);
        EXPECT_LE(largest_difference(backend->spectrum_of(matrix).eigenvalues, expected),
                  1e-5 * expected.back());
    }
}

TEST(TwoStage, TakesLargeAndSmallNumbers) {
    for (const double size : {1e-150, 1e-30, 1e30, 1e150}) {
        MemorySource matrix = spiked_matrix({70, 90}, 3);
        MemorySource scaled = matrix;
        for (std::int64_t i = 0; i < 70; ++i) {
            for (std::int64_t j = 0; j < 90; ++j) {
                scaled.at(i, j) = size * matrix.at(i, j);
            }
        }
        auto expected = spectrum_on(alone(), Solver::two_stage, matrix);
        std::ranges::for_each(expected, [&](double& value) { value *= size * size; });
        EXPECT_LE(largest_difference(spectrum_on(world(), Solver::two_stage, scaled), expected),
                  tolerance_for(expected))
            << size;
    }
}

TEST(TwoStage, NeedsLessMemoryOfARankInALargerGroup) {
    const std::uint64_t alone = memory_needed(Solver::two_stage, 1, 8192, 28672);
    EXPECT_GT(alone, 8192ULL * 8192 / 2 * 8);
    EXPECT_LT(memory_needed(Solver::two_stage, 4, 8192, 28672), alone / 3);
}

/// A matrix whose Gram matrix has these extreme eigenvalues, evenly spread on a logarithmic scale.
MemorySource spread_matrix(std::int64_t n, double least) {
    std::vector<double> singular;
    for (std::int64_t i = 0; i < n; ++i) {
        singular.push_back(std::sqrt(std::pow(least, 1 - static_cast<double>(i) / (n - 1.0))));
    }
    return matrix_with_singular_values({n, n + 40}, singular);
}

TEST(SinglePrecision, AutomaticKeepsFloatOnlyWhereTheMedianIsLarge) {
    MemorySource moderate = spread_matrix(300, 1e-6);  // median 1e-3
    MemorySource steep = spread_matrix(300, 1e-12);    // median 1e-6
    const auto backend = make_backend(Solver::two_stage, world(), Precision::automatic);
    const auto exact = make_backend(Solver::two_stage, world());
    const GramSpectrum quick = backend->spectrum_of(moderate);
    EXPECT_TRUE(quick.in_single);
    const auto expected = exact->spectrum_of(moderate).eigenvalues;
    EXPECT_NE(quick.eigenvalues, expected);
    EXPECT_LE(largest_difference(quick.eigenvalues, expected), 1e-6 * expected.back());

    const GramSpectrum redone = backend->spectrum_of(steep);
    EXPECT_FALSE(redone.in_single);
    EXPECT_EQ(redone.eigenvalues, exact->spectrum_of(steep).eigenvalues);
}

TEST(SinglePrecision, ValuesThatOverflowItAreDoneInDouble) {
    MemorySource large({2, 300}, std::vector<double>(600, 1e25));
    const auto backend = make_backend(Solver::two_stage, world(), Precision::automatic);
    const GramSpectrum spectrum = backend->spectrum_of(large);
    EXPECT_FALSE(spectrum.in_single);
    EXPECT_NEAR(spectrum.eigenvalues.back(), 6e52, 1e41);
    EXPECT_THROW(make_backend(Solver::two_stage, world(), Precision::in_single)->spectrum_of(large),
                 support::Error);
}

}  // namespace
}  // namespace alphaprune::linalg
