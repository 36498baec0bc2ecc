#include "elpa_solver.hpp"

#include <fmt/format.h>

// Not inside extern "C": it overloads. It brings in C's complex.h with its macro I.
#include <elpa/elpa.h>
#include <complex>
#undef I

#include "alphaprune/parallel/native_mpi.hpp"
#include "alphaprune/support/message.hpp"

// The header declares elpa_strerr as C++, the library has it as C.
extern "C" const char* alphaprune_elpa_strerr(int code) __asm__("elpa_strerr");

namespace alphaprune::linalg {
namespace {

constexpr int kApiVersion = 20221109;

const support::Failure<std::string_view, std::string, int> kElpaFailed{
    "linalg.elpa-failed", "{} failed: {} ({})", "ELPA refuses the matrix or its layout",
    "choose another solver with --solver, and report this"};

void require_elpa(std::string_view step, int code) {
    if (code != ELPA_OK) {
        throw kElpaFailed("", step, alphaprune_elpa_strerr(code), code);
    }
}

/// ELPA's start-up state lasts as long as the process; there is nothing in it to give back.
void start_elpa_once() {
    static const int code = elpa_init(kApiVersion);
    require_elpa("elpa_init", code);
}

void set(elpa_t handle, const char* key, std::int64_t value) {
    int code = ELPA_OK;
    elpa_set(handle, key, static_cast<int>(value), &code);
    require_elpa(fmt::format("elpa_set({})", key), code);
}

elpa_t allocated() {
    int code = ELPA_OK;
    elpa_t handle = elpa_allocate(&code);
    require_elpa("elpa_allocate", code);
    return handle;
}

void configure(elpa_t handle, const BlacsGrid& grid, const BlockCyclicLayout& layout,
               Solver solver) {
    set(handle, "na", layout.rows.size);
    set(handle, "nev", layout.rows.size);
    set(handle, "local_nrows", layout.rows.local_size());
    set(handle, "local_ncols", layout.cols.local_size());
    set(handle, "nblk", layout.rows.block);
    set(handle, "mpi_comm_parent", MPI_Comm_c2f(parallel::native(grid.ranks())));
    set(handle, "process_row", grid.row());
    set(handle, "process_col", grid.col());
    require_elpa("elpa_setup", elpa_setup(handle));
    set(handle, "solver", solver == Solver::elpa1 ? ELPA_SOLVER_1STAGE : ELPA_SOLVER_2STAGE);
}

}  // namespace

ElpaSolver::ElpaSolver(const BlacsGrid& grid, const BlockCyclicLayout& layout, Solver solver) {
    start_elpa_once();
    handle_.reset(allocated());
    configure(static_cast<elpa_t>(handle_.get()), grid, layout, solver);
}

void ElpaSolver::Deallocate::operator()(void* handle) const {
    int code = ELPA_OK;
    elpa_deallocate(static_cast<elpa_t>(handle), &code);
}

std::vector<double> ElpaSolver::eigenvalues(DistributedMatrix& full) const {
    std::vector<double> values(static_cast<std::size_t>(full.layout.rows.size));
    int code = ELPA_OK;
    elpa_eigenvalues(static_cast<elpa_t>(handle_.get()), full.local.data(), values.data(), &code);
    require_elpa("elpa_eigenvalues", code);
    return values;
}

}  // namespace alphaprune::linalg
