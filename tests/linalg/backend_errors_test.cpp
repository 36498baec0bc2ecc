#include <gtest/gtest.h>

#include <limits>
#include <optional>

#include "alphaprune/linalg/spectral_backend.hpp"
#include "alphaprune/support/error.hpp"
#include "linalg/test_matrices.hpp"
#include "support/plain_errors.hpp"
#include "support/world.hpp"

namespace alphaprune::linalg {
namespace {

using namespace test;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

std::optional<support::Error> error_of(SpectralBackend& backend, MatrixSource& matrix) {
    try {
        backend.spectrum_of(matrix);
    } catch (const support::Error& error) {
        return error;
    }
    return std::nullopt;
}

class AnySolver : public testing::TestWithParam<Solver> {
  protected:
    /// The group the solver works on: all ranks, or each alone.
    parallel::Communicator group_ =
        works_on_groups(GetParam()) ? world().duplicate() : world().split(world().rank(), 0);
    std::unique_ptr<SpectralBackend> backend_ = make_backend(GetParam(), group_);
};

TEST_P(AnySolver, CountsNanAndInfOnAllRanks) {
    for (const Shape shape : {Shape{70, 90}, Shape{90, 70}, Shape{3, 5000}, Shape{5000, 3}}) {
        MemorySource matrix = spiked_matrix(shape, 1);
        matrix.at(0, 0) = kNan;
        matrix.at(shape.rows / 2, 1) = -kInf;
        matrix.at(shape.rows - 1, shape.cols - 1) = kInf;
        const std::optional<support::Error> error = error_of(*backend_, matrix);
        EXPECT_TRUE(error.has_value());
        if (error) {
            EXPECT_EQ(error->status(), support::ExitStatus::bad_request);
            EXPECT_EQ(error->faults().size(), 1U);
            const support::Fault fault = error->faults().at(0);
            EXPECT_EQ(fault.what, "3 of " + std::to_string(shape.rows * shape.cols) +
                                      " values are NaN or infinite");
            EXPECT_EQ(fault.where, matrix.name());
            EXPECT_FALSE(fault.remedy.empty());
        }
    }
}

TEST_P(AnySolver, AReadErrorOnOneRankIsThrownOnAll) {
    for (const Shape shape : {Shape{500, 5000}, Shape{5000, 500}}) {  // enough for every rank
        MemorySource matrix = spiked_matrix(shape, 1);
        const bool breaks = group_.rank() == (group_.size() > 1 ? 1 : 0);
        matrix.on_read = [&, calls = 0](const Rectangle&) mutable {
            if (breaks && ++calls == 2) {
                throw support::failure("cannot read", "the shard");
            }
        };
        const std::optional<support::Error> error = error_of(*backend_, matrix);
        EXPECT_TRUE(error.has_value());
        if (error) {
            EXPECT_EQ(error->status(), support::ExitStatus::failed);
            EXPECT_EQ(error->faults(),
                      (std::vector<support::Fault>{{"cannot read", "the shard", ""}}));
        }
    }
}

TEST_P(AnySolver, WorksAgainAfterAnError) {
    MemorySource bad = spiked_matrix({40, 40}, 1);
    bad.at(3, 3) = kNan;
    EXPECT_TRUE(error_of(*backend_, bad).has_value());
    MemorySource good = spiked_matrix({40, 41}, 1);
    const std::vector<double> expected = reference_spectrum(good);
    EXPECT_LE(largest_difference(backend_->spectrum_of(good).eigenvalues, expected),
              tolerance_for(expected));
}

TEST_P(AnySolver, RefusesAnEmptyMatrix) {
    MemorySource matrix({0, 5}, {});
    const std::optional<support::Error> error = error_of(*backend_, matrix);
    EXPECT_TRUE(error && error->status() == support::ExitStatus::bad_request);
}

TEST_P(AnySolver, RefusesValuesWhoseSquaresOverflow) {
    MemorySource matrix = spiked_matrix({20, 20}, 1);
    matrix.at(1, 1) = 1e200;
    const std::optional<support::Error> error = error_of(*backend_, matrix);
    EXPECT_TRUE(error.has_value());
    if (error) {
        EXPECT_EQ(error->status(), support::ExitStatus::bad_request);
        EXPECT_EQ(error->faults().at(0).where, matrix.name());
    }
}

INSTANTIATE_TEST_SUITE_P(Solvers, AnySolver, testing::ValuesIn(kSolvers));

TEST(MakeBackend, RefusesAGroupForAOneRankSolver) {
    if (world().size() == 1) {
        EXPECT_NO_THROW(make_backend(Solver::lapack2, world()));
    } else {
        EXPECT_THROW(make_backend(Solver::lapack2, world()), support::Error);
    }
}

}  // namespace
}  // namespace alphaprune::linalg
