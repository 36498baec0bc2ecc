#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "alphaprune/linalg/forward_precision.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/tokens.hpp"
#include "alphaprune/planning/cost_model.hpp"
#include "alphaprune/planning/shard_plan.hpp"
#include "alphaprune/pruning/pruners.hpp"
#include "alphaprune/spectrum/farms.hpp"

namespace alphaprune::planning {

/// The parts of a run, in order.
enum class Phase { start, spectrum, trials, calibrate, prune_and_write, evaluate };
std::string_view name_of(Phase phase);

/// Sequences of tokens, of which number and length alone matter here.
struct SequenceShape {
    std::int64_t number = 0;
    std::int64_t length = 0;  ///< tokens of one

    SequenceShape() = default;
    SequenceShape(std::int64_t sequences, std::int64_t tokens)
        : number(sequences), length(tokens) {}
    SequenceShape(const model::TokenSequences& sequences)
        : number(sequences.count()), length(sequences.length) {}

    std::int64_t count() const { return number; }
};

/// Ways to prune that are tried on calibration sequences before one is chosen.
struct TrialTask {
    int candidates = 0;
    std::int64_t sequences = 0;      ///< at most; a third of them are scored
    std::optional<int> blocks = {};  ///< that are pruned, the first; nothing: all
};

/// What a run is asked to do, as far as its time and memory depend on it.
struct RunTask {
    bool computes_spectra = true;
    ShardOptions spectra = {};
    int threads =
        1;  ///< of a rank: they take matrices like ranks of their own, and share sequences
    std::optional<spectrum::FarmsOptions> farms = {};
    bool measures_outliers = false;
    bool prunes = true;
    linalg::ForwardPrecision forward_precision = linalg::ForwardPrecision::float32;
    const pruning::Pruner* pruner = &pruning::default_pruner();
    pruning::PrunerSettings settings = {};
    bool sites_sequentially = false;
    bool has_mask = false;  ///< weights are gone beforehand
    SequenceShape calibration = {};
    std::vector<TrialTask> trials = {};
    int copies = 1;  ///< of the model that are written
    std::vector<SequenceShape> evaluations = {};
    int evaluated_models = 2;  ///< on each text: the dense one, the pruned one, or both
    /// Measured over predicted time of phases on this machine; 1 where nothing is known.
    std::map<Phase, double> corrections = {};

    bool prunes_by_block() const { return pruning::needs_activations(*pruner, settings); }
};

/// Bytes of a graphics card that activations are on, at most, and of the host beside it.
struct CardMemory {
    std::uint64_t weights = 0;     ///< of the largest block
    std::uint64_t states = 0;      ///< hidden states of its rank's sequences, and what steps keep
    std::uint64_t spilled = 0;     ///< the same of sequences for which memory of the host is taken
    std::uint64_t scratch = 0;     ///< for one sequence
    std::uint64_t statistics = 0;  ///< Hessians of a block's inputs, and what pruning a site takes

    /// Of the card.
    std::uint64_t total() const { return weights + states + scratch + statistics; }
};

struct PhaseForecast {
    Phase phase{};
    double seconds = 0;
    std::uint64_t memory = 0;  ///< bytes of a rank, the program included
    double bytes_read = 0;  ///< by all nodes; more than the model has where several read the same
    double bytes_written = 0;
    CardMemory card = {};  ///< nothing where processors do it all
};

/// What a run would take.
struct RunForecast {
    ShardPlan spectra;
    std::vector<PhaseForecast> phases;  ///< those that the run has

    double seconds() const;
    std::uint64_t memory() const;  ///< of the phase that needs most
    double bytes_read() const;
    double bytes_written() const;
};

/// Predicts a run on a cluster from the catalogue alone.
/// @throws Error (bad_request) when spectra fit no group of ranks, or the architecture has no
///         forward pass and one is asked for
RunForecast forecast(const model::Catalogue& catalogue, const Cluster& cluster,
                     const CostModel& model, const RunTask& task);

/// The number of ranks, doubled from one rank up to `cluster.ranks` and somewhat beyond, from which
/// doubling gains less than 5 % of the whole time; nothing while it always gains more.
/// @param seconds_on  what it takes on a cluster; throws Error where the memory does not suffice
std::optional<int> useful_ranks(const Cluster& cluster,
                                const std::function<double(const Cluster&)>& seconds_on);

/// Bytes that a rank needs, at most, to look at the activations of a model.
struct CalibrationMemory {
    std::uint64_t weights = 0;      ///< its share of the largest block, as the products take them
    std::uint64_t activations = 0;  ///< its share of its team's sequences, and of scratch for one
    std::uint64_t statistics = 0;   ///< of a block's inputs
    std::uint64_t delivery = 0;     ///< rows of a tensor on their way into files
    /// Of each block, the first site of each turn in which its statistics are gathered, ascending:
    /// one turn where there is room for all.
    std::vector<std::vector<std::size_t>> turns = {};
    CardMemory card = {};  ///< where activations are on cards, which then hold the statistics
    /// Sequences of a rank whose hidden states are on its card; nothing: all.
    std::optional<std::int64_t> states_on_card = {};

    std::uint64_t total() const { return weights + activations + statistics + delivery; }
};

/// @param cluster  whose memory per rank the turns are to keep within, as far as one site in a turn
///                 does; on cards also the memory of these
CalibrationMemory calibration_memory(const model::Catalogue& catalogue, const RunTask& task,
                                     const Cluster& cluster);

}  // namespace alphaprune::planning
