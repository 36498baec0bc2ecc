#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/linalg/far_memory.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/parallel/team.hpp"
#include "alphaprune/pruning/row_pruning.hpp"
#include "alphaprune/support/method_option.hpp"
#include "alphaprune/support/scalar.hpp"

namespace alphaprune::pruning {

/// What is asked of one prunable matrix.
struct PruneTarget {
    double ratio = 0;                ///< share of zeros, in [0, 1]; N/M where there is a pattern
    std::optional<Pattern> pattern;  ///< N:M instead of an unstructured choice
};

/// What became of one tensor, or of some of its rows.
struct PrunedTensor {
    std::uint64_t checksum = 0;  ///< checksum_of_rows over the rows, after pruning
    std::int64_t zeros = 0;

    friend bool operator==(const PrunedTensor&, const PrunedTensor&) = default;
};

/// What happens to weights whose magnitude equals the threshold.
enum class Ties {
    exact,      ///< exactly int(numel·s) zeros; among equals the lowest index goes first
    inclusive,  ///< the published rule: everything up to and including the value at int(numel·s)
};

/// What the output of a pruned matrix is fitted to. With X the inputs that the matrix has in the
/// dense model, X̃ those that it has in the pruned one, and E how far the residual stream that it
/// writes into has drifted (dense minus pruned), the output W'X̃ comes near to
/// λ·WX + (1−λ)·WX̃ + μ·E. Both zero: the published problem, a matrix's own output on pruned inputs.
struct OutputTargets {
    double dense = 0;     ///< λ, in [0, 1]
    double residual = 0;  ///< μ, in [0, 1]

