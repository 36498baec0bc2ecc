#include "checked_spectrum.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace alphaprune::linalg {
namespace {

constexpr const char* kRemedy = "choose another solver with --solver, and report this";

[[noreturn]] void reject(std::string what, Solver solver, const std::string& matrix) {
    throw support::failure(fmt::format("solver {}: {}", name_of(solver), what), matrix, kRemedy);
}

double square(double value) {
    return value * value;
}

}  // namespace

GramMoments moments_of(const Matrix& lower) {
    GramMoments moments;
    for (std::int64_t j = 0; j < lower.cols(); ++j) {
        moments.trace += lower.column(j)[j];
    }
    if (moments.trace > 0) {
        const double scale = 1 / moments.trace;
        for (std::int64_t j = 0; j < lower.cols(); ++j) {
            const auto column = lower.column(j);
            double below = 0;
            for (std::int64_t i = j + 1; i < lower.rows(); ++i) {
                below += square(column[i] * scale);
            }
            moments.relative_frobenius_sq += square(column[j] * scale) + 2 * below;
        }
    }
    return moments;
}

void refuse_overflow(const GramMoments& moments, const std::string& matrix) {
    if (!std::isfinite(moments.trace)) {
        throw support::bad_request(
            "the squares of the values overflow float64", matrix,
            "values this large are no weights; check how the model was converted");
    }
}

std::vector<double> checked_spectrum(std::vector<double> eigenvalues, const GramMoments& moments,
                                     Solver solver, const std::string& matrix) {
    if (!std::ranges::all_of(eigenvalues, [](double value) { return std::isfinite(value); })) {
        reject("the eigenvalues are not finite", solver, matrix);
    }
    const double scale = moments.trace > 0 ? 1 / moments.trace : 1;
    double sum = 0;
    double squares = 0;
    for (const double value : eigenvalues) {
        sum += value * scale;
        squares += square(value * scale);
    }
    const double expected = moments.trace > 0 ? 1 : 0;
    const bool fits =
        std::abs(sum - expected) <= moments.tolerance &&
        std::abs(squares - moments.relative_frobenius_sq) <= moments.tolerance * squares;
    if (!fits || eigenvalues.front() * scale < -moments.tolerance) {
        reject("the eigenvalues do not belong to the matrix (their sum or their squares' is off)",
               solver, matrix);
    }
    for (double& value : eigenvalues) {
        value = std::max(value, 0.0);
    }
    return eigenvalues;
}

support::Error solver_failure(const support::Error& error, Solver solver,
                              const std::string& matrix) {
    std::vector<support::Fault> faults = error.faults();
    for (support::Fault& fault : faults) {
        fault.what = fmt::format("solver {}: {}", name_of(solver), fault.what);
        fault.where = matrix;
        fault.remedy = fault.remedy.empty() ? kRemedy : fault.remedy;
    }
    return {error.status(), std::move(faults)};
}

}  // namespace alphaprune::linalg
