#include "alphaprune/linalg/spectral_backend.hpp"

#include <algorithm>
#include <array>
#include <cassert>

#include "alphaprune/linalg/blas_threads.hpp"
#include "alphaprune/support/clock.hpp"
#include "alphaprune/support/message.hpp"
#include "backends.hpp"
#include "built_with.hpp"
#include "checked_spectrum.hpp"
#include "gram.hpp"
#include "symmetric_eigenvalues.hpp"

namespace alphaprune::linalg {
namespace {

struct SolverName {
    Solver solver;
    std::string_view name;
};

constexpr std::array kSolverNames{
    SolverName{Solver::lapack1, "lapack1"},     SolverName{Solver::lapack2, "lapack2"},
    SolverName{Solver::two_stage, "two_stage"}, SolverName{Solver::elpa1, "elpa1"},
    SolverName{Solver::elpa2, "elpa2"},         SolverName{Solver::scalapack, "scalapack"},
};

struct PrecisionName {
    Precision precision;
    std::string_view name;
};

constexpr std::array kPrecisions{
    PrecisionName{Precision::in_double, "double"},
    PrecisionName{Precision::in_single, "single"},
    PrecisionName{Precision::automatic, "auto"},
};

const support::BadRequest<> kSeveralNodes{
    "linalg.several-nodes", "solver two_stage works within a node, but the group spans several",
    "its ranks work on a matrix in the shared memory of a node",
    "use groups no larger than a node, or elpa1, elpa2 or scalapack"};

const support::BadRequest<std::string_view, int> kOneRankSolver{
    "linalg.one-rank-solver", "solver {} works on one rank, but the group has {}",
    "LAPACK's solvers do not share their work",
    "use groups of one rank, or elpa1, elpa2 or scalapack"};

const support::BadRequest<std::string_view, std::string_view> kSolverNotBuiltIn{
    "linalg.solver-not-built-in", "solver {} needs {}, which this program was built without",
    "ELPA and ScaLAPACK are optional when the program is built; --version says what it has",
    "leave --solver out, or build the program with the library"};

/// One rank computes the whole spectrum with LAPACK.
class SerialBackend : public SpectralBackend {
  public:
    explicit SerialBackend(Solver solver) : solver_(solver) {}
    GramSpectrum spectrum_of(MatrixSource& matrix) override;

  private:
    Solver solver_;
};

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

}  // namespace

std::string_view name_of(Solver solver) {
    return std::ranges::find(kSolverNames, solver, &SolverName::solver)->name;
}

std::optional<Solver> solver_named(std::string_view name) {
    const auto* const found = std::ranges::find(kSolverNames, name, &SolverName::name);
    return found == kSolverNames.end() ? std::nullopt : std::optional(found->solver);
}

bool works_on_groups(Solver solver) {
    return solver != Solver::lapack1 && solver != Solver::lapack2;
}

bool is_built_in(Solver solver) {
    switch (solver) {
        case Solver::elpa1:
        case Solver::elpa2:
            return kHasElpa;
        case Solver::scalapack:
            return kHasScalapack;
        default:
            return true;
    }
}

void require_built_in(Solver solver, const std::string& where) {
    if (!is_built_in(solver)) {
        throw kSolverNotBuiltIn(where, name_of(solver),
                                solver == Solver::scalapack ? "ScaLAPACK" : "ELPA");
    }
}

Solver best_serial_solver(std::int64_t n) {
    constexpr std::int64_t kLargestForOneStage = 256;
    return n <= kLargestForOneStage ? Solver::lapack1 : Solver::two_stage;
}

std::string_view name_of(Precision precision) {
    return std::ranges::find(kPrecisions, precision, &PrecisionName::precision)->name;
}

std::optional<Precision> precision_named(std::string_view name) {
    const auto* const found = std::ranges::find(kPrecisions, name, &PrecisionName::name);
    return found == kPrecisions.end() ? std::nullopt : std::optional(found->precision);
}

bool has_single_precision(Solver solver) {
    return solver == Solver::two_stage;
}

std::unique_ptr<SpectralBackend> make_backend(Solver solver, const parallel::Communicator& group,
                                              Precision precision) {
    use_one_blas_thread();
    assert(precision == Precision::in_double || has_single_precision(solver));
    if (solver == Solver::two_stage) {
        if (group.size() > 1 && group.split_by_node().size() != group.size()) {
            throw kSeveralNodes("--group-ranks");
        }
        return make_two_stage_backend(group, precision);
    }
    require_built_in(solver, "--solver");
    if constexpr (kHasScalapack) {
        if (works_on_groups(solver)) {
            return make_group_backend(solver, group);
        }
    }
    if (group.size() != 1) {
        throw kOneRankSolver("--solver", name_of(solver), group.size());
    }
    return std::make_unique<SerialBackend>(solver);
}

}  // namespace alphaprune::linalg
