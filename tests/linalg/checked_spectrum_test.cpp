#include "checked_spectrum.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/plain_errors.hpp"

namespace alphaprune::linalg {
namespace {

/// [[2, 1], [1, 2]], whose eigenvalues are 1 and 3; the upper triangle holds rubbish.
Matrix two_by_two() {
    Matrix lower(2, 2);
    lower(0, 0) = 2;
    lower(1, 0) = 1;
    lower(0, 1) = -77;
    lower(1, 1) = 2;
    return lower;
}

std::string text_of_failure(std::vector<double> eigenvalues, const GramMoments& moments) {
    try {
        checked_spectrum(std::move(eigenvalues), moments, Solver::elpa2, "q.weight");
    } catch (const support::Error& error) {
        EXPECT_EQ(error.status(), support::ExitStatus::failed);
        return error.what();
    }
    return "no error";
}

TEST(CheckedSpectrum, AcceptsTheRightValues) {
    const auto values = checked_spectrum({1, 3}, moments_of(two_by_two()), Solver::lapack1, "w");
    EXPECT_EQ(values, (std::vector<double>{1, 3}));
}

TEST(CheckedSpectrum, SetsTinyNegativeValuesToZero) {
    Matrix lower(2, 2);
    lower(0, 0) = 4;
    const auto values = checked_spectrum({-3e-16, 4}, moments_of(lower), Solver::lapack1, "w");
    EXPECT_EQ(values, (std::vector<double>{0, 4}));
    EXPECT_FALSE(std::signbit(values[0]));
}

TEST(CheckedSpectrum, AcceptsAMatrixOfZeros) {
    const auto values = checked_spectrum({0, 0}, moments_of(Matrix(2, 2)), Solver::lapack1, "w");
    EXPECT_EQ(values, (std::vector<double>{0, 0}));
}

TEST(CheckedSpectrum, RefusesWrongValuesNamingSolverAndMatrix) {
    const GramMoments moments = moments_of(two_by_two());
    constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
    for (const auto& wrong :
         std::vector<std::vector<double>>{{0, 0},
                                          {1, 3.001},
                                          {2, 2} /* right sum, as from one triangle */,
                                          {-1, 5},
                                          {kNan, 3}}) {
        const std::string text = text_of_failure(wrong, moments);
        EXPECT_NE(text.find("elpa2"), std::string::npos) << wrong[0] << ' ' << wrong[1];
        EXPECT_NE(text.find("q.weight"), std::string::npos) << text;
        EXPECT_NE(text.find("--solver"), std::string::npos) << text;
    }
}

TEST(CheckedSpectrum, DoesNotOverflowOnLargeEntries) {
    Matrix lower(1, 1);
    lower(0, 0) = 1e300;
    EXPECT_EQ(checked_spectrum({1e300}, moments_of(lower), Solver::lapack1, "w").at(0), 1e300);
}

TEST(CheckedSpectrum, NamesSolverAndMatrixInASolversError) {
    const support::Error error =
        solver_failure(support::failure("dsterf failed (info = 3)"), Solver::lapack2, "k");
    const std::string text = error.what();
    EXPECT_NE(text.find("lapack2: dsterf failed (info = 3)"), std::string::npos) << text;
    EXPECT_NE(text.find("where:  k"), std::string::npos) << text;
    EXPECT_EQ(error.status(), support::ExitStatus::failed);
}

}  // namespace
}  // namespace alphaprune::linalg