    bool any() const { return dense != 0 || residual != 0; }
};

/// What a user may set besides the targets.
struct PrunerSettings {
    Ties ties = Ties::exact;  ///< read by pruners that break ties
    OutputTargets outputs = {};
    double damping = 0.01;           ///< δ, at first, as a share of the mean diagonal of H
    support::MethodValues own = {};  ///< the pruner's own options
    int most_iterations = 300;       ///< of a pruner that iterates until it has settled
};

/// What a pruner has to know of a matrix besides its weights. All but `nothing` are statistics of
/// its inputs over the calibration sequences, gathered block by block; without any each matrix is
/// pruned by itself as it streams from file to file. A pruner that needs `targets` gathers the
/// Hessian, with it what outputs are fitted to (SiteStatistics), and works on that by itself;
/// others are given weights that have been moved there.
enum class PrunerNeeds { nothing, input_norms, targets };

/// One site of a decoder block: the matrices that share an input; or a single matrix, where a
/// pruner needs no inputs. What its work is estimated from.
struct SiteWork {
    std::int64_t cols = 0;  ///< width of the input
    double weights = 0;     ///< of all matrices of the site
    double largest = 0;     ///< of the largest of them
    double bytes = 0;       ///< that these take in the files
    int matrices = 1;
    std::int64_t sequences = 0;       ///< of calibration, over all ranks
    std::int64_t node_sequences = 0;  ///< of the node that has most
    double own_sequences = 0;         ///< of the busiest rank: its part of those of its team
    std::int64_t tokens = 0;          ///< per sequence
    int ranks = 1;
    int node_ranks = 1;     ///< of them, on one node
    int team_ranks = 1;     ///< of them, that share a sequence, at least
    int threads = 1;        ///< of each rank
    bool has_mask = false;  ///< weights are gone beforehand (MatrixRows::gone)
    /// Of the busiest rank, as products take them (linalg::AlignedRows): a multiple of a group of
    /// rows of each matrix.
    double own_rows = 0;
    OutputTargets outputs = {};
    std::int64_t residual_rows = 0;  ///< as in SiteShape
};

/// What it costs the busiest rank, or its graphics card, beyond the forward pass and the reading
/// and writing.
struct SiteCost {
    double flops = 0;                  ///< at the speed of SGEMM
    double sum_flops = 0;              ///< on a card: of Hessians that are summed up
    double double_flops = 0;           ///< on a card: in float64
    double bytes_moved = 0;            ///< through memory
    double seconds = 0;                ///< on values one by one, as measured on one current core,
                                       ///< or on an H200
    double bytes_summed = 0;           ///< over all ranks; 0: nothing is
    double bytes_summed_by_nodes = 0;  ///< of each node, by one of its ranks; 0: nothing is. Of
                                       ///< each card, which its node adds to those of others
    // Bytes of a rank, or of its card:
    std::uint64_t memory = 0;            ///< from the first sequence until the site is pruned
    std::uint64_t gathering_memory = 0;  ///< until its statistics are finished
    std::uint64_t working_memory = 0;    ///< from then on
    std::uint64_t common_memory = 0;  ///< used by all sites of the block, as much as one needs most
};

/// This rank's rows of one matrix in their stored type, complete groups of N:M.
struct StoredRows {
    std::span<std::byte> bytes;
    support::ScalarType type{};
    std::int64_t cols = 0;
    bool transposed = false;  ///< stored as inputs × outputs: groups of N:M run down the columns
};

/// The input of a site for one sequence, row-major.
struct SiteInput {
    std::int64_t sequence = 0;       ///< its number among all
    std::int64_t tokens = 0;         ///< 0: this team has no sequence left
    std::span<const float> present;  ///< tokens × cols, of the model as far as it is pruned
    // With targets alone:
    std::span<const float> dense;  ///< tokens × cols, of the dense model
    std::span<const float> drift;  ///< tokens × residual_rows: dense minus present residual stream
    /// Σ x² over the tokens, of each of the cols: given instead of `present` where the pruner needs
    /// input norms alone and the inputs are far from the processor.
    std::span<const float> squares;
};

/// What the router of a mixture of experts divides among them, for one sequence: all its tokens.
struct RoutedInput {
    std::int64_t tokens = 0;              ///< 0: this team has no sequence left
    std::span<const float> present = {};  ///< as in SiteInput
    std::span<const float> dense = {};
};

/// This rank's rows of a matrix that is being pruned.
struct MatrixRows {
    std::span<float> weights;    ///< rows × cols, row-major
    std::int64_t first_row = 0;  ///< of the matrix
    /// One per weight, not zero where it goes whatever the pruner would choose; these count towards
    /// the ratio, and all of them go even where it asks for fewer. Empty: the choice is free.
    std::span<const std::uint8_t> gone = {};
};

/// The weights that go whatever the pruner chooses become zero, for pruners that then choose the
/// smallest.
void remove_gone(const MatrixRows& rows);

/// This rank's rows of a matrix that are far from the processor, for its lane
/// (linalg::FarMemory::lane).
struct FarRows {
    std::int64_t count = 0;
    std::function<void(float* to)> take;  ///< as float32, rows × cols
    /// Puts others in their place, rounded to the type that they have there.
    /// @throws Error (failure) where that cannot hold them
    std::function<void(const float* from)> put;
};

/// One matrix that is to be pruned, of those that share an input.
struct SiteMatrix {
    MatrixRows rows;
    PruneTarget target;
    std::string where;  ///< its name, for messages
    /// Given where the rows are far from the processor, which then has no weights of them: zeroes
    /// there what prune_rows() with these norms would. @return scores that are too large: unless 0,
    /// nothing is zeroed
    std::function<std::int64_t(std::span<const float> norms, const PruneTarget& target)> drop = {};
    /// Given where inputs are far from the processor, for pruners that need targets: these are
    /// pruned then, and MatrixRows has no weights.
    std::optional<FarRows> far = {};
};

/// How well an iterative pruner has done on a matrix.
struct Fit {
    int iterations = 0;
    double relative_error = 0;  ///< of what the matrix's output is fitted to, squared

    friend bool operator==(const Fit&, const Fit&) = default;
};

/// A pruner that needs activations at work on one block: its statistics, and what it does with
/// them. Made for each block anew. All calls are collective.
class BlockPruner {
  public:
    virtual ~BlockPruner() = default;

