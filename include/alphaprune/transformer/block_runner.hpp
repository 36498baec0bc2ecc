#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "alphaprune/linalg/far_memory.hpp"
#include "alphaprune/linalg/forward_precision.hpp"
#include "alphaprune/linalg/sgemm.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/parallel/team.hpp"
#include "alphaprune/transformer/forward_plan.hpp"
#include "alphaprune/transformer/token_loss.hpp"

namespace alphaprune::transformer {

/// The input at one site of a block, during its forward pass. Valid during the call only.
struct ObservedInput {
    std::size_t site = 0;  ///< index into input_sites()
    /// tokens × cols, row-major; none where squares are given. All values are in the far() memory
    /// of the runner, if it has one.
    std::span<const float> values;
    /// tokens × hidden_size, before the sublayer adds its output; empty for an expert.
    std::span<const float> residual;
    std::int64_t tokens = 0;                  ///< of an expert: perhaps none
    std::span<const std::int32_t> of_expert;  ///< which they are, ascending; empty: all
    /// With the first expert's first input: what the router divides among all experts, all tokens.
    std::span<const float> routed = {};
    /// Σ x² over the tokens, of each of the cols, where that suffices: see InputNeeds.
    std::span<const float> squares = {};
};
using InputObserver = std::function<void(const ObservedInput& input)>;

/// What observers need of an input. It makes a difference where the values are far from the
/// processor, which then are not brought to it.
enum class InputNeeds {
    values,
    squares,   ///< their sums, ObservedInput::squares
    products,  ///< of values where they are: see BlockRunner::far()
};

/// What goes of each row of a matrix.
struct RowDrop {
    std::int64_t dropped = 0;  ///< weights, where there are no groups
    int group = 0;    ///< of consecutive weights; 0: none. The last may have fewer, `width`
    int removed = 0;  ///< of each group, floor(width·removed/group) of the last
};

/// Runs the decoder blocks of a model over a team's sequences, one block at a time, one
/// sequence at a time, so that the result for a sequence depends neither on what else is computed
/// nor on who shares the work. Owns what a block's weights and the hidden states live in, in memory
/// that the team sees. All calls are made by all ranks of the team, with the same arguments;
/// observers are called on all of them.
class BlockRunner {
  public:
    virtual ~BlockRunner() = default;

    /// The embeddings of some sequences of one length become the hidden states; reads just the
    /// rows of the tokens present.
    /// @throws Error: a token outside the vocabulary, more tokens than positions, unreadable
    /// weights
    virtual void embed(std::span<const std::span<const std::int32_t>> sequences,
                       const model::RowSource& source) = 0;
    virtual std::int64_t sequences() const = 0;
    /// Values of a hidden state: tokens × hidden_size.
    virtual std::size_t state_size() const = 0;
    /// A hidden state, until the next call.
    virtual std::span<const float> state(std::int64_t sequence) = 0;
    /// Puts one back as it was saved. Called on one rank of the team, which all of them await
    /// before they go on.
    virtual void put_state(std::int64_t sequence, std::span<const float> values) = 0;
    /// A sequence's state is kept beside, and put back.
    virtual void keep_state(std::int64_t sequence) = 0;
    virtual void put_back_state(std::int64_t sequence) = 0;

    /// Run collectively by the node: a block's weights take the place of the block before.
    /// @throws Error on all ranks of the node
    virtual void load(int block, const model::RowSource& source) = 0;
    /// From now on observers need no more than this of an input.
    virtual void set_needs(InputNeeds) {}
    /// Where all that is shown to observers is, with InputNeeds::products and if it is far from the
    /// processor; else nullptr. What is made in this memory goes before the runner.
    virtual linalg::FarMemory* far() { return nullptr; }
    /// Runs the loaded block; its output becomes the sequence's state.
    virtual void advance(std::int64_t sequence) = 0;
    /// Runs the loaded block, shows the input at each site in order, and leaves the state as it
    /// was. Where sums of squares suffice the observer may be called later, but in order and before
    /// finish_observing() is over, as with step(): a copy of it, which must be valid until then.
    virtual void observe(std::int64_t sequence, const InputObserver& observer) = 0;
    virtual void finish_observing() {}

    // The same in steps, so that the matrices of a site may be replaced once its input was seen:
    // for each sequence step() to every site in order, then leave(). In between the state is that
    // of the middle of the block.
    /// Runs from the site before to this one and shows its input.
    virtual void step(std::int64_t sequence, std::size_t site, const InputObserver& observer) = 0;
    /// Runs from the last site to the end of the block.
    virtual void leave(std::int64_t sequence) = 0;
    /// Both for the last site, whose input need not be computed again.
    virtual void step_and_leave(std::int64_t sequence, const InputObserver& observer) = 0;

