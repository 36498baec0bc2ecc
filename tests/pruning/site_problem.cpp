#include "pruning/site_problem.hpp"

#include <algorithm>
#include <random>

#include "alphaprune/parallel/share.hpp"
#include "support/threads.hpp"

namespace alphaprune::test {
namespace {

using Normals = std::vector<float>;

Normals normals(std::int64_t count, std::mt19937_64& generator) {
    std::normal_distribution<float> normal;
    Normals values(static_cast<std::size_t>(count));
    std::ranges::generate(values, [&] { return normal(generator); });
    return values;
}

/// Tokens of a sequence, each a mixture of few causes and noise of its own.
SiteSequence random_sequence(const SiteProblem& problem, const Normals& causes, std::int64_t tokens,
                             std::mt19937_64& generator) {
    SiteSequence sequence{tokens, {}, {}, {}};
    const auto mixed = static_cast<std::int64_t>(causes.size()) / problem.cols;
    for (std::int64_t t = 0; t < tokens; ++t) {
        const Normals strengths = normals(mixed, generator);
        const Normals own = normals(problem.cols, generator);
        const Normals moved = normals(problem.cols, generator);
        for (std::int64_t i = 0; i < problem.cols; ++i) {
            float value = 0.7F * own[static_cast<std::size_t>(i)];
            for (std::int64_t c = 0; c < mixed; ++c) {
                value += 0.4F * strengths[static_cast<std::size_t>(c)] *
                         causes[static_cast<std::size_t>(c * problem.cols + i)];
            }
            const float size = i % 13 == 3 ? 5.0F : 0.5F + static_cast<float>(i % 7) * 0.3F;
            sequence.present.push_back(size * value);
            sequence.dense.push_back(size *
                                     (1.1F * value + 0.3F * moved[static_cast<std::size_t>(i)]));
        }
        const Normals noise = normals(problem.rows, generator);
        for (std::int64_t r = 0; r < problem.rows; ++r) {
            sequence.drift.push_back(0.3F * strengths[static_cast<std::size_t>(r % mixed)] +
                                     0.2F * noise[static_cast<std::size_t>(r)]);
        }
    }
    return sequence;
}

pruning::SiteInput input_of(const SiteProblem& problem, std::int64_t number) {
    const SiteSequence& sequence = problem.sequences[static_cast<std::size_t>(number)];
    return {number, sequence.tokens, sequence.present, sequence.dense, sequence.drift, {}};
}

pruning::RoutedInput routed_of(const SiteProblem& problem, std::int64_t number) {
    const SiteSequence& sequence = problem.sequences[static_cast<std::size_t>(number)];
    return {sequence.tokens, sequence.present, sequence.dense};
}

void observe_all(pruning::BlockPruner& pruner, const SiteProblem& problem,
                 const SiteProblem* routed) {
    const auto count = static_cast<std::int64_t>(problem.sequences.size());
    const auto own = parallel::share_of(count, world().size(), world().rank());
    const std::int64_t rounds = parallel::share_of(count, world().size(), 0).size();
    for (std::int64_t round = 0; round < rounds; ++round) {
        if (routed != nullptr) {
            pruner.observe_routed(0, round < own.size() ? routed_of(*routed, own.begin + round)
                                                        : pruning::RoutedInput{});
        }
        pruner.observe(
            0, round < own.size() ? input_of(problem, own.begin + round) : pruning::SiteInput{});
    }
}

}  // namespace

std::int64_t SiteProblem::tokens() const {
    std::int64_t sum = 0;
    for (const SiteSequence& sequence : sequences) {
        sum += sequence.tokens;
    }
    return sum;
}

SiteProblem random_site(std::int64_t rows, std::int64_t cols, std::int64_t sequences,
                        std::int64_t tokens, bool with_dead_inputs) {
    constexpr std::int64_t kCauses = 6;
    std::mt19937_64 generator(static_cast<unsigned>(rows * 10007 + cols * 101 + tokens));
    SiteProblem problem{rows, cols, {}, normals(rows * cols, generator)};
    const Normals causes = normals(kCauses * cols, generator);
    for (std::int64_t s = 0; s < sequences; ++s) {
        problem.sequences.push_back(random_sequence(problem, causes, tokens + s % 3, generator));
    }
    for (SiteSequence& sequence : problem.sequences) {
        for (std::size_t i = 0; with_dead_inputs && i < sequence.present.size(); ++i) {
            if (i % static_cast<std::size_t>(cols) % 11 == 5) {
                sequence.present[i] = 0;
                sequence.dense[i] = 0;
            }
        }
    }
    return problem;
}

PrunedSite prune_site(const pruning::Pruner& pruner, const SiteProblem& problem,
                      const SiteRequest& request, bool by_itself) {
    const int width = request.ranks_of_node > 0 ? request.ranks_of_node : world().size();
    const parallel::NodeMap nodes(world(), world().split(world().rank() / width, world().rank()),
                                  threads_of(request.threads));
    pruning::SiteShape shape{problem.cols, request.of_expert ? 0 : problem.rows, request.of_expert};
    pruning::BlockInputs inputs{
        world(), nodes, lone_team(), {}, static_cast<std::int64_t>(problem.sequences.size())};
    if (request.routed != nullptr) {
        shape.mixture = 0;
        inputs.mixtures.push_back(problem.cols);
    }
    inputs.sites.push_back(shape);
    pruning::PrunerSettings settings;
    settings.outputs = request.outputs;
    settings.damping = request.damping;
    const auto at_work = by_itself ? pruner.begin_block(inputs, settings)
                                   : pruning::begin_block(pruner, inputs, settings);
    observe_all(*at_work, problem, request.routed);
    at_work->finish_statistics(0, "test");
    const auto cuts = cuts_of(static_cast<std::size_t>(problem.rows), request.split);
    const auto rank = static_cast<std::size_t>(world().rank());
    const auto cols = static_cast<std::size_t>(problem.cols);
    PrunedSite pruned{std::vector<float>(problem.weights.size()), 0, {}, at_work->notes()};
    const auto mine =
        std::span(pruned.weights).subspan(cuts[rank] * cols, (cuts[rank + 1] - cuts[rank]) * cols);
    std::copy_n(problem.weights.begin() + static_cast<std::ptrdiff_t>(cuts[rank] * cols),
                mine.size(), mine.begin());
    const pruning::SiteMatrix matrix{
        {mine, static_cast<std::int64_t>(cuts[rank])}, request.target, "test"};
    pruned.fit = at_work->prune(0, std::span(&matrix, 1)).front();
    at_work->release(0);
    pruned.zeros = world().sum(std::int64_t{std::ranges::count(mine, 0.0F)});
    world().all_reduce_sum(std::span(pruned.weights));
    return pruned;
}

}  // namespace alphaprune::test
