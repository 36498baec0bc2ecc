#include "group_worker.hpp"

#include <utility>

#include "alphaprune/support/clock.hpp"

namespace alphaprune {
namespace {

/// One that goes another way than the one that has failed.
Solver other_solver(Solver failed, int group_ranks) {
    if (group_ranks > 1) {
        return failed == Solver::scalapack ? Solver::elpa2 : Solver::scalapack;
    }
    return failed == Solver::lapack2 ? Solver::lapack1 : Solver::lapack2;
}

}  // namespace

GroupWorker::GroupWorker(const Communicator& group, int owner, const Catalogue& catalogue,
                         const SpectrumOptions& options, SpectrumResults& results)
    : group_(group),
      owner_(owner),
      catalogue_(catalogue),
      options_(options),
      results_(results),
      reader_(catalogue) {}

const MatrixInfo& GroupWorker::matrix(const PlannedMatrix& planned) const {
    return catalogue_.matrices[static_cast<std::size_t>(planned.matrix)];
}

void GroupWorker::solve(const PlannedMatrix& planned) {
    const Stopwatch watch;
    const auto source =
        make_matrix_source(reader_, matrix(planned), group_.size() == 1, group_.size());
    MatrixSpectrum result;
    result.solver = planned.solver;
    GramSpectrum spectrum;
    try {
        spectrum = backend(planned.solver).spectrum_of(*source);
    } catch (const Error& error) {
        if (error.status() != ExitStatus::failed) {
            throw;
        }
        result.failed_solver = planned.solver;
        result.solver = other_solver(planned.solver, group_.size());
        spectrum = solve_again(result.solver, *source, error);
    }
    if (!group_.is_root()) {
        return;
    }
    const ShapeMetrics metrics = shape_metrics(spectrum.eigenvalues);
    result.metrics = rounded(spectrum.in_single ? without_small_eigenvalues(metrics) : metrics);
    result.in_single = spectrum.in_single;
    result.group_ranks = group_.size();
    result.owner = owner_;
    result.seconds = watch.seconds();
    if (options_.journal != nullptr) {
        options_.journal->add_spectrum(planned.matrix, result, spectrum.eigenvalues);
    }
    const auto index = static_cast<std::size_t>(planned.matrix);
    results_.matrices[index] = result;
    if (options_.keep_eigenvalues) {
        results_.eigenvalues[index] = std::move(spectrum.eigenvalues);
    }
}

/// What the first solver met may come again, such as weights that cannot be read: then that is the
/// error.
GramSpectrum GroupWorker::solve_again(Solver solver, MatrixSource& source, const Error& first) {
    try {
        return backend(solver).spectrum_of(source);
    } catch (const Error& second) {
        throw second.status() == ExitStatus::failed ? first : second;
    }
}

void GroupWorker::will_need(const PlannedMatrix& planned) {
    reader_.will_need(catalogue_.tensor_of(matrix(planned)));
}

SpectralBackend& GroupWorker::backend(Solver solver) {
    auto& slot = backends_[solver];
    if (!slot) {
        slot =
            make_backend(solver, group_,
                         has_single_precision(solver) ? options_.precision : Precision::in_double);
    }
    return *slot;
}

}  // namespace alphaprune
