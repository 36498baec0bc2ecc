#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/tokens.hpp"
#include "alphaprune/model/weight_reader.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/resume/journal.hpp"
#include "alphaprune/support/clock.hpp"
#include "alphaprune/transformer/block_runner.hpp"

namespace alphaprune::phases {

/// Receives, on each rank, the input at one site of a block for one sequence after the other. It is
/// called equally often, in the same order of sites, on every rank: a rank that has no sequence
/// left is called with an empty input and no tokens.
/// @param site      index into transformer::input_sites
/// @param sequence  number of the sequence among all, where there is one
using SiteObserver = std::function<void(std::size_t site, std::int64_t sequence,
                                        std::span<const float> input, std::int64_t tokens)>;

/// This rank's calibration sequences on their way through the model, one block at a time.
class CalibrationPass {
  public:
    /// Collective: embeds the sequences. All arguments outlive the object. @throws Error
    CalibrationPass(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                    const model::Catalogue& catalogue, const model::TokenSequences& sequences);

    const transformer::ForwardPlan& plan() const { return plan_; }
    /// The loaded block's weights.
    transformer::BlockRunner& runner() { return *runner_; }

    /// Collective: a block's dense weights, once on each node, checked to be finite. @throws Error
    void load(int block);

    /// Collective: tells the inputs of all sites of the loaded block, and leaves the activations as
    /// they are. @throws Error on all ranks
    void observe(const SiteObserver& observer);
    /// Collective: the loaded block's outputs become the activations. @throws Error on all ranks
    void advance();
    /// Collective: loads a block and advances, nothing more. @throws Error on all ranks
    void pass_through(int block);

    /// Numbers of this rank's sequences.
    parallel::RowRange own() const { return own_; }
    /// The activations of one of them, tokens × hidden, and of all, one after another.
    std::span<float> state(std::int64_t own);
    std::span<const float> states() const { return runner_->states(); }
    std::size_t state_size() const { return runner_->state_size(); }

  private:
    /// The model's rows, each checked to be finite as it is read.
    model::RowSource finite_rows();

    const parallel::Communicator& ranks_;
    const model::Catalogue& catalogue_;
    const model::TokenSequences& sequences_;
    transformer::ForwardPlan plan_;
    std::unique_ptr<transformer::BlockRunner> runner_;
    model::WeightReader reader_;
    parallel::RowRange own_;  ///< the sequences of this rank
    int block_ = 0;           ///< that is loaded
};

/// Keeps the hidden states of a calibration pass in the journal as they go from block to block, so
/// that a later attempt goes on where this one was. All calls are collective.
class StateKeeper {
  public:
    /// @param journal  may be nullptr: nothing is kept. Outlives the object, as pass does
    StateKeeper(const parallel::Communicator& ranks, resume::Journal* journal,
                resume::StatePass which);

    /// The block at whose entrance an earlier attempt has left the states; 0: none.
    int saved_block() const;
    /// Puts those states into the pass. @throws Error on all ranks
    void restore(CalibrationPass& pass) const;

    /// The pass has come to the entrance of a block. Its states are kept unless that has been done
    /// so shortly before that it would cost more than some hundredths of the time.
    /// @param before  runs on each rank first: what must be durable before
    void at_entrance(int block, CalibrationPass& pass, const std::function<void()>& before);

  private:
    bool due() const;

    const parallel::Communicator& ranks_;
    resume::Journal* journal_;
    resume::StatePass which_;
    support::Stopwatch since_;  ///< the states were kept
    double cost_ = 0;           ///< seconds that it took
};

}  // namespace alphaprune::phases
