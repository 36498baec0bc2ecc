// What outputs are fitted to, given to pruners that know nothing of it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "alphaprune/pruning/pruners.hpp"
#include "pruning/plain_solver.hpp"
#include "pruning/site_problem.hpp"
#include "pruning/sparsegpt_oracle.hpp"

namespace alphaprune::pruning {
namespace {

using test::PlainValues;

constexpr OutputTargets kHalves{0.5, 0.5};

/// W* with targets.
PlainValues moved_weights(const test::SiteProblem& site, const OutputTargets& outputs) {
    const test::PlainProblem problem = test::plain_problem(site, outputs);
    return test::plain_minimizer(problem, test::plain_ridge(problem));
}

/// The lowest |w|·‖x‖ of each row, or group of a row, go.
PlainValues wanda_by_the_book(const test::SiteProblem& site, PlainValues weights,
                              const PruneTarget& target) {
    const test::PlainProblem problem = test::plain_problem(site);
    const std::size_t n = problem.cols;
    for (std::size_t row = 0; row < weights.size(); row += n) {
        PlainValues scores;
        for (std::size_t i = 0; i < n; ++i) {
            scores.push_back(std::abs(weights[row + i]) * std::sqrt(problem.gram[i * (n + 1)]));
        }
        const std::vector<bool> kept = test::kept_by_sorting(scores, n, target);
        for (std::size_t i = 0; i < n; ++i) {
            weights[row + i] = kept[i] ? weights[row + i] : 0;
        }
    }
    return weights;
}

PlainValues magnitude_by_the_book(const test::SiteProblem& site, PlainValues weights,
                                  const PruneTarget& target) {
    const auto kept = test::kept_by_sorting(weights, static_cast<std::size_t>(site.cols), target);
    for (std::size_t i = 0; i < weights.size(); ++i) {
        weights[i] = kept[i] ? weights[i] : 0;
    }
    return weights;
}

PlainValues sparsegpt_by_the_book(const test::SiteProblem& site, PlainValues weights,
                                  const PruneTarget& target) {
    test::SparsegptProblem problem{site.rows,
                                   site.cols,
                                   static_cast<std::int64_t>(site.sequences.size()),
                                   {},
                                   {weights.begin(), weights.end()}};
    for (const test::SiteSequence& sequence : site.sequences) {
        problem.sequences.push_back(sequence.present);
    }
    return test::pruned_by_the_book(problem, target.ratio, target.pattern);
}

struct Published {
    const char* name;
    PlainValues (*by_the_book)(const test::SiteProblem& site, PlainValues weights,
                               const PruneTarget& target);
};
constexpr Published kPublished[] = {{"wanda", wanda_by_the_book},
                                    {"magnitude", magnitude_by_the_book},
                                    {"sparsegpt", sparsegpt_by_the_book}};

void expect_on_moved_weights(const test::SiteProblem& site, const OutputTargets& outputs) {
    const PlainValues moved = moved_weights(site, outputs);
    std::size_t turn = 0;
    for (const Published& published : kPublished) {
        for (const PruneTarget& target : {PruneTarget{0, {}}, PruneTarget{0.5, {}},
                                          PruneTarget{0.8, {}}, PruneTarget{0.5, Pattern{2, 4}}}) {
            SCOPED_TRACE(std::string(published.name) + " " + std::to_string(target.ratio));
            const test::Split split = test::kSplits[turn++ % std::size(test::kSplits)];
            const auto pruned =
                test::prune_site(*find_pruner(published.name), site, {target, outputs, split, 3});
            const PlainValues expected = published.by_the_book(site, moved, target);
            EXPECT_FALSE(pruned.fit);
            const double agreement = test::mask_agreement(pruned.weights, expected);
            EXPECT_GE(agreement, 0.997);
            EXPECT_LT(test::relative_distance(pruned.weights, expected),
                      agreement == 1 ? 1e-4 : 2e-2);
        }
    }
}

TEST(Targets, OtherPrunersWorkOnTheWeightsThatFitThemBest) {
    const test::SiteProblem site = test::random_site(20, 24, 5, 40);
    expect_on_moved_weights(site, kHalves);
    expect_on_moved_weights(site, {1, 0});
    expect_on_moved_weights(site, {0, 1});
    expect_on_moved_weights(test::random_site(30, 48, 3, 9), kHalves);
    expect_on_moved_weights(test::random_site(25, 40, 6, 30, true), kHalves);
}

/// More rows than a group that threads share, more values than a thread takes at a time, and
/// experts whose few tokens are filled up.
TEST(Targets, HaveTheSameBitsOnAnyNumberOfThreads) {
    const test::SiteProblem site = test::random_site(260, 136, 5, 20);
    for (const Pruner& pruner : pruners()) {
        for (const PruneTarget& target : {PruneTarget{0.7, {}}, PruneTarget{0.5, Pattern{2, 4}}}) {
            for (const bool of_expert : {false, true}) {
                test::SiteRequest request{target, kHalves};
                request.of_expert = of_expert;
                const auto alone = test::prune_site(pruner, site, request);
                for (const int threads : {2, 3}) {
                    request.threads = threads;
                    const auto shared = test::prune_site(pruner, site, request);
                    EXPECT_EQ(shared.weights, alone.weights)
                        << pruner.name << ", threads " << threads;
                    EXPECT_EQ(shared.fit, alone.fit) << pruner.name << ", threads " << threads;
                }
            }
        }
    }
}

/// Dense inputs and drift are there, but nobody asks for them.
TEST(Targets, OfZeroAreNone) {
    const test::SiteProblem site = test::random_site(20, 24, 5, 40);
    test::SiteProblem bare = site;
    for (test::SiteSequence& sequence : bare.sequences) {
        sequence.dense.clear();
        sequence.drift.clear();
    }
    for (const Pruner& pruner : pruners()) {
        if (!pruner.needs_activations()) {
            continue;
        }
        for (const PruneTarget& target : {PruneTarget{0.7, {}}, PruneTarget{0.5, Pattern{2, 4}}}) {
            const auto with = test::prune_site(pruner, site, {target, {0, 0}});
            const auto without = test::prune_site(pruner, bare, {target}, true);
            EXPECT_EQ(with.weights, without.weights) << pruner.name;
            EXPECT_EQ(with.fit, without.fit) << pruner.name;
        }
    }
}

/// Of a model that is not pruned yet.
TEST(Targets, ThatOutputsMeetAlreadyChangeNothing) {
    test::SiteProblem site = test::random_site(20, 24, 5, 40);
    for (test::SiteSequence& sequence : site.sequences) {
        sequence.dense = sequence.present;
        std::ranges::fill(sequence.drift, 0.0F);
    }
    for (const Pruner& pruner : pruners()) {
        const PruneTarget target{0.7, {}};
        const auto with = test::prune_site(pruner, site, {target, kHalves});
        if (pruner.needs_activations()) {
            EXPECT_EQ(with.weights, test::prune_site(pruner, site, {target}).weights)
                << pruner.name;
        }
    }
}

TEST(Targets, PruningTowardsThemComesNearerToThem) {
    const test::SiteProblem site = test::random_site(40, 48, 9, 30);
    const test::PlainProblem problem = test::plain_problem(site, kHalves);
    const double ridge = test::plain_ridge(problem);
    const PlainValues best = test::plain_minimizer(problem, ridge);
    const PlainValues hessian = test::shifted(problem.gram, ridge);
    for (const char* const name : {"alps", "admm", "sparsegpt", "wanda"}) {
        const auto error_with = [&](const OutputTargets& outputs) {
            const auto pruned = test::prune_site(*find_pruner(name), site, {{0.5, {}}, outputs});
            return test::plain_energy(pruned.weights, best, hessian);
        };
        EXPECT_LT(error_with(kHalves), error_with({})) << name;
    }
}

}  // namespace
}  // namespace alphaprune::pruning
