#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>

#include "alphaprune/linalg/blas_threads.hpp"
#include "alphaprune/linalg/spectral_backend.hpp"
#include "alphaprune/support/error.hpp"
#include "group_backend.hpp"
#include "serial_backend.hpp"
#include "two_stage_backend.hpp"

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
            throw support::bad_request(
                "solver two_stage works within a node, but the group spans several",
                "--group-ranks", "use groups no larger than a node, or elpa1, elpa2 or scalapack");
        }
        return std::make_unique<TwoStageBackend>(group, precision);
    }
    if (works_on_groups(solver)) {
        return std::make_unique<GroupBackend>(solver, group);
    }
    if (group.size() != 1) {
        throw support::bad_request(fmt::format("solver {} works on one rank, but the group has {}",
                                               name_of(solver), group.size()),
                                   "--solver",
                                   "use groups of one rank, or elpa1, elpa2 or scalapack");
    }
    return std::make_unique<SerialBackend>(solver);
}

}  // namespace alphaprune::linalg
