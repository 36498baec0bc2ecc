#pragma once

#include <map>
#include <memory>
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
    bool works = true;  ///< false for ranks of a node that are too few for one more group
    int groups = 0;     ///< that work, on all nodes
};

/// One a stage of the plan. Collective.
/// @param node  the ranks on this rank's node
std::vector<StageGroup> form_groups(const parallel::Communicator& ranks,
                                    const parallel::Communicator& node,
                                    const planning::ShardPlan& plan);

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
    void solve(const planning::PlannedMatrix& planned);

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
