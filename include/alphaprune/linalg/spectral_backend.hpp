#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/linalg/matrix_source.hpp"
#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::linalg {

/// How the eigenvalues of a Gram matrix are computed. The first two work on one rank, the others on
/// a group of ranks: two_stage through the shared memory of a node, ELPA and ScaLAPACK anywhere,
/// with the matrix distributed block-cyclically over a near-square grid.
enum class Solver {
    lapack1,    ///< dsyevd: one-stage tridiagonal reduction; best for small matrices
    lapack2,    ///< dsytrd_sy2sb + dsytrd_sb2st + dsterf: two-stage reduction
    two_stage,  ///< kernels of our own, the same bits on any group; best for all but small matrices
    elpa1,      ///< ELPA, one stage
    elpa2,      ///< ELPA, two stages
    scalapack,  ///< pdsyev
    cuda,       ///< cuSOLVER, on the graphics card of a rank (SpectralPipeline)
};

/// Those that processors work with, any of which can be asked for.
inline constexpr std::array kSolvers{Solver::lapack1, Solver::lapack2, Solver::two_stage,
                                     Solver::elpa1,   Solver::elpa2,   Solver::scalapack};

std::string_view name_of(Solver solver);
/// Of any solver; nothing for an unknown name.
std::optional<Solver> solver_named(std::string_view name);
bool works_on_groups(Solver solver);
/// False for a solver whose library the program was built without.
bool is_built_in(Solver solver);
/// @param where  who asks for the solver: an option, say
/// @throws Error (bad_request) when it is not built in
void require_built_in(Solver solver, const std::string& where);
/// The fastest one-rank solver for an n×n Gram matrix, as measured.
Solver best_serial_solver(std::int64_t n);

/// What the Gram matrix and its reduction to tridiagonal form are computed in.
enum class Precision {
    in_double,
    in_single,  ///< half the memory, twice the speed; good for the upper half of a moderate
                ///< spectrum
    automatic,  ///< in float32, and again in float64 where that is not good enough
};

std::string_view name_of(Precision precision);
/// Whether a solver can work in float32.
bool has_single_precision(Solver solver);

/// Squared singular values of a matrix, and what they cost.
struct GramSpectrum {
    std::vector<double> eigenvalues;  ///< ascending, min(rows, cols) of them, none negative
    double gram_seconds = 0;          ///< reading included
    double eig_seconds = 0;
    bool in_single = false;  ///< computed in float32
};

/// Computes spectra on the ranks of one group. Made and used collectively by the whole group.
class SpectralBackend {
  public:
    virtual ~SpectralBackend() = default;

    /// Eigenvalues, in float64, of the smaller of W Wᵀ and Wᵀ W. Every rank of the group gets them.
    /// @throws Error (bad_request) on all ranks of the group when W holds NaN or Inf, with the
    ///         count; whatever `matrix` throws; (failure) when the solver reports an error
    virtual GramSpectrum spectrum_of(MatrixSource& matrix) = 0;
};

/// @param group  outlives the backend; for a one-rank solver it must have one rank, for two_stage
///               it must be on one node (refused on all ranks)
/// @throws Error (bad_request) for a solver that is not built in
/// @param precision  in_double for a solver that has no other
std::unique_ptr<SpectralBackend> make_backend(Solver solver, const parallel::Communicator& group,
                                              Precision precision = Precision::in_double);

/// Rows and columns of a process grid.
struct GridShape {
    int rows = 1;
    int cols = 1;

    int ranks() const { return rows * cols; }
    friend bool operator==(const GridShape&, const GridShape&) = default;
};

/// The grid that uses most of `ranks` and is at most three times as wide as high (a prime number
/// of ranks leaves some out rather than make one long row), with no more columns than `order`, so
/// that each rank of it has a share of a matrix of that order. ELPA and ScaLAPACK work on it.
GridShape near_square_grid(int ranks, std::int64_t order);

/// Bytes of the host's memory that a rank needs for one matrix, beyond the program itself.
std::uint64_t memory_needed(Solver solver, int group_ranks, std::int64_t rows, std::int64_t cols);

}  // namespace alphaprune::linalg