    /// The ranks of a team are shown the same sequences, in ascending order, and share the work on
    /// them. It is called equally often, in the same order of sites, on every rank: those of a team
    /// that has no sequence left give no tokens.
    virtual void observe(std::size_t site, const SiteInput& input) = 0;
    /// The same for what the experts of a mixture are given together. All sequences of a rank come
    /// before finish_statistics of the first of their sites. The mixture is that of SiteShape.
    virtual void observe_routed(std::size_t /*mixture*/, const RoutedInput& /*input*/) {}
    /// All sequences have been told, and at least one token. @param where  block and matrix, for
    /// messages
    /// @throws Error on all ranks
    virtual void finish_statistics(std::size_t site, const std::string& where) = 0;
    /// Prunes this rank's rows of matrices that read the input of `site`. Called once for a site,
    /// with all of its matrices that are still to be pruned; what becomes of one does not depend on
    /// the others. Every rank gives the same matrices in the same order.
    /// @return one per matrix; nothing from a pruner that does not iterate
    /// @throws Error on all ranks
    virtual std::vector<std::optional<Fit>> prune(std::size_t site,
                                                  std::span<const SiteMatrix> matrices) = 0;
    /// All matrices of the site are pruned: gives its memory back.
    virtual void release(std::size_t site) = 0;
    /// What a user should know, after finish_statistics.
    virtual std::vector<std::string> notes() const { return {}; }
};

/// What the statistics of a site are made for.
struct SiteShape {
    std::int64_t cols = 0;  ///< width of the input
    std::int64_t residual_rows =
        0;                   ///< rows of its matrix, if that writes into the residual stream
    bool of_expert = false;  ///< of a mixture; the shared one is none
    /// The mixture of the block whose routed input this is a part of; nothing for the inner values
    /// of an expert.
    std::optional<std::size_t> mixture = {};
    bool is_divided = false;  ///< no site, but what a mixture divides
};

/// What the statistics of a block are made for.
struct BlockInputs {
    const parallel::Communicator& ranks;  ///< outlives the pruner, as the next two do
    const parallel::NodeMap& nodes;
    const parallel::Team& team;  ///< whose sequences this rank observes
    std::vector<SiteShape> sites;
    std::int64_t sequences = 0;               ///< of calibration, over all ranks
    std::vector<std::int64_t> mixtures = {};  ///< of experts: the width of what each divides
    /// Where the values are that are observed, if far from the processor: for pruners with
    /// Hessians.
    linalg::FarMemory* far = nullptr;
};

/// A pruner: one row of the table from which the option --prune-method, its help and conflicts, the
/// plan of a run, its identity and its documents come.
struct Pruner {
    std::string_view name;    ///< value of --prune-method, words joined by underscores
    std::string_view title;   ///< as its authors write it
    std::string_view help;    ///< one clause for --help
    std::string_view source;  ///< paper
    PrunerNeeds needs = PrunerNeeds::nothing;
    bool takes_patterns = true;         ///< N:M can be asked for
    bool breaks_ties = false;           ///< --ties has an effect
    bool takes_damping = false;         ///< --damping has an effect, with or without targets
    bool changes_kept_weights = false;  ///< weights that stay make up for those that go
    std::vector<support::MethodOption> options = {};  ///< its own
    SiteCost (*cost)(const SiteWork& work) = nullptr;
    /// The same on a graphics card, where inputs and weights are; nullptr: processors prune. Costs
    /// are of a card that belongs to one rank.
    SiteCost (*card_cost)(const SiteWork& work) = nullptr;

    // The first for a pruner that needs nothing, the second for all others. See begin_block.
    /// Prunes one matrix whose rows are divided among the ranks. Collective.
    /// @param threads  of this rank, which share its rows
    /// @return zeros among this rank's values afterwards
    std::int64_t (*prune_rows)(const parallel::Communicator& ranks,
                               const parallel::ThreadPool& threads, const StoredRows& rows,
                               const PruneTarget& target, const PrunerSettings& settings) = nullptr;
    /// Collective.
    std::unique_ptr<BlockPruner> (*begin_block)(const BlockInputs& inputs,
                                                const PrunerSettings& settings) = nullptr;

    bool needs_activations() const { return needs != PrunerNeeds::nothing; }
};

/// What the pruner costs at a site, with what targets of outputs add.
SiteCost cost_of(const Pruner& pruner, const SiteWork& work);
/// The same on a graphics card.
SiteCost card_cost_of(const Pruner& pruner, const SiteWork& work);
/// What statistics of the routed input of a mixture of experts cost, where it is needed.
/// @param on_card  whether on a graphics card
SiteCost routed_cost(const Pruner& pruner, const PrunerSettings& settings, const SiteWork& work,
                     bool on_card = false);
/// Whether a pruner gathers Hessians, or has them gathered, which experts of few tokens share.
bool needs_hessians(const Pruner& pruner, const PrunerSettings& settings);
/// Whether a run prunes block by block, with activations.
bool needs_activations(const Pruner& pruner, const PrunerSettings& settings);
/// The pruner at work on a block. Where outputs have targets that it does not fit to by itself, it
/// is given the weights that would, without a mask, fit best: W* = W + G(H+δI)⁻¹ (see
/// SiteStatistics). Collective. @pre needs_activations(pruner, settings)
std::unique_ptr<BlockPruner> begin_block(const Pruner& pruner, const BlockInputs& inputs,
                                         const PrunerSettings& settings);

/// The table, the default first.
std::span<const Pruner> pruners();
const Pruner& default_pruner();
/// nullptr for an unknown name
const Pruner* find_pruner(std::string_view name);
/// Names of those that change no weights that stay: "magnitude or wanda".
std::string pruners_that_keep_weights();

}  // namespace alphaprune::pruning
