#include <fmt/format.h>

#include <cmath>
#include <numeric>
#include <variant>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/phases/prune_phase.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/message.hpp"
#include "alphaprune/transformer/forward_plan.hpp"
#include "stages.hpp"

namespace alphaprune::commands {
namespace {

const support::BadRequest<std::int64_t, std::int64_t> kFewToHoldOut{
    "commands.few-sequences-for-search",
    "a search needs {} calibration sequences, and there are {}",
    "candidates are scored on sequences that are held out from the statistics",
    "give more --nsamples or a longer text, or choose another --allocation"};

constexpr std::int64_t kFewest = 4;
/// That decide between candidates; the final pruning goes on until it has settled.
constexpr int kIterations = 60;

/// What candidates are tried on: of the calibration sequences the first half gives statistics, the
/// last quarter is held out and scored. Files are interleaved, so both have sequences of all.
struct TrialSequences {
    model::TokenSequences all;
    std::int64_t observed = 0;
};

TrialSequences trial_sequences(const model::TokenSequences& calibration) {
    const std::int64_t count = calibration.count();
    TrialSequences trial{{calibration.length, {}}, count / 2};
    const auto add = [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t s = begin; s < end; ++s) {
            const auto ids = calibration.sequence(s);
            trial.all.ids.insert(trial.all.ids.end(), ids.begin(), ids.end());
        }
    };
    add(0, trial.observed);
    add(count - count / 4, count);
    return trial;
}

std::vector<allocation::SearchItem> search_items(const model::Catalogue& catalogue) {
    std::vector<allocation::SearchItem> items;
    for (const model::MatrixInfo& matrix : catalogue.matrices) {
        items.push_back(
            {matrix.block, matrix.size(), allocation::LayerKind::other, catalogue.name_of(matrix)});
    }
    const transformer::ForwardPlan plan = transformer::make_forward_plan(catalogue);
    for (int block = 0; block < catalogue.blocks(); ++block) {
        const transformer::BlockPlan& of = plan.block(block);
        const auto mark = [&](int layer, allocation::LayerKind kind) {
            const int matrix = of.matrices[static_cast<std::size_t>(layer)];
            if (matrix >= 0) {
                items[static_cast<std::size_t>(matrix)].kind = kind;
            }
        };
        for (const model::Sublayer& sublayer : of.description.sublayers) {
            if (const auto* attention = std::get_if<model::AttentionLayer>(&sublayer.body)) {
                mark(attention->query, allocation::LayerKind::query_key);
                mark(attention->key, allocation::LayerKind::query_key);
                mark(attention->value, allocation::LayerKind::value_output);
                mark(attention->output, allocation::LayerKind::value_output);
            }
        }
    }
    return items;
}

/// The perplexity on the held-out sequences after pruning to some targets. Collective.
double trial_perplexity(const Job& job, const Inputs& inputs, const TrialSequences& sequences,
                        std::span<const pruning::PruneTarget> targets) {
    pruning::PrunerSettings settings = job.options.pruner_settings();
    settings.most_iterations = kIterations;
    const std::vector<double> losses =
        phases::losses_after_pruning(job.ranks, inputs.nodes, job.catalogue,
                                     {*job.options.pruner, settings, targets, sequences.all,
                                      site_order(job.options), sequences.observed});
    return std::exp(std::accumulate(losses.begin(), losses.end(), 0.0) /
                    static_cast<double>(losses.size()));
}

}  // namespace

void check_search(const Inputs& inputs) {
    const std::int64_t count = inputs.calibration.sequences.count();
    if (count < kFewest) {
        throw kFewToHoldOut("--calibration", kFewest, count);
    }
}

allocation::SearchResult search(Job& job, const Inputs& inputs,
                                std::span<const allocation::SearchStart> starts,
                                const TargetsOfRatios& targets_of) {
    const TrialSequences sequences = trial_sequences(inputs.calibration.sequences);
    allocation::SearchLimits limits =
        allocation::search_limits(job.options.ratios, job.options.method_values);
    limits.seed = job.options.seed;
    const support::Stopwatch watch;
    int number = 0;
    double best = 0;
    return allocation::search_ratios(
        search_items(job.catalogue), starts, limits,
        [&](std::span<const double> ratios) {
            const auto& known = job.journal->earlier().trials;
            const auto found = known.find(number);
            const bool is_known = found != known.end();
            const double loss = is_known
                                    ? found->second
                                    : trial_perplexity(job, inputs, sequences, targets_of(ratios));
            if (!is_known) {
                parallel::run_on_root(job.ranks, [&] { job.journal->add_trial(number, loss); });
            }
            best = number == 0 || loss < best ? loss : best;
            ++number;
            support::log_info(
                fmt::format("search: candidate {} of {}: perplexity {:.5g}, best {:.5g}", number,
                            limits.evaluations, loss, best));
            return loss;
        },
        [&] {
            return limits.seconds > 0 &&
                   job.ranks.any(job.ranks.is_root() && watch.seconds() > limits.seconds);
        });
}

}  // namespace alphaprune::commands
