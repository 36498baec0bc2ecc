#include "sparsegpt.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "alphaprune/pruning/input_norms.hpp"
#include "alphaprune/support/error.hpp"
#include "pruning/shares.hpp"
#include "pruning/sparsegpt_oracle.hpp"
#include "site_statistics.hpp"
#include "support/threads.hpp"

namespace alphaprune::pruning {
namespace {

using test::random_problem;
using test::SparsegptProblem;
using test::Split;
using test::world;

/// The factor of H, on several nodes if asked for, from sequences dealt out to the ranks in turn;
/// some have none left in the last round, or none at all.
class Factored {
  public:
    Factored(const parallel::Communicator& ranks, const SparsegptProblem& problem,
             int ranks_of_node = 100, int threads = 1)
        : nodes_(ranks, ranks.split(ranks.rank() / ranks_of_node, ranks.rank()),
                 test::threads_of(threads)) {
        const BlockInputs inputs{
            ranks, nodes_, test::lone_team(), {{problem.cols, 0}}, problem.samples};
        SiteStatistics statistics(inputs, inputs.sites[0], {});
        for (std::int64_t first = 0; first < problem.samples; first += ranks.size()) {
            const std::int64_t mine = first + ranks.rank();
            SiteInput input;
            if (mine < problem.samples) {
                input.present = problem.sequences[static_cast<std::size_t>(mine)];
                input.tokens = std::ssize(input.present) / problem.cols;
            }
            statistics.add(input);
        }
        statistics.finish("test");
        const ScaledGram hessian{statistics.gram(), problem.cols,
                                 2.0 / static_cast<double>(problem.samples)};
        inverse_.emplace(ranks, nodes_, hessian, 0.01, "test");
    }

    const DampedInverse& inverse() const { return *inverse_; }
    const parallel::ThreadPool& threads() const { return nodes_.threads(); }

