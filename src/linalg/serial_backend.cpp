#include "serial_backend.hpp"

#include <cmath>

#include "alphaprune/support/clock.hpp"
#include "checked_spectrum.hpp"
#include "local_gram.hpp"
#include "symmetric_eigenvalues.hpp"
#include "two_stage/eigenvalues.hpp"

namespace alphaprune {
namespace {

std::vector<double> eigenvalues_of(Matrix gram, Solver solver) {
    switch (solver) {
        case Solver::lapack1:
            return eigenvalues_one_stage(gram);
        case Solver::lapack2:
            return eigenvalues_two_stage(gram);
        default:
            return two_stage::eigenvalues(std::move(gram));
    }
}

/// Only our own solver has a float32 path.
std::vector<double> eigenvalues_of(BasicMatrix<float> gram, Solver) {
    return two_stage::eigenvalues(std::move(gram));
}

/// Adds to the seconds of `spectrum`: a matrix may be done twice.
template <class Real>
void compute(MatrixSource& matrix, Solver solver, GramSpectrum& spectrum) {
    Stopwatch watch;
    BasicMatrix<Real> gram = local_gram<Real>(matrix);
    spectrum.gram_seconds += watch.seconds();

    watch.restart();
    const GramMoments moments = moments_of(gram);
    refuse_overflow(moments, matrix.name());
    try {
        spectrum.eigenvalues = eigenvalues_of(std::move(gram), solver);
    } catch (const Error& error) {
        throw solver_failure(error, solver, matrix.name());
    }
    spectrum.eigenvalues =
        checked_spectrum(std::move(spectrum.eigenvalues), moments, solver, matrix.name());
    spectrum.eig_seconds += watch.seconds();
}

/// Whether float32 gave a spectrum that will do. Anything wrong with it, such as an overflow, is
/// left for float64 to tell.
bool tried_in_single(MatrixSource& matrix, Solver solver, GramSpectrum& spectrum) {
    try {
        compute<float>(matrix, solver, spectrum);
        return single_suffices(spectrum.eigenvalues);
    } catch (const Error&) {
        return false;
    }
}

}  // namespace

bool single_suffices(std::span<const double> eigenvalues) {
    constexpr double kLeastShare = 1e-4;  // of the largest; float32 rounds at 6e-8 of it
    return eigenvalues[eigenvalues.size() / 2] > kLeastShare * eigenvalues.back();
}

GramSpectrum SerialBackend::spectrum_of(MatrixSource& matrix) {
    GramSpectrum spectrum;
    if (precision_ == Precision::in_single) {
        compute<float>(matrix, solver_, spectrum);
        spectrum.in_single = true;
    } else if (precision_ == Precision::automatic && tried_in_single(matrix, solver_, spectrum)) {
        spectrum.in_single = true;
    } else {
        compute<double>(matrix, solver_, spectrum);
    }
    return spectrum;
}

}  // namespace alphaprune
