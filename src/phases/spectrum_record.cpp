#include "spectrum_record.hpp"

#include <utility>

namespace alphaprune::phases {

void record_spectrum(const SpectrumOptions& options, SpectrumResults& results, int owner,
                     int matrix, SolvedSpectrum solved) {
    std::vector<double>& eigenvalues = solved.spectrum.eigenvalues;
    spectrum::MatrixSpectrum result;
    result.solver = solved.solver;
    result.failed_solver = solved.failed_solver;
    const spectrum::ShapeMetrics metrics = spectrum::shape_metrics(eigenvalues);
    result.in_single = solved.spectrum.in_single;
    result.metrics = spectrum::rounded(
        result.in_single ? spectrum::without_small_eigenvalues(metrics) : metrics);
    result.group_ranks = solved.group_ranks;
    result.owner = owner;
    result.seconds = solved.seconds;
    if (options.journal != nullptr) {
        options.journal->add_spectrum(matrix, result, eigenvalues);
    }
    const auto index = static_cast<std::size_t>(matrix);
    results.matrices[index] = result;
    if (options.keep_eigenvalues) {
        results.eigenvalues[index] = std::move(eigenvalues);
    }
}

}  // namespace alphaprune::phases
