#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "alphaprune/linalg/arithmetic.hpp"
#include "alphaprune/linalg/spectral_backend.hpp"
#include "blas.hpp"

namespace alphaprune::linalg {
namespace {

TEST(Solvers, NamesGoBothWays) {
    for (const Solver solver : kSolvers) {
        EXPECT_EQ(solver_named(name_of(solver)), solver);
    }
    EXPECT_EQ(name_of(Solver::elpa2), "elpa2");
    EXPECT_EQ(solver_named("elpa"), std::nullopt);
    EXPECT_EQ(solver_named(""), std::nullopt);
}

TEST(Solvers, OnlyLapackNeedsARankOfItsOwn) {
    for (const Solver solver : kSolvers) {
        EXPECT_EQ(works_on_groups(solver), !name_of(solver).starts_with("lapack"));
    }
}

TEST(Solvers, OneRankTakesLapackForSmallMatricesAndTwoStageForLarge) {
    EXPECT_EQ(best_serial_solver(1), Solver::lapack1);
    EXPECT_EQ(best_serial_solver(16), Solver::lapack1);
    EXPECT_EQ(best_serial_solver(1025), Solver::two_stage);
    EXPECT_EQ(best_serial_solver(16384), Solver::two_stage);
}

TEST(MemoryNeeded, HoldsAtLeastTheGramMatrixAndShrinksWithTheGroup) {
    for (const Solver solver : kSolvers) {
        // two_stage keeps one triangle.
        const std::uint64_t least = 4096ULL * 4096 * 8 / (solver == Solver::two_stage ? 2 : 1);
        EXPECT_GE(memory_needed(solver, 1, 4096, 11008), least) << name_of(solver);
        EXPECT_EQ(memory_needed(solver, 1, 4096, 11008), memory_needed(solver, 1, 11008, 4096));
        EXPECT_GT(memory_needed(solver, 1, 1, 1), 0U);
    }
    for (const Solver solver : {Solver::elpa1, Solver::elpa2, Solver::scalapack}) {
        EXPECT_LT(memory_needed(solver, 16, 8192, 28672),
                  memory_needed(solver, 1, 8192, 28672) / 8);
    }
    EXPECT_GE(memory_needed(Solver::two_stage, 1, 65536, 65536), 65536ULL * 65536 * 4);
}

TEST(GemmRate, MultipliesMatricesAndMeasuresARate) {
    const std::vector<double> a{1, 2, 3, 4};
    const std::vector<double> b{5, 6, 7, 8};
    std::vector<double> c(4);
    gemm(2, a.data(), b.data(), c.data());
    EXPECT_EQ(c, (std::vector<double>{23, 34, 31, 46}));  // column-major
    const double rate = measure_dgemm_gflops(0.005);
    EXPECT_TRUE(std::isfinite(rate));
    EXPECT_GT(rate, 0);
    EXPECT_GT(measure_sgemm_gflops(0.005), 0);
    EXPECT_GE(expected_dgemm_gflops(), 0);
}

}  // namespace
}  // namespace alphaprune::linalg