  private:
    parallel::NodeMap nodes_;
    std::optional<DampedInverse> inverse_;
};

/// A matrix whose input is that of the problem, and how its rows are divided.
struct Request {
    std::vector<float> weights;
    PruneTarget target;
    Split split = Split::even;
    std::vector<std::uint8_t> gone = {};
};

/// Prunes matrices together. @return all of each, on every rank
std::vector<std::vector<float>> prune_together(const parallel::Communicator& ranks,
                                               const Factored& factored,
                                               const std::vector<Request>& requests) {
    const auto cols = static_cast<std::size_t>(factored.inverse().order());
    std::vector<std::vector<float>> pruned;
    std::vector<SiteMatrix> matrices;
    for (const Request& request : requests) {
        const std::size_t rows = request.weights.size() / cols;
        std::vector<std::size_t> cuts{0, rows};
        if (ranks.size() > 1) {
            cuts = test::cuts_of(rows, request.split);
        }
        const auto rank = static_cast<std::size_t>(ranks.rank());
        auto& all = pruned.emplace_back(request.weights.size());
        const auto mine =
            std::span(all).subspan(cuts[rank] * cols, (cuts[rank + 1] - cuts[rank]) * cols);
        std::copy_n(request.weights.begin() + static_cast<std::ptrdiff_t>(cuts[rank] * cols),
                    mine.size(), mine.begin());
        MatrixRows own{mine, static_cast<std::int64_t>(cuts[rank])};
        if (!request.gone.empty()) {
            own.gone = std::span(request.gone).subspan(cuts[rank] * cols, mine.size());
        }
        matrices.push_back({own, request.target, "test"});
    }
    sweep_site(ranks, factored.threads(), factored.inverse(), matrices);
    for (std::vector<float>& matrix : pruned) {
        ranks.all_reduce_sum(std::span(matrix));
    }
    return pruned;
}

std::vector<float> prune(const Factored& factored, const SparsegptProblem& problem,
                         const PruneTarget& target, Split split) {
    return prune_together(world(), factored, {{problem.weights, target, split}}).front();
}

std::int64_t count_zeros(const std::vector<float>& weights) {
    return std::ranges::count(weights, 0.0F);
}

/// On the first rank alone: the ranks outnumber the cores.
std::vector<double> by_the_book(const SparsegptProblem& problem, double ratio,
                                std::optional<Pattern> pattern) {
    std::vector<double> expected(problem.weights.size());
    if (world().is_root()) {
        expected = test::pruned_by_the_book(problem, ratio, pattern);
    }
    world().broadcast(std::span(expected));
    return expected;
}

/// Weights that hardly differ: where rounding tips one over the threshold, its row follows.
template <class Expected>
void expect_agreement(const std::vector<float>& pruned, const std::vector<Expected>& expected) {
    const double agreement = test::mask_agreement(pruned, expected);
    EXPECT_GE(agreement, 0.999);
    EXPECT_LT(test::relative_distance(pruned, expected), agreement == 1 ? 1e-5 : 5e-3);
}

void expect_as_by_the_book(const SparsegptProblem& problem, double ratio,
                           std::optional<Pattern> pattern, Split split) {
    const auto expected = by_the_book(problem, ratio, pattern);
    const Factored factored(world(), problem, 2);
    EXPECT_EQ(factored.inverse().damping(), 0.01);
    expect_agreement(prune(factored, problem, {ratio, pattern}, split), expected);
}

TEST(Sparsegpt, IsThePublishedAlgorithmColumnByColumn) {
    expect_as_by_the_book(random_problem(40, 300, 12), 0.7, {}, Split::even);
    expect_as_by_the_book(random_problem(21, 128, 6), 0.5, {}, Split::random);
    expect_as_by_the_book(random_problem(50, 97, 4), 0.9, {}, Split::on_last);
    expect_as_by_the_book(random_problem(3, 129, 5), 0.6, {}, Split::empty_every_other);
    expect_as_by_the_book(random_problem(1, 1, 1), 0.5, {}, Split::on_first);
}

TEST(Sparsegpt, WithGroupsTakesThemFromTheValuesAsTheyAre) {
    expect_as_by_the_book(random_problem(30, 256, 8), 0, Pattern{2, 4}, Split::even);
    expect_as_by_the_book(random_problem(17, 200, 8), 0, Pattern{4, 8}, Split::on_first);
    expect_as_by_the_book(random_problem(10, 261, 8), 0, Pattern{3, 5}, Split::random);
    expect_as_by_the_book(random_problem(20, 150, 8), 0, Pattern{1, 16}, Split::empty_every_other);
    expect_as_by_the_book(random_problem(5, 3, 2), 0, Pattern{2, 4}, Split::even);
}

TEST(Sparsegpt, RemovesDeadInputsFirst) {
    const auto problem = random_problem(25, 140, 7, true);
    expect_as_by_the_book(problem, 0.3, {}, Split::even);
    const Factored factored(world(), problem);
    const auto untouched = prune(factored, problem, {0, {}}, Split::even);
    for (std::size_t i = 0; i < problem.weights.size(); ++i) {
        const bool dead = factored.inverse().dead_inputs()[i % 140];
        EXPECT_EQ(dead, i % 140 % 31 == 5);
        EXPECT_EQ(untouched[i], dead ? 0.0F : problem.weights[i]);
    }
}

TEST(Sparsegpt, GivesTheCountsAskedFor) {
    const auto problem = random_problem(30, 200, 6);
    const Factored factored(world(), problem);
    const auto pruned_to = [&](const PruneTarget& target, Split split) {
        return prune(factored, problem, target, split);
    };
    for (const double ratio : {0.1, 0.5, 0.83}) {
        // Inclusive, panel by panel: one more than int(numel·s) in each of the two.
        const auto expected = static_cast<std::int64_t>(30 * 128 * ratio) +
                              static_cast<std::int64_t>(30 * 72 * ratio) + 2;
        EXPECT_EQ(count_zeros(pruned_to({ratio, {}}, Split::even)), expected);
    }
    EXPECT_EQ(count_zeros(pruned_to({1, {}}, Split::even)), 30 * 200);
    EXPECT_EQ(pruned_to({0, {}}, Split::even), problem.weights);
    for (const Pattern pattern : {Pattern{2, 4}, Pattern{4, 8}, Pattern{5, 6}, Pattern{1, 3}}) {
        const auto pruned = pruned_to({0, pattern}, Split::random);
        for (std::size_t row = 0; row < 30; ++row) {
            for (int col = 0; col < 200; col += pattern.group) {
                const int width = std::min(pattern.group, 200 - col);
                const auto from = pruned.begin() + static_cast<std::ptrdiff_t>(row * 200) + col;
                EXPECT_EQ(std::count(from, from + width, 0.0F),
                          width * pattern.removed / pattern.group);
            }
        }
    }
}

constexpr PruneTarget kTargets[] = {{0.7, {}}, {0.5, Pattern{2, 4}}, {0.6, Pattern{3, 5}}};

TEST(Sparsegpt, HasTheSameBitsOnAnyRanksNodesAndThreads) {
    const parallel::Communicator alone = parallel::Communicator::alone();
    for (const std::int64_t rows : {37, 160}) {
        const auto problem = random_problem(rows, 270, 11);
        const Factored by_itself(alone, problem);
        for (const PruneTarget& target : kTargets) {
            const auto expected =
                prune_together(alone, by_itself, {{problem.weights, target}}).front();
            for (const auto& [ranks_of_node, threads] :
                 {std::pair{100, 1}, {100, 2}, {100, 3}, {2, 1}, {1, 2}}) {
                const Factored factored(world(), problem, ranks_of_node, threads);
                for (const Split split : test::kSplits) {
                    EXPECT_EQ(prune(factored, problem, target, split), expected)
                        << rows << " rows, ratio " << target.ratio << ", nodes of " << ranks_of_node
                        << ", threads " << threads;
                }
            }
        }
    }
}

/// Of different heights, targets and divisions among the ranks, one without rows and one of which
/// nothing goes.
TEST(Sparsegpt, MakesTheSameOfMatricesTogetherAsOfEachAlone) {
    const auto problem = random_problem(130, 261, 9, true);
    const Factored factored(world(), problem, 100, 3);
    const auto some_rows = [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
        return std::vector<float>(problem.weights.begin() + begin * problem.cols,
                                  problem.weights.begin() + end * problem.cols);
    };
    const std::vector<Request> requests{{some_rows(0, 60), {0.7, {}}, Split::even},
                                        {some_rows(60, 61), {0.4, {}}, Split::on_last},
                                        {some_rows(5, 5), {0.4, {}}, Split::even},
                                        {some_rows(50, 130), {0.5, Pattern{2, 4}}, Split::random},
                                        {some_rows(20, 50), {0, {}}, Split::on_first},
                                        {some_rows(70, 90), {0.6, Pattern{3, 5}}, Split::even},
                                        {some_rows(30, 77), {0.95, {}}, Split::empty_every_other},
                                        {some_rows(0, 49), {1, {}}, Split::random}};
    const auto together = prune_together(world(), factored, requests);
    for (std::size_t m = 0; m < requests.size(); ++m) {
        const auto alone = prune_together(world(), factored, {requests[m]});
        EXPECT_EQ(together[m], alone.front()) << "matrix " << m;
    }
}

TEST(Sparsegpt, OfScoresThatAreNoNumbersNamesTheMatrixOnAllRanks) {
    const auto problem = random_problem(20, 140, 5);
    const Factored factored(world(), problem);
    std::vector<float> large(problem.weights.size(), 1e30F);
    std::vector<float> usual = problem.weights;
    const bool first = world().is_root();
    const std::size_t size = first ? usual.size() : 0;
    const std::int64_t begin = first ? 0 : problem.rows;
    const std::vector<SiteMatrix> matrices{
        {{std::span(usual).first(size), begin}, {0.5, {}}, "block 4, q"},
        {{std::span(large).first(size), begin}, {0.5, {}}, "block 4, k"}};
    try {
        sweep_site(world(), factored.threads(), factored.inverse(), matrices);
        ADD_FAILURE() << "no error";
    } catch (const support::Error& error) {
        EXPECT_TRUE(error.agreed());
        EXPECT_NE(std::string(error.what()).find("block 4, k"), std::string::npos) << error.what();
    }
}

/// Fewer than the ratio asks for, and more: then all of them go, and no others.
TEST(Sparsegpt, WhatIsGoneBeforehandGoesFirst) {
    const auto problem = random_problem(24, 200, 6);
    const Factored factored(world(), problem);
    for (const std::size_t every : {3U, 2U}) {
        std::vector<std::uint8_t> gone(problem.weights.size());
        for (std::size_t i = 0; i < gone.size(); ++i) {
            gone[i] = (i * 7 + i / 200) % every != 0 ? 1 : 0;  // two thirds, a half
        }
        for (const PruneTarget& target :
             {PruneTarget{0.8, {}}, PruneTarget{0.1, {}}, PruneTarget{0.5, Pattern{2, 4}}}) {
            std::vector<double> expected(problem.weights.size());
            if (world().is_root()) {
                expected = test::pruned_by_the_book(problem, target.ratio, target.pattern, gone);
            }
            world().broadcast(std::span(expected));
            const auto pruned =
                prune_together(world(), factored, {{problem.weights, target, Split::random, gone}});
            expect_agreement(pruned.front(), expected);
            for (std::size_t i = 0; i < gone.size(); ++i) {
                ASSERT_TRUE(gone[i] == 0 || pruned.front()[i] == 0) << i;
            }
        }
        const auto kept =
            prune_together(world(), factored, {{problem.weights, {0, {}}, Split::even, gone}});
        EXPECT_EQ(count_zeros(kept.front()), std::ssize(gone) - std::ranges::count(gone, 0));
    }
}

TEST(Sparsegpt, LeavesASmallerErrorThanWanda) {
    const auto problem = random_problem(40, 160, 8);
    const Factored factored(world(), problem);
    InputNorms norms(problem.cols, test::lone_team());
    for (std::int64_t s = world().rank(); s < problem.samples; s += world().size()) {
        const auto& input = problem.sequences[static_cast<std::size_t>(s)];
        norms.add_sequence(
            {s, static_cast<std::int64_t>(input.size()) / problem.cols, input, {}, {}, {}});
    }
    const std::vector<float> input_norms = norms.norms(world(), problem.samples, "");
    const auto error_of = [&](const std::vector<float>& weights) {
        return world().sum(world().is_root() ? test::output_error(problem, weights) : 0.0);
    };
    for (const double ratio : {0.5, 0.7}) {
        auto by_wanda = problem.weights;
        prune_rows(by_wanda, problem.cols, input_norms, ratio);
        const auto pruned = prune(factored, problem, {ratio, {}}, Split::even);
        EXPECT_LT(error_of(pruned), 0.8 * error_of(by_wanda));
    }
    auto by_wanda = problem.weights;
    prune_rows(by_wanda, problem.cols, input_norms, Pattern{2, 4});
    const auto pruned = prune(factored, problem, {0.5, Pattern{2, 4}}, Split::even);
    EXPECT_LT(error_of(pruned), 0.8 * error_of(by_wanda));
}

}  // namespace
}  // namespace alphaprune::pruning
