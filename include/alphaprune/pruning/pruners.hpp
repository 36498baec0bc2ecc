#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/parallel/communicator.hpp"
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

/// What a user may set besides the targets.
struct PrunerSettings {
    Ties ties = Ties::exact;         ///< read by pruners that break ties
    support::MethodValues own = {};  ///< the pruner's own options
};

/// What a pruner has to know of a matrix besides its weights. All but `nothing` are statistics of
/// its inputs over the calibration sequences, gathered block by block; without any each matrix is
/// pruned by itself as it streams from file to file.
enum class PrunerNeeds { nothing, input_norms, hessian };

/// One site of a decoder block: the matrices that share an input; or a single matrix, where a
/// pruner needs no inputs. What its work is estimated from.
struct SiteWork {
    std::int64_t cols = 0;           ///< width of the input
    double weights = 0;              ///< of all matrices of the site
    double bytes = 0;                ///< that these take in the files
    std::int64_t sequences = 0;      ///< of calibration, over all ranks
    std::int64_t own_sequences = 0;  ///< of the busiest rank
    std::int64_t tokens = 0;         ///< per sequence
    int ranks = 1;
    int node_ranks = 1;  ///< of them, on one node
};

/// What it costs the busiest rank, beyond the forward pass and the reading and writing.
struct SiteCost {
    double flops = 0;            ///< at the speed of SGEMM
    double bytes_moved = 0;      ///< through memory
    double seconds = 0;          ///< on values one by one, as measured on one current core
    double bytes_summed = 0;     ///< over all ranks; 0: nothing is
    double bytes_broadcast = 0;  ///< by one node to all others; 0: nothing is
    std::uint64_t memory = 0;    ///< bytes that the statistics of the site take
};

/// This rank's rows of one matrix in their stored type, complete groups of N:M.
struct StoredRows {
    std::span<std::byte> bytes;
    support::ScalarType type{};
    std::int64_t cols = 0;
    bool transposed = false;  ///< stored as inputs × outputs: groups of N:M run down the columns
};

/// A pruner that needs activations at work on one block: its statistics, and what it does with
/// them. Made for each block anew. All calls are collective.
class BlockPruner {
  public:
    virtual ~BlockPruner() = default;

    /// The input of a site for one sequence, tokens × cols; sequences of a rank come in ascending
    /// order. It is called equally often, in the same order of sites, on every rank: a rank that
    /// has no sequence left is called with an empty input and 0 tokens.
    virtual void observe(std::size_t site, std::int64_t sequence, std::span<const float> input,
                         std::int64_t tokens) = 0;
    /// All sequences have been told. @param where  block and matrix, for messages
    /// @throws Error on all ranks
    virtual void finish_statistics(std::size_t site, const std::string& where) = 0;
    /// Prunes this rank's rows of a matrix that reads the input of `site`.
    /// @param where  the matrix, for messages
    /// @throws Error on all ranks
    virtual void prune(std::size_t site, std::span<float> rows, const PruneTarget& target,
                       const std::string& where) = 0;
    /// What a user should know, after finish_statistics.
    virtual std::vector<std::string> notes() const { return {}; }
};

/// What the statistics of a block are made for.
struct BlockInputs {
    const parallel::Communicator& ranks;    ///< outlives the pruner
    std::vector<std::int64_t> site_widths;  ///< cols of each site
    std::int64_t sequences = 0;             ///< of calibration, over all ranks
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
    bool changes_kept_weights = false;  ///< weights that stay make up for those that go
    bool bits_depend_on_ranks = false;  ///< sums are taken in another order on other ranks
    std::vector<support::MethodOption> options = {};  ///< its own
    SiteCost (*cost)(const SiteWork& work) = nullptr;

    // The first for a pruner that needs nothing, the second for all others.
    /// Prunes one matrix whose rows are divided among the ranks. Collective.
    /// @return zeros among this rank's values afterwards
    std::int64_t (*prune_rows)(const parallel::Communicator& ranks, const StoredRows& rows,
                               const PruneTarget& target, const PrunerSettings& settings) = nullptr;
    /// Collective.
    std::unique_ptr<BlockPruner> (*begin_block)(const BlockInputs& inputs,
                                                const PrunerSettings& settings) = nullptr;

    bool needs_activations() const { return needs != PrunerNeeds::nothing; }
};

/// The table, the default first.
std::span<const Pruner> pruners();
const Pruner& default_pruner();
/// nullptr for an unknown name
const Pruner* find_pruner(std::string_view name);

}  // namespace alphaprune::pruning
