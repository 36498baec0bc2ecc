#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "alphaprune/linalg/spectral_backend.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/planning/shard_plan.hpp"
#include "alphaprune/resume/journal.hpp"
#include "alphaprune/spectrum/farms.hpp"
#include "alphaprune/spectrum/matrix_spectrum.hpp"

namespace alphaprune::phases {

struct SpectrumOptions {
    std::optional<linalg::Solver> solver = {};  ///< nothing: chosen for each matrix
    std::optional<int> group_ranks = {};  ///< ranks that share one matrix, for solvers that can
    /// Of solvers that have a choice.
    linalg::Precision precision = linalg::Precision::in_double;
    bool keep_eigenvalues = true;  ///< keep them for the checkpoint and the report
    /// Bytes that every rank may take; nothing: no limit.
    std::optional<std::uint64_t> memory_per_rank = {};
    /// Threads of a rank that take matrices, one each, where matrices are not shared by groups.
    int threads = 1;
    /// The graphics card of this rank, by its index, which takes the matrices that single ranks
    /// work on; nothing: the processor does. On a node with cards the ranks without one rest.
    std::optional<int> card = {};
    planning::CostModel costs = {};  ///< by which groups are chosen; the same on every rank
    /// Takes every result, and holds those of earlier attempts, which are not computed again;
    /// nullptr: none. Outlives the work.
    resume::Journal* journal = nullptr;
};

/// Called on rank 0 from time to time: matrices done so far, of how many.
using Progress = std::function<void(std::int64_t done, std::int64_t total)>;

struct SpectrumResults {
    std::vector<spectrum::MatrixSpectrum>
        matrices;  ///< as in Catalogue::matrices; the same on every rank
    /// Eigenvalues of the matrices this rank owns; empty for the others.
    std::vector<std::vector<double>> eigenvalues;
};

/// Who is to do what that has not been done before. Collective; the same on every rank.
/// @throws Error (bad_request) on all ranks when matrices fit no group of ranks
planning::ShardPlan plan_spectra(const parallel::Communicator& ranks,
                                 const model::Catalogue& catalogue, const SpectrumOptions& options);

/// Computes the spectra and shape metrics of all prunable matrices: groups of ranks take the
/// matrices one by one, the longest first, whoever is free takes the next. Collective. The metrics
/// do not depend on the number of ranks, nor on the groups that the solver two_stage works in. A
/// matrix on which a solver fails is given to another one. When a stop is requested the matrices at
/// hand are given up, and those that would not end before the deadline are not begun.
/// @param plan  from plan_spectra
/// @throws Error on all ranks: unreadable weights, NaN or Inf; once one is met no other matrix is
///         begun, and those at hand are given up where the solver can be stopped; (stopped) when
///         some matrices were left undone
SpectrumResults compute_spectra(const parallel::Communicator& ranks,
                                const model::Catalogue& catalogue, const SpectrumOptions& options,
                                const planning::ShardPlan& plan, const Progress& progress);

struct FarmsResults {
    std::vector<double>
        alphas;                ///< as in Catalogue::matrices, rounded to 10 digits; NaN: undefined
    std::int64_t windows = 0;  ///< of all matrices
};

/// alpha_peak_farms of all prunable matrices: alpha_peak of the eigenvalues of all windows of a
/// matrix together. Windows are handed out to whichever rank is free, the most expensive first;
/// their eigenvalues meet on one rank per matrix, which keeps them only until the last is there.
/// Collective. The result does not depend on the number of ranks.
/// @param solver    for each window; nothing, or one that works on groups: the best for its size
/// @param journal   takes the results, and holds those of earlier attempts; may be nullptr
/// @param progress  called on rank 0 with windows done, of how many
/// @throws Error on all ranks: unreadable weights, NaN or Inf, a solver that fails
FarmsResults compute_farms(const parallel::Communicator& ranks, const model::Catalogue& catalogue,
                           const spectrum::FarmsOptions& options,
                           std::optional<linalg::Solver> solver, const Progress& progress,
                           resume::Journal* journal = nullptr);

}  // namespace alphaprune::phases
