#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "alphaprune/linalg/blas_threads.hpp"
#include "alphaprune/linalg/spectral_backend.hpp"
#include "alphaprune/support/error.hpp"
#include "group_backend.hpp"
#include "serial_backend.hpp"

namespace alphaprune {
namespace {

struct SolverName {
    Solver solver;
    std::string_view name;
};

constexpr std::array kSolvers{
    SolverName{Solver::lapack1, "lapack1"},     SolverName{Solver::lapack2, "lapack2"},
    SolverName{Solver::elpa1, "elpa1"},         SolverName{Solver::elpa2, "elpa2"},
    SolverName{Solver::scalapack, "scalapack"},
};

}  // namespace

std::string_view name_of(Solver solver) {
    return std::ranges::find(kSolvers, solver, &SolverName::solver)->name;
}

std::optional<Solver> solver_named(std::string_view name) {
    const auto* const found = std::ranges::find(kSolvers, name, &SolverName::name);
    return found == kSolvers.end() ? std::nullopt : std::optional(found->solver);
}

bool works_on_groups(Solver solver) {
    return solver != Solver::lapack1 && solver != Solver::lapack2;
}

Solver best_serial_solver(std::int64_t n) {
    // CPU seconds of lapack1/lapack2, one core. Zen 4: 512 .0103/.0154, 1024 .066/.102, 1536
    // .235/.282, 2048 .637/.548; a Skylake-class Xeon: 512 .0145/.0171, 1024 .094/.079, 2048
    // .69/.43. One stage runs at the speed of memory once the matrix leaves the cache, worse with
    // all cores busy.
    constexpr std::int64_t kLargestForOneStage = 1024;
    return n <= kLargestForOneStage ? Solver::lapack1 : Solver::lapack2;
}

std::unique_ptr<SpectralBackend> make_backend(Solver solver, const Communicator& group) {
    use_one_blas_thread();
    if (works_on_groups(solver)) {
        return std::make_unique<GroupBackend>(solver, group);
    }
    if (group.size() != 1) {
        throw bad_request(fmt::format("solver {} works on one rank, but the group has {}",
                                      name_of(solver), group.size()),
                          "--solver", "use groups of one rank, or elpa1, elpa2 or scalapack");
    }
    return std::make_unique<SerialBackend>(solver);
}

}  // namespace alphaprune
