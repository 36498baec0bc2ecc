#include "serial_backend.hpp"

#include "alphaprune/support/clock.hpp"
#include "checked_spectrum.hpp"
#include "local_gram.hpp"
#include "symmetric_eigenvalues.hpp"

namespace alphaprune::linalg {

GramSpectrum SerialBackend::spectrum_of(MatrixSource& matrix) {
    GramSpectrum spectrum;
    support::Stopwatch watch;
    Matrix gram = local_gram(matrix);
    spectrum.gram_seconds = watch.seconds();

    watch.restart();
    const GramMoments moments = moments_of(gram);
    refuse_overflow(moments, matrix.name());
    try {
        spectrum.eigenvalues =
            solver_ == Solver::lapack1 ? eigenvalues_one_stage(gram) : eigenvalues_two_stage(gram);
    } catch (const support::Error& error) {
        throw solver_failure(error, solver_, matrix.name());
    }
    spectrum.eigenvalues =
        checked_spectrum(std::move(spectrum.eigenvalues), moments, solver_, matrix.name());
    spectrum.eig_seconds = watch.seconds();
    return spectrum;
}

}  // namespace alphaprune::linalg
