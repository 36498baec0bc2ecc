#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/tokens.hpp"
#include "alphaprune/model/weight_reader.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/parallel/team.hpp"
#include "alphaprune/resume/journal.hpp"
#include "alphaprune/support/clock.hpp"
#include "alphaprune/transformer/block_runner.hpp"

namespace alphaprune::phases {

/// Receives, on each rank, the input at one site of a block for one sequence of its team after the
/// other. It is called equally often, in the same order of sites, on every rank: those of a team
/// that has no sequence left are called without tokens.
/// @param site  index into transformer::input_sites
/// @param routed  with the first site of a mixture of experts: what its router divides; else empty
using SiteObserver = std::function<void(std::size_t site, const pruning::SiteInput& input,
                                        const pruning::RoutedInput& routed)>;

/// The calibration sequences of this rank's team on their way through the model, one block at a
/// time.
class CalibrationPass {
  public:
    /// Collective: embeds the sequences. All arguments outlive the object.
    /// @param beside     of the same sequences: both have what observers are shown in one memory.
    ///                   nullptr: there is none
    /// @param family     whose blocks are run; nullptr: the family that the model is of
    /// @throws Error
    CalibrationPass(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                    const model::Catalogue& catalogue, const model::TokenSequences& sequences,
                    const transformer::ForwardSettings& forward,
                    const model::Family* family = nullptr, CalibrationPass* beside = nullptr);

    const transformer::ForwardPlan& plan() const { return plan_; }
    /// The loaded block's weights.
    transformer::BlockRunner& runner() { return *runner_; }

    /// Collective: a block's dense weights, once on each node, checked to be finite. @throws Error
    void load(int block);

    /// A block will be loaded next: its weights are read ahead. Returns at once.
    void will_load(int block);

    /// Collective: tells the inputs of all sites of the loaded block, and leaves the activations as
    /// they are.
    /// @param dense    the same block of the dense model: its inputs are told, too, and its outputs
    ///                 become its activations; nullptr: none
    /// @param goes_on  false: its activations stay as they are, too, to be observed again
    /// @throws Error on all ranks
    void observe(const SiteObserver& observer, CalibrationPass* dense = nullptr,
                 bool goes_on = true);
    /// Collective: goes on to this site of the loaded block, with the matrices of the sites before
    /// as they are now, and tells its input. After the last site, leave().
    /// @throws Error on all ranks
    void step(std::size_t site, const SiteObserver& observer, CalibrationPass* dense = nullptr);
    /// Collective: after the last site the block's outputs become the activations.
    /// @throws Error on all ranks
    void leave();
    /// Collective: the loaded block's outputs become the activations. @throws Error on all ranks
    void advance() { advance({}); }
    /// Collective: loads a block and advances, nothing more.
    /// @param only  one per sequence: those with zero stay behind; empty: none does
    /// @throws Error on all ranks
    void pass_through(int block, std::span<const std::uint8_t> only = {});

    /// Collective: after the last block, the mean loss of a token of each sequence that is not zero
    /// in `which`. The same on every rank. @throws Error on all ranks
    std::vector<double> losses(std::span<const std::uint8_t> which);

    /// Which sequences each team has.
    const parallel::Teams& teams() const { return teams_; }
    /// Numbers of those of this rank's team.
    parallel::RowRange own() const { return teams_.items(); }
    std::size_t state_size() const { return runner_->state_size(); }

  private:
    using UseInput = std::function<void(const pruning::SiteInput&, const pruning::RoutedInput&)>;

    void advance(std::span<const std::uint8_t> only);
    /// How far this model's residual stream has drifted from the dense one, over the multiplier;
    /// until the next call.
    std::span<const float> drift_of(std::span<const float> present, std::span<const float> dense,
                                    double multiplier);
    /// What a router divides in this model and in the dense one, if there is one.
    pruning::RoutedInput routed(const transformer::ObservedInput& present,
                                std::span<const float> dense) const;
    /// One round of sequences after the other; observe_one(round, seen) shows the sites from
    /// `first` to `end` of this rank's sequence.
    template <class ObserveOne>
    void tell(std::size_t first, std::size_t end, const SiteObserver& observer,
              CalibrationPass* dense, ObserveOne observe_one);
    /// What the dense model has where the present one has this input.
    void observe_beside(std::int64_t round, const transformer::ObservedInput& present,
                        const UseInput& use);
    /// The same for an expert: of the tokens that its router gave it in both models.
    void use_common_tokens(const transformer::ObservedInput& present,
                           const transformer::ObservedInput& dense, const UseInput& use);
    parallel::WorkClock& clock() const { return nodes_.clock(); }
    std::size_t sites() const { return multipliers_.size(); }

    /// The model's rows, each checked to be finite as it is read.
    model::RowSource finite_rows();

    const parallel::Communicator& ranks_;
    const parallel::NodeMap& nodes_;
    const model::Catalogue& catalogue_;
    const model::TokenSequences& sequences_;
    transformer::ForwardPlan plan_;
    parallel::Teams teams_;
    std::unique_ptr<transformer::BlockRunner> runner_;
    model::WeightReader reader_;
    int block_ = 0;                                    ///< that is loaded
    std::vector<double> multipliers_;                  ///< of its sites (InputSite::multiplier)
    std::optional<parallel::NodeArray<float>> drift_;  ///< of one sequence, where there are targets
};

/// Keeps the hidden states of calibration passes in the journal as they go from block to block, so
/// that a later attempt goes on where this one was. All calls are collective.
class StateKeeper {
  public:
    /// One pass, or several that are always at the same block.
    using Passes = std::vector<std::pair<resume::StatePass, CalibrationPass*>>;

    /// @param journal  may be nullptr: nothing is kept. Outlives the object, as the passes do
    StateKeeper(const parallel::Communicator& ranks, resume::Journal* journal, Passes passes);

    /// The block at whose entrance an earlier attempt has left the states of all passes; 0: none.
    int saved_block() const;
    /// Puts those states into the passes. @throws Error on all ranks
    void restore() const;

    /// The passes have come to the entrance of a block. Their states are kept unless that has been
    /// done so shortly before that it would cost more than some hundredths of the time.
    /// @param before  runs on each rank first: what must be durable before
    void at_entrance(int block, const std::function<void()>& before);

  private:
    bool due() const;

    const parallel::Communicator& ranks_;
    resume::Journal* journal_;
    Passes passes_;
    support::Stopwatch since_;  ///< the states were kept
    double cost_ = 0;           ///< seconds that it took
};

}  // namespace alphaprune::phases
