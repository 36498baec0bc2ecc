#include <gtest/gtest.h>

#include <cmath>

#include "alphaprune/linalg/spectral_backend.hpp"
#include "linalg/test_matrices.hpp"
#include "support/world.hpp"

namespace alphaprune::linalg {
namespace {

using namespace test;

/// Worked out on rank 0 alone: the ranks outnumber the cores.
std::vector<double> common_reference(const parallel::Communicator& group, MemorySource& matrix) {
    std::vector<double> spectrum(std::min(matrix.rows(), matrix.cols()));
    if (group.is_root()) {
        spectrum = reference_spectrum(matrix);
    }
    group.broadcast(std::span(spectrum));
    return spectrum;
}

/// The solvers of libraries; ELPA is not in every build.
std::vector<Solver> library_solvers() {
    std::vector<Solver> solvers{Solver::elpa1, Solver::elpa2, Solver::scalapack};
    std::erase_if(solvers, [](Solver solver) { return !is_built_in(solver); });
    return solvers;
}

class GroupSolver : public testing::TestWithParam<Solver> {};

TEST_P(GroupSolver, AgreesWithJacobiOnSmallMatrices) {
    const auto backend = make_backend(GetParam(), world());
    for (const Shape shape :
         {Shape{1, 1}, Shape{1, 9}, Shape{9, 1}, Shape{2, 2}, Shape{2, 5}, Shape{3, 3}, Shape{7, 4},
          Shape{5, 5}, Shape{17, 17}, Shape{31, 90}, Shape{65, 33}, Shape{64, 64}, Shape{66, 70}}) {
        MemorySource matrix = spiked_matrix(shape, 11);
        const std::vector<double> expected = common_reference(world(), matrix);
        const std::vector<double> values = backend->spectrum_of(matrix).eigenvalues;
        EXPECT_LE(largest_difference(values, expected), tolerance_for(expected))
            << shape.rows << 'x' << shape.cols;
    }
}

TEST_P(GroupSolver, AddsUpSeveralPanels) {
    const auto backend = make_backend(GetParam(), world());
    for (const Shape shape : {Shape{6, 4099}, Shape{4099, 6}, Shape{40, 2049}, Shape{2049, 40}}) {
        MemorySource matrix = spiked_matrix(shape, 3);
        const std::vector<double> expected = common_reference(world(), matrix);
        const std::vector<double> values = backend->spectrum_of(matrix).eigenvalues;
        EXPECT_LE(largest_difference(values, expected), tolerance_for(expected))
            << shape.rows << 'x' << shape.cols;
    }
}

TEST_P(GroupSolver, FindsKnownSingularValuesAndAgreesWithLapack) {
    const auto backend = make_backend(GetParam(), world());
    const parallel::Communicator alone = world().split(world().rank(), 0);
    const auto lapack = make_backend(Solver::lapack1, alone);
    for (const Shape shape : {Shape{300, 300}, Shape{131, 300}, Shape{300, 257}}) {
        std::vector<double> singular;
        std::vector<double> expected;
        for (std::int64_t i = 0; i < std::min(shape.rows, shape.cols); ++i) {
            singular.push_back(1 + std::pow(static_cast<double>(i) / 30, 3));
            expected.push_back(singular.back() * singular.back());
        }
        MemorySource matrix = matrix_with_singular_values(shape, singular);
        const std::vector<double> values = backend->spectrum_of(matrix).eigenvalues;
        EXPECT_LE(largest_difference(values, expected), tolerance_for(expected));
        EXPECT_LE(largest_difference(values, lapack->spectrum_of(matrix).eigenvalues),
                  tolerance_for(expected));
    }
}

TEST_P(GroupSolver, GivesEveryRankTheSameBits) {
    MemorySource matrix = spiked_matrix({70, 100}, 5);
    const std::vector<double> mine =
        make_backend(GetParam(), world())->spectrum_of(matrix).eigenvalues;
    std::vector<double> roots = mine;
    world().broadcast(std::span(roots));
    EXPECT_EQ(mine, roots);
}

TEST_P(GroupSolver, TakesAMatrixOfZeros) {
    MemorySource matrix({40, 60}, std::vector<double>(40 * 60, 0.0));
    EXPECT_EQ(make_backend(GetParam(), world())->spectrum_of(matrix).eigenvalues,
              std::vector<double>(40, 0.0));
}

TEST_P(GroupSolver, ReadsNoMoreThanAFewRowsOrBlocksAtATime) {
    for (const Shape shape : {Shape{200, 4000}, Shape{4000, 200}}) {
        MemorySource matrix = spiked_matrix(shape, 8);
        std::int64_t largest = 0;
        matrix.on_read = [&](const Rectangle& part) { largest = std::max(largest, part.size()); };
        make_backend(GetParam(), world())->spectrum_of(matrix);
        EXPECT_LE(largest, 32 * 2048);
    }
}

/// Groups of different sizes at work at the same time, on different numbers of matrices: a hidden
/// collective operation over all ranks would hang here.
TEST_P(GroupSolver, GroupsDoNotDisturbEachOther) {
    const int color = world().rank() < 2 ? 0 : 1;
    const parallel::Communicator group = world().split(color, world().rank());
    const auto backend = make_backend(GetParam(), group);
    for (int i = 0; i < 2 + 3 * color; ++i) {
        MemorySource matrix = spiked_matrix({40 - i, 50 + i}, i);
        const std::vector<double> expected = common_reference(group, matrix);
        EXPECT_LE(largest_difference(backend->spectrum_of(matrix).eigenvalues, expected),
                  tolerance_for(expected));
    }
    world().barrier();
}

INSTANTIATE_TEST_SUITE_P(Libraries, GroupSolver, testing::ValuesIn(library_solvers()));

}  // namespace
}  // namespace alphaprune::linalg
