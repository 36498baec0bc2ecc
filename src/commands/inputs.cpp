#include "inputs.hpp"

#include <functional>
#include <set>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/phases/prune_phase.hpp"
#include "alphaprune/planning/rank_budget.hpp"
#include "alphaprune/support/machine.hpp"
#include "alphaprune/support/message.hpp"
#include "alphaprune/transformer/forward_plan.hpp"
#include "job_cards.hpp"
#include "trials.hpp"

namespace alphaprune::commands {
namespace {

const support::BadRequest<std::string, std::string> kTooLittleMemory{
    "commands.calibration-memory", "calibration needs {} of memory per rank, and there is {}",
    "each node holds the weights of a block, and each rank the activations of its sequences",
    "use more nodes, fewer --nsamples or a shorter --seqlen"};
const support::Warning<std::string, std::string> kSmallCard{
    "commands.card-memory", "calibration may need {} of a graphics card's memory, and {} are there",
    "a card holds the weights of a block, the hidden states of its rank's sequences and the "
    "Hessians of at least one site",
    "use more cards, fewer --nsamples or a shorter --seqlen; a run that ends for want of memory "
    "can be resumed on more cards"};
const support::BadRequest<std::string, std::string> kUnknownInput{
    "commands.matrix-without-input",
    "--include names {}, whose input the forward pass of the family {} does not know",
    "methods that use activations need the inputs of every matrix",
    "leave it out, or choose a --prune-method and an --allocation that need no --calibration"};
const support::Warning<std::string, std::int64_t, std::int64_t> kFewSamples{
    "commands.few-samples",
    "{} has {} samples, fewer than the usual {}: calibration takes them all",
    "--nsamples was not given", "give a larger file if more samples are wanted"};
const support::Warning<std::string, std::int64_t, std::int64_t> kSmallShare{
    "commands.small-share",
    "{} has {} samples, fewer than its share of {}: calibration takes them all",
    "--nsamples was not given, and one of several calibration files is small",
    "give a larger file, or --nsamples and weights that it suffices for"};

/// @throws Error on all ranks when a node lacks the memory that calibration needs
void require_memory(const parallel::Communicator& ranks, const Inputs& inputs,
                    const planning::Cluster& cluster) {
    const auto neighbours = static_cast<std::uint64_t>(inputs.nodes.node().size());
    const auto planned = static_cast<std::uint64_t>(cluster.ranks_per_node);
    // A node of fewer ranks holds the same weights and sums.
    const std::uint64_t needed =
        inputs.memory.activations + inputs.memory.delivery +
        (inputs.memory.weights + inputs.memory.statistics) * planned / neighbours;
    parallel::run_collectively(ranks, [&] {
        const std::uint64_t room = support::available_memory() / neighbours;
        if (needed > room) {
            throw kTooLittleMemory(support::host_name(), support::human_bytes(needed),
                                   support::human_bytes(room));
        }
    });
}

/// Collective.
model::Catalogue load_mask(const parallel::Communicator& ranks, const cli::Options& options,
                           const model::Catalogue& catalogue) {
    model::Catalogue mask = load_catalogue(ranks, model_in(options.mask_from));
    parallel::run_collectively(ranks, [&] { phases::require_mask(catalogue, mask); });
    return mask;
}

/// Methods that use activations only know the inputs of the layers of the forward pass.
void require_known_inputs(const model::Catalogue& catalogue) {
    const transformer::ForwardPlan plan = transformer::make_forward_plan(catalogue);
    std::set<int> known;
    for (int block = 0; block < catalogue.blocks(); ++block) {
        for (const transformer::InputSite& site : transformer::input_sites(plan, block)) {
            known.insert(site.matrices.begin(), site.matrices.end());
        }
    }
    for (std::size_t m = 0; m < catalogue.matrices.size(); ++m) {
        if (!known.contains(static_cast<int>(m))) {
            throw kUnknownInput(catalogue.folder.string(), catalogue.name_of(catalogue.matrices[m]),
                                catalogue.family);
        }
    }
}

/// What rank 0 made of a file, on every rank.
model::TokenSequences from_rank_0(const parallel::Communicator& ranks,
                                  const std::function<model::TokenSequences()>& read) {
    model::TokenSequences sequences;
    parallel::run_on_root(ranks, [&] { sequences = read(); });
    std::int64_t sizes[2] = {sequences.length, static_cast<std::int64_t>(sequences.ids.size())};
    ranks.broadcast(std::span<std::int64_t>(sizes));
    sequences.length = sizes[0];
    sequences.ids.resize(static_cast<std::size_t>(sizes[1]));
    ranks.broadcast(std::span(sequences.ids));
    return sequences;
}

/// Whether logits are computed.
bool needs_head(const cli::Options& options) {
    return !options.evaluations.empty() || options.allocation->is_searched() ||
           options.leaves_settings_open();
}

std::vector<double> weights_of(const cli::Options& options) {
    std::vector<double> weights;
    for (const cli::CalibrationFile& file : options.calibration) {
        weights.push_back(file.weight);
    }
    return weights;
}

/// @throws Error with the faults of all files
model::CalibrationSet read_calibration(const cli::Options& options,
                                       const model::Catalogue& catalogue) {
    std::vector<model::TokenFile> files;
    support::FaultList faults;
    for (const cli::CalibrationFile& file : options.calibration) {
        try {
            files.push_back(model::read_tokens(file.path, catalogue));
        } catch (const support::Error& error) {
            faults.add(error);
        }
    }
    faults.throw_if_any();
    return model::calibration_set(files, weights_of(options), catalogue, options.sequences,
                                  options.sequence_length, options.seed);
}

/// Of files that have fewer samples than are usual, or than would be their share.
std::vector<std::string> few_samples(const cli::Options& options,
                                     const model::CalibrationSet& calibration) {
    const std::vector<std::int64_t> shares =
        model::calibration_shares(weights_of(options), model::kUsualSequences);
    const auto& message = shares.size() == 1 ? kFewSamples : kSmallShare;
    std::vector<std::string> warnings;
    for (std::size_t f = 0; f < shares.size(); ++f) {
        const std::int64_t count = calibration.count_of(static_cast<int>(f));
        if (count < shares[f]) {
            warnings.push_back(message(options.calibration[f].path.string(), count, shares[f]));
        }
    }
    return warnings;
}

}  // namespace

model::CalibrationSet load_calibration(const parallel::Communicator& ranks,
                                       const cli::Options& options,
                                       const model::Catalogue& catalogue) {
    model::CalibrationSet set;
    set.sequences = from_rank_0(ranks, [&] {
        set = read_calibration(options, catalogue);
        return set.sequences;
    });
    set.file_of.resize(static_cast<std::size_t>(set.sequences.count()));
    ranks.broadcast(std::span(set.file_of));
    return set;
}

std::vector<EvaluationText> load_evaluations(const parallel::Communicator& ranks,
                                             const cli::Options& options,
                                             const model::Catalogue& catalogue) {
    std::vector<EvaluationText> texts;
    support::FaultList faults;
    for (const std::filesystem::path& file : options.evaluations) {
        try {
            texts.push_back({file, from_rank_0(ranks, [&] {
                                 return model::evaluation_windows(
                                     model::read_tokens(file, catalogue), catalogue,
                                     options.sequence_length);
                             })});
        } catch (const support::Error& error) {  // the same on every rank
            faults.add(error);
        }
    }
    parallel::run_collectively(ranks, [&] { faults.throw_if_any(); });
    return texts;
}

void add_pruning(planning::RunTask& task, const cli::Options& options,
                 const model::Catalogue& catalogue) {
    task.measures_outliers = options.allocation->needs_scores();
    task.trials = planned_trials(options, catalogue);
    task.pruner = options.pruner;
    task.settings = options.pruner_settings();
    task.sites_sequentially = options.sites_sequentially;
    task.forward_precision = options.forward_precision.value_or(linalg::ForwardPrecision::float32);
    task.has_mask = !options.mask_from.empty();
}

Inputs read_inputs(const parallel::Communicator& ranks, parallel::NodeMap nodes,
                   const cli::Options& options, const transformer::ForwardSettings& forward,
                   const model::Catalogue& catalogue, const Inputs* known) {
    Inputs inputs{std::move(nodes), forward, {}, {}, {}};
    if (!options.mask_from.empty()) {
        inputs.mask = known != nullptr ? known->mask : load_mask(ranks, options, catalogue);
    }
    const bool calibrates = !options.calibration.empty();
    if (calibrates || !options.evaluations.empty()) {
        const model::RowSource source =
            parallel::run_collectively(ranks, [&] { return open_source(catalogue); });
        inputs.warnings = transformer::check_forward_pass(
            ranks, catalogue, source,
            needs_head(options) ? transformer::PassReach::head : transformer::PassReach::blocks);
    }
    if (calibrates) {
        parallel::run_collectively(ranks, [&] { require_known_inputs(catalogue); });
        inputs.calibration =
            known != nullptr ? known->calibration : load_calibration(ranks, options, catalogue);
        planning::RunTask task;
        add_pruning(task, options, catalogue);
        task.forward_precision = forward.precision;
        task.calibration = inputs.calibration.sequences;
        task.threads = inputs.nodes.threads().size();
        planning::Cluster cluster{
            ranks.size(), ranks.max(inputs.nodes.node().size()),
            options.memory_per_rank
                ? *options.memory_per_rank
                : planning::memory_of_each_rank(ranks, support::environment_variable)};
        if (forward.card) {  // on every rank
            const JobCards cards = cards_of_job(ranks, forward.card, options.card_memory);
            cluster.cards_per_node = cards.of_node;
            cluster.card_memory = cards.memory;
        }
        inputs.memory = planning::calibration_memory(catalogue, task, cluster);
        require_memory(ranks, inputs, cluster);
        if (const std::uint64_t needed = inputs.memory.card.total();
            cluster.card_memory && needed > *cluster.card_memory) {
            inputs.warnings.push_back(kSmallCard(support::human_bytes(needed),
                                                 support::human_bytes(*cluster.card_memory)));
        }
        if (!options.sequences) {
            const std::vector<std::string> few = few_samples(options, inputs.calibration);
            inputs.warnings.insert(inputs.warnings.end(), few.begin(), few.end());
        }
    }
    inputs.evaluations =
        known != nullptr ? known->evaluations : load_evaluations(ranks, options, catalogue);
    return inputs;
}

}  // namespace alphaprune::commands
