#pragma once

#include <map>
#include <memory>
#include <vector>

#include "alphaprune/linalg/spectral_pipeline.hpp"
#include "alphaprune/model/weight_reader.hpp"
#include "alphaprune/phases/spectrum_phase.hpp"
#include "alphaprune/planning/shard_plan.hpp"
#include "alphaprune/support/error.hpp"
#include "group_worker.hpp"

namespace alphaprune::phases {

/// A rank with a graphics card at work on several matrices at the same time. What the card cannot
/// do the processor does.
class CardWorker {
  public:
    /// @param processor  what this rank does without the card; outlives the worker, as catalogue,
    ///                   options and results do
    /// @param owner      of the results: this rank
    /// @param pipeline   nullptr: the card has no room, and the processor does it all
    CardWorker(std::unique_ptr<linalg::SpectralPipeline> pipeline, GroupWorker& processor,
               int owner, const model::Catalogue& catalogue, const SpectrumOptions& options,
               SpectrumResults& results);
    ~CardWorker();

    /// Whether another matrix may be taken before one is finished.
    bool has_room() const;
    bool is_idle() const { return at_work_.empty(); }
    /// Takes a matrix.
    /// @param planned  outlives the work on it
    /// @returns whether it is done already, by the processor, since there is no card to be had;
    ///          otherwise at once
    /// @throws Error then
    bool take(const planning::PlannedMatrix& planned);
    /// Waits for one of those taken and records its spectrum. @pre !is_idle()
    /// @throws Error what kept it from being computed, by the processor, too
    void finish_one();

  private:
    struct AtWork {
        const planning::PlannedMatrix* planned;
        std::unique_ptr<model::WeightReader> reader;
    };
    std::unique_ptr<model::WeightReader> free_reader();

    std::unique_ptr<linalg::SpectralPipeline> pipeline_;
    GroupWorker& processor_;
    int owner_;
    const model::Catalogue& catalogue_;
    const SpectrumOptions& options_;
    SpectrumResults& results_;
    std::map<std::int64_t, AtWork> at_work_;                     ///< by matrix
    std::vector<std::unique_ptr<model::WeightReader>> readers_;  ///< that nobody uses
};

/// @param matrices  that it will be given, or others of their shapes
std::unique_ptr<linalg::SpectralPipeline> make_card_pipeline(
    int card, const model::Catalogue& catalogue,
    const std::vector<planning::PlannedMatrix>& matrices);

}  // namespace alphaprune::phases
