#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "alphaprune/linalg/forward_precision.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/family.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/scalar.hpp"
#include "alphaprune/transformer/tensor_layout.hpp"

namespace alphaprune::transformer {

/// A place in a block where matrices read one input. Of a mixture of experts, each expert has two.
struct SitePlace {
    enum class Part {
        first,             ///< before the first layers of a sublayer
        query_latent,      ///< of a latent attention
        key_value_latent,  ///< of a latent attention
        last,              ///< before the last layer
    };
    std::size_t sublayer = 0;
    Part part = Part::first;
    int expert = -1;  ///< −1: none, or the shared one

    /// The first that a forward pass reaches of a mixture of experts.
    bool opens_mixture() const { return expert == 0 && part == Part::first; }
};

/// A block's description with its tensors and matrices found in the catalogue.
struct BlockPlan {
    model::BlockDescription description;
    std::vector<int> tensors;   ///< of each tensor described: index into Catalogue::tensors
    std::vector<int> matrices;  ///< of each layer: index into Catalogue::matrices, −1: not pruned
    std::vector<SitePlace> sites;         ///< in the order of input_sites()
    std::vector<TensorLayout> layouts{};  ///< in memory, of each tensor described
};

/// The forward pass of a decoder-only transformer, found in a model's files: what a BlockRunner
/// executes.
struct ForwardPlan {
    const model::Catalogue* catalogue = nullptr;
    std::vector<BlockPlan> blocks;
    model::FrameDescription frame;
    std::vector<int> frame_tensors;  ///< of each tensor described: index, −1: not needed or missing
    int embedding = -1;              ///< where it is tied and not stored, the head's tensor
    /// The projection to logits: the stored head, or the embedding where it is tied and none is
    /// stored.
    int vocabulary = -1;
    /// What is missing or wrong of the head, which perplexities and logits need and pruning does
    /// not.
    support::FaultList head_faults;
    std::vector<bool> used;  ///< which of the catalogue's tensors all this is made of

    const model::ModelConfiguration& configuration() const { return catalogue->configuration; }
    const model::TensorInfo& tensor(int index) const {
        return catalogue->tensors[static_cast<std::size_t>(index)];
    }
    const BlockPlan& block(int number) const { return blocks[static_cast<std::size_t>(number)]; }
    std::int64_t hidden_size() const { return configuration().hidden_size; }
    /// Values per token of what the vocabulary is multiplied with.
    std::int64_t feature_size() const;
};

/// @param catalogue  outlives the plan
/// @throws Error (bad_request) with everything that stands in the way of running the blocks: the
///         family has no forward pass (the message names those that have one and says that
///         pruning without activations works all the same), a feature that is not supported (RoPE
///         type, activation), tensors missing or of a wrong shape
ForwardPlan make_forward_plan(const model::Catalogue& catalogue);
/// The same for a family that need not be one of the program's.
ForwardPlan make_forward_plan(const model::Catalogue& catalogue, const model::Family& family);

/// @throws Error (bad_request): what the head is made of is missing or of a wrong shape
void require_head(const ForwardPlan& plan);

/// One or several matrices of a block that read the same input.
struct InputSite {
    std::vector<int> matrices;  ///< indices into Catalogue::matrices, ascending
    std::int64_t cols = 0;      ///< width of the input
    /// Rows of its matrix, if what that computes is added to the residual stream, not normed.
    std::int64_t residual_rows = 0;
    /// By which what it computes is multiplied first.
    double multiplier = 1;
    /// Of the tokens, those that reach it: less than 1 for an expert, on the average.
    double token_share = 1;
};

/// The places of a block's sites in the order in which a forward pass reaches them: those of
/// experts one expert after another, the shared one last.
std::vector<SitePlace> site_places(const model::BlockDescription& block);
/// The linear layers of a site (positions in the description).
std::vector<int> layers_of_site(const model::BlockDescription& block, const SitePlace& place);

/// The sites of a block in that order.
std::vector<InputSite> input_sites(const ForwardPlan& plan, int block);

/// Floating-point operations of a block's matrix products for a sequence, attention included.
double block_flops(const ForwardPlan& plan, int block, std::int64_t tokens);
/// The same in parts, as some workers do it that share products in tiles: those of the worker that
/// has most, times their number.
struct SharedFlops {
    double products = 0;    ///< of activations with weights
    double attention = 0;   ///< of queries with keys and of scores with values
    double unobserved = 0;  ///< of the products, those after the last site, which observing omits
    double values = 0;      ///< not flops, but the products' inputs and outputs
};
SharedFlops shared_flops(const ForwardPlan& plan, int block, std::int64_t tokens, int workers);
/// Bytes of a block's weights in float32, which a node holds once.
std::uint64_t block_weight_bytes(const ForwardPlan& plan, int block);
/// The same where there are cards: in the types in which cards have them.
std::uint64_t block_weight_bytes_beside_cards(const ForwardPlan& plan, int block);
/// Whether a prunable layer's weights lie on a card twice in a row, for products in two parts:
/// these gain by it where inputs are few, and tokens many, as experts have not.
/// @param type  in which they are there @param expert  −1: of none
bool is_doubled_on_card(support::ScalarType type, int expert, std::int64_t inputs,
                        linalg::ForwardPrecision precision);
/// Values per token that a pass in steps keeps of each sequence.
std::int64_t kept_values(const ForwardPlan& plan, int block);
/// Bytes of scratch memory that running a block over a sequence takes, of a team together.
std::uint64_t scratch_bytes(const ForwardPlan& plan, std::int64_t tokens);
/// And of each of its threads, whatever the model.
std::uint64_t thread_scratch_bytes();

/// What is asked of a forward pass.
enum class PassReach {
    blocks,  ///< the inputs of the matrices
    head,    ///< logits and perplexities
};

/// Whether a model can be run as far as that. Run collectively.
/// @param source  where this rank reads weights
/// @return what a user should know of it, a sentence each, the same on every rank: stored tensors
///         that are left out; a stored head that differs from the embedding to which config.json
///         ties it (for which both are read, a share by each rank, up to the first difference)
/// @throws Error (bad_request) on all ranks when it cannot
std::vector<std::string> check_forward_pass(const parallel::Communicator& ranks,
                                            const model::Catalogue& catalogue,
                                            const model::RowSource& source, PassReach reach);

/// The tensors whose values take part in the forward pass, prunable or not: those must be finite
/// and of a type that is read, while a buffer beside them may hold anything. Of a family whose
/// forward pass is known, the tensors that it uses, as far as they are there; of any other, what is
/// named like the parameter of a module and stored in a type that is read: every "<any>.weight",
/// and every "<any>.bias" of one dimension (masks of attention are called "bias", too).
/// @return indices into Catalogue::tensors, ascending, each once
std::vector<int> forward_tensors(const model::Catalogue& catalogue);

/// Those of them that are not prunable.
std::vector<int> unpruned_forward_tensors(const model::Catalogue& catalogue);

}  // namespace alphaprune::transformer
