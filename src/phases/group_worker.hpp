#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "alphaprune/model/weight_reader.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/phases/spectrum_phase.hpp"
#include "alphaprune/planning/shard_plan.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::phases {

/// The ranks that a rank shares the matrices of one stage with.
struct StageGroup {
    parallel::Communicator ranks;
    /// False for ranks of a node that are too few for one more group, and, where the others of
    /// the node have graphics cards, for those without.
    bool works = true;
    int groups = 0;  ///< that work, on all nodes
};

/// One a stage of the plan. Collective.
/// @param node      the ranks on this rank's node
/// @param has_card  that this rank computes spectra on
std::vector<StageGroup> form_groups(const parallel::Communicator& ranks,
                                    const parallel::Communicator& node,
                                    const planning::ShardPlan& plan, bool has_card);

/// One group of ranks at work on one matrix after another. Made, used and destroyed collectively by
/// the group.
class GroupWorker {
  public:
    /// @param group   outlives the worker, as catalogue, options and results do
    /// @param owner   of the results: this rank, as others call it
    GroupWorker(const parallel::Communicator& group, int owner, const model::Catalogue& catalogue,
                const SpectrumOptions& options, SpectrumResults& results);

    /// Into the results of the group's root, and its journal. A solver that fails is followed by
    /// another.
    /// @param failed_before  a solver of another kind of hardware, that has failed on this matrix
    void solve(const planning::PlannedMatrix& planned,
               std::optional<linalg::Solver> failed_before = {});

    /// This rank will be asked to solve that one next.
    void will_need(const planning::PlannedMatrix& planned);

  private:
    const model::MatrixInfo& matrix(const planning::PlannedMatrix& planned) const;
    linalg::SpectralBackend& backend(linalg::Solver solver);
    linalg::GramSpectrum solve_again(linalg::Solver solver, linalg::MatrixSource& source,
                                     const support::Error& first);

    const parallel::Communicator& group_;
    int owner_;
    const model::Catalogue& catalogue_;
    const SpectrumOptions& options_;
    SpectrumResults& results_;
    model::WeightReader reader_;
    std::map<linalg::Solver, std::unique_ptr<linalg::SpectralBackend>> backends_;
};

}  // namespace alphaprune::phases
