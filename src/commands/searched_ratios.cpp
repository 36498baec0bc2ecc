#include <fmt/format.h>

#include <set>
#include <variant>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/message.hpp"
#include "alphaprune/transformer/forward_plan.hpp"
#include "stages.hpp"
#include "trials.hpp"

namespace alphaprune::commands {
namespace {

const support::BadRequest<std::int64_t, std::int64_t> kFewToHoldOut{
    "commands.few-sequences-for-search",
    "a search needs {} calibration sequences, and there are {}",
    "candidates are scored on sequences that are held out from the statistics",
    "give more --nsamples or a longer text, or choose another --allocation"};

std::vector<allocation::SearchItem> search_items(const model::Catalogue& catalogue) {
    using allocation::LayerKind;
    std::vector<allocation::SearchItem> items;
    for (const model::MatrixInfo& matrix : catalogue.matrices) {
        items.push_back({matrix.block, matrix.size(), LayerKind::other, catalogue.name_of(matrix)});
    }
    const transformer::ForwardPlan plan = transformer::make_forward_plan(catalogue);
    std::set<int> marked;
    for (int block = 0; block < catalogue.blocks(); ++block) {
        const transformer::BlockPlan& of = plan.block(block);
        const auto mark = [&](int layer, LayerKind kind) {
            if (layer < 0) {
                return;
            }
            const int matrix = of.matrices[static_cast<std::size_t>(layer)];
            if (matrix >= 0) {  // with --fused whole it may be of several kinds
                LayerKind& known = items[static_cast<std::size_t>(matrix)].kind;
                known = marked.insert(matrix).second || known == kind ? kind : LayerKind::other;
            }
        };
        const auto mark_mlp = [&](const model::MlpLayer& mlp) {
            mark(mlp.gate, LayerKind::gate);
            mark(mlp.up, LayerKind::up);
            mark(mlp.down, LayerKind::down);
        };
        for (const model::Sublayer& sublayer : of.description.sublayers) {
            if (const auto* attention = std::get_if<model::AttentionLayer>(&sublayer.body)) {
                mark(attention->query, LayerKind::query_key);
                mark(attention->key, LayerKind::query_key);
                mark(attention->value, LayerKind::value);
                mark(attention->output, LayerKind::output);
            } else if (const auto* latent =
                           std::get_if<model::LatentAttentionLayer>(&sublayer.body)) {
                mark(latent->query_down, LayerKind::query_key);
                mark(latent->query_up, LayerKind::query_key);
                mark(latent->key_value_down, LayerKind::value);
                mark(latent->key_value_up, LayerKind::value);
                mark(latent->output, LayerKind::output);
            } else if (const auto* mlp = std::get_if<model::MlpLayer>(&sublayer.body)) {
                mark_mlp(*mlp);
            } else {
                const auto& experts = std::get<model::ExpertsLayer>(sublayer.body);
                std::ranges::for_each(experts.experts, mark_mlp);
                if (experts.shared) {
                    mark_mlp(*experts.shared);
                }
            }
        }
    }
    return items;
}

}  // namespace

planning::TrialTask planned_search_trials(const cli::Options& options) {
    return {allocation::search_limits(options.ratios, options.method_values).evaluations,
            kSequencesForRatios};
}

void check_search(const Inputs& inputs) {
    const std::int64_t count = inputs.calibration.sequences.count();
    if (count < kFewestForTrials) {
        throw kFewToHoldOut("--calibration", kFewestForTrials, count);
    }
}

allocation::SearchResult search(Job& job, const Inputs& inputs,
                                const pruning::PrunerSettings& settings,
                                std::span<const allocation::SearchStart> starts) {
    Trials trials(job, inputs, planned_search_trials(job.options));
    allocation::SearchLimits limits =
        allocation::search_limits(job.options.ratios, job.options.method_values);
    limits.seed = job.options.seed;
    support::log_info(fmt::format("search: {} candidates; {}", limits.evaluations, trials.about()));
    const support::Stopwatch watch;
    int number = 0;
    double best = 0;
    const auto told = [&](const Candidate&, double perplexity) {
        best = number == 0 || perplexity < best ? perplexity : best;
        ++number;
        support::log_info(fmt::format("search: candidate {} of {}: perplexity {:.5g}, best {:.5g}",
                                      number, limits.evaluations, perplexity, best));
        return limits.seconds <= 0 ||
               !job.ranks.any(job.ranks.is_root() && watch.seconds() > limits.seconds);
    };
    return allocation::search_ratios(
        search_items(job.catalogue), starts, limits,
        [&](std::span<const std::vector<double>> several) {
            std::vector<Candidate> candidates;
            for (const std::vector<double>& ratios : several) {
                candidates.push_back({settings, targets_of(job.options, job.catalogue, ratios)});
            }
            return trials.perplexities(candidates, told);
        });
}

}  // namespace alphaprune::commands