    /// Rows of a matrix of the loaded block where they lie, to be replaced; sync() on all ranks of
    /// the node before others read them.
    /// @param matrix   index into Catalogue::matrices
    /// @param outputs  of the matrix, each a row of its inputs, however it is stored
    virtual std::span<float> rows(int matrix, parallel::RowRange outputs) = 0;
    /// Whether the weights are far from the processor, and the three functions that follow work
    /// where they are, instead of changing rows(). replaced() follows what changes them.
    virtual bool can_drop() const { return false; }
    /// Of each of these outputs the weights of lowest |w|·scale become zero, lowest index first
    /// among equals. Scales are one per input, not negative.
    /// @return how many scores are too large for float32: unless 0, nothing is dropped
    /// @pre can_drop()
    virtual std::int64_t drop_lowest(int /*matrix*/, parallel::RowRange /*outputs*/,
                                     std::span<const float> /*scales*/, const RowDrop& /*drop*/) {
        return 0;
    }
    /// Brings the weights of these outputs, in float32, to memory there: outputs × inputs.
    virtual void take_rows(int /*matrix*/, parallel::RowRange /*outputs*/, float* /*to*/) {}
    /// Puts others in their place, rounded to the type that they have there.
    /// @return how many are not finite then
    virtual std::int64_t put_rows(int /*matrix*/, parallel::RowRange /*outputs*/,
                                  const float* /*from*/) {
        return 0;
    }
    /// Run collectively by the node.
    virtual void sync() = 0;
    /// Run collectively by the node: rows of a matrix have been replaced on all of its ranks, and
    /// count from now on.
    virtual void replaced(int matrix) = 0;
    /// Rows of a tensor of the loaded block as they would be stored now, in their stored type.
    /// @param rows  of the tensor
    /// @param room  for them, if they do not lie so
    /// @return in `room`, or where they lie: valid as long as these weights do not change
    virtual std::span<const std::byte> stored_rows(int tensor, parallel::RowRange rows,
                                                   std::vector<std::byte>& room) = 0;
    /// Whether what stored_rows() shows where it lies outlasts the next load(), until the one that
    /// follows.
    virtual bool keeps_stored_rows() const { return false; }
    /// Run collectively by the node: a tensor of the loaded block is read again.
    /// @throws Error on all ranks of the node
    virtual void load_tensor(int tensor, const model::RowSource& source) = 0;

    /// Run collectively by the node: what the head is made of but for the vocabulary projection
    /// takes the place of the block before. After require_head().
    virtual void load_head(const model::RowSource& source) = 0;
    /// Final norm and output projection of a sequence's state: what the vocabulary rows are
    /// multiplied with, tokens × feature_size; until the next call.
    virtual std::span<const float> features(std::int64_t sequence) = 0;
    /// Some rows of the vocabulary's projection, for add_vocabulary(), until the next call.
    /// @param weights  rows × feature_size; outlive their use
    virtual void hold_vocabulary(parallel::RowRange rows, linalg::ConstFloatView weights) = 0;
    /// Takes the logits that a sequence's features have at these rows into the losses of its first
    /// tokens. Each rank of a team does some tiles of kPredictionTile losses, tile i the one with
    /// number i mod size, and leaves the others as they are.
    virtual void add_vocabulary(std::int64_t sequence, std::span<TokenLoss> losses) = 0;
};

/// What runs the blocks.
struct ForwardSettings {
    /// Of the products of prunable layers. @pre this process can do it
    /// (linalg::require_forward_precision), or there is a card
    linalg::ForwardPrecision precision = linalg::ForwardPrecision::float32;
    /// Index of the graphics card that this rank has; nothing: the processor's cores. Either all
    /// ranks have one or none has.
    std::optional<int> card = {};
    /// Sequences of a rank whose hidden states are on its card; those of the others are in memory
    /// of the host and visit the card. Nothing: all.
    std::optional<std::int64_t> states_on_card = {};

    /// Who works on a sequence: nobody beside a card.
    parallel::TeamSize teams() const {
        return card ? parallel::TeamSize::one : parallel::TeamSize::best;
    }
};

/// On the processor's cores a block's weights are in the node's shared memory; on a card they and
/// the hidden states are in its memory.
/// @param node  the ranks of this node; outlives the runner, as the plan does
/// @param team  that the sequences belong to, of one rank where there are cards; outlives the
///              runner
/// @param beside  made with the same settings; both have one far() memory. nullptr: none
std::unique_ptr<BlockRunner> make_block_runner(const parallel::Communicator& node,
                                               const parallel::Team& team, const ForwardPlan& plan,
                                               const ForwardSettings& settings = {},
                                               BlockRunner* beside = nullptr);

}  // namespace alphaprune::transformer
