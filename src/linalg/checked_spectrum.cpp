#include "checked_spectrum.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "alphaprune/support/message.hpp"

namespace alphaprune::linalg {
namespace {

constexpr const char* kRemedy = "choose another solver with --solver, and report this";

const support::Failure<std::string_view> kNotFinite{
    "linalg.eigenvalues-not-finite", "solver {}: the eigenvalues are not finite",
    "the memory, processor or BLAS of the node is not sound, or a library has a defect", kRemedy};

const support::Failure<std::string_view> kWrong{
    "linalg.eigenvalues-wrong",
    "solver {}: the eigenvalues do not belong to the matrix (their sum or their squares' is off)",
    "the memory, processor or BLAS of the node is not sound, or a library has a defect", kRemedy};

const support::Failure<std::string_view, int> kRoutineFailed{
    "linalg.routine-failed", "{} failed (info = {})",
    "a routine of LAPACK or ScaLAPACK reports that it did not converge or that memory ran out",
    kRemedy};

const support::BadRequest<> kOverflows{
    "linalg.overflow-float64", "the squares of the values overflow float64",
    "values this large are no weights", "check how the model was converted"};

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
        throw kOverflows(matrix);
    }
}

std::vector<double> checked_spectrum(std::vector<double> eigenvalues, const GramMoments& moments,
                                     Solver solver, const std::string& matrix) {
    if (!std::ranges::all_of(eigenvalues, [](double value) { return std::isfinite(value); })) {
        throw kNotFinite(matrix, name_of(solver));
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
        throw kWrong(matrix, name_of(solver));
    }
    for (double& value : eigenvalues) {
        value = std::max(value, 0.0);
    }
    return eigenvalues;
}

void require_success(std::string_view routine, int info) {
    if (info != 0) {
        throw kRoutineFailed("", routine, info);
    }
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
