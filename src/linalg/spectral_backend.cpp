#include "alphaprune/linalg/spectral_backend.hpp"

#include <algorithm>
#include <array>
#include <cassert>

#include "alphaprune/linalg/arithmetic.hpp"
#include "alphaprune/support/clock.hpp"
#include "alphaprune/support/message.hpp"
#include "backends.hpp"
#include "checked_spectrum.hpp"
#include "distributed_gram.hpp"
#include "gram.hpp"
#include "symmetric_eigenvalues.hpp"

namespace alphaprune::linalg {
namespace {

/// In the order of Solver.
constexpr std::array<std::string_view, kSolvers.size() + 1> kSolverNames{
    "lapack1", "lapack2", "two_stage", "elpa1", "elpa2", "scalapack", "cuda"};

/// In the order of Precision.
constexpr std::array<std::string_view, 3> kPrecisionNames{"double", "single", "auto"};

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

/// float64 values at most alive at once in the Gram product and in the solver, on one rank.
double serial_values(Solver solver, double order, double depth) {
    const auto n = static_cast<std::int64_t>(order);
    const double panel = order * std::min(static_cast<double>(local_panel_depth(n)), depth);
    const double band = bandwidth_for(n) + 1;
    // The band, the two stages' work space (a few bands) and the tridiagonal form; dsyevd has one
    // block of columns.
    const double work = solver == Solver::lapack2 ? 4 * band * order : 64 * order;
    return order * order + std::max(panel, work);
}

double group_values(Solver solver, int ranks, double order, double depth) {
    const GridShape grid = near_square_grid(ranks, static_cast<std::int64_t>(order));
    const double share = order * order / grid.ranks();
    const double panel = order * std::min<double>(kGroupPanelDepth, depth) / grid.ranks();
    const double product = share + panel + order * kSlabRows;
    // As measured at orders 1000 and 2000 on 1 to 4 ranks; pdsyev works in place.
    switch (solver) {
        case Solver::elpa1:
            return std::max(product, 4.0 * share + 384 * order);
        case Solver::elpa2:
            return std::max(product, 4.3 * share + 704 * order);
        default:
            return product + 64 * order;
    }
}

}  // namespace

std::string_view name_of(Solver solver) {
    return kSolverNames[static_cast<std::size_t>(solver)];
}

std::optional<Solver> solver_named(std::string_view name) {
    const auto* const found = std::ranges::find(kSolverNames, name);
    return found == kSolverNames.end()
               ? std::nullopt
               : std::optional(static_cast<Solver>(found - kSolverNames.begin()));
}

bool works_on_groups(Solver solver) {
    return solver != Solver::lapack1 && solver != Solver::lapack2 && solver != Solver::cuda;
}

bool is_built_in(Solver solver) {
    switch (solver) {
        case Solver::elpa1:
        case Solver::elpa2:
            return ALPHAPRUNE_HAS_ELPA;
        case Solver::scalapack:
            return ALPHAPRUNE_HAS_SCALAPACK;
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
    return kPrecisionNames[static_cast<std::size_t>(precision)];
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
    if constexpr (ALPHAPRUNE_HAS_SCALAPACK) {
        if (works_on_groups(solver)) {
            return make_group_backend(solver, group);
        }
    }
    if (group.size() != 1) {
        throw kOneRankSolver("--solver", name_of(solver), group.size());
    }
    return std::make_unique<SerialBackend>(solver);
}

GridShape near_square_grid(int ranks, std::int64_t order) {
    constexpr int kWidest = 3;
    GridShape best;
    for (int rows = 1; rows * rows <= ranks; ++rows) {
        const std::int64_t most =
            std::min({std::int64_t{ranks / rows}, std::int64_t{kWidest} * rows, order});
        const GridShape shape{rows, static_cast<int>(most)};
        if (shape.cols >= rows && shape.ranks() >= best.ranks()) {
            best = shape;  // of equals the later one: it is nearer to a square
        }
    }
    return best;
}

std::uint64_t memory_needed(Solver solver, int group_ranks, std::int64_t rows, std::int64_t cols) {
    if (solver == Solver::cuda) {
        return std::uint64_t{256} << 20;  // to read into, and what the driver keeps on the host
    }
    if (solver == Solver::two_stage) {
        return two_stage_memory(group_ranks, std::min(rows, cols), std::max(rows, cols));
    }
    const auto order = static_cast<double>(std::min(rows, cols));
    const auto depth = static_cast<double>(std::max(rows, cols));
    const double values = works_on_groups(solver) ? group_values(solver, group_ranks, order, depth)
                                                  : serial_values(solver, order, depth);
    return static_cast<std::uint64_t>(values * sizeof(double));
}

}  // namespace alphaprune::linalg
