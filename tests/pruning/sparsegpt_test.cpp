#include "sparsegpt.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "alphaprune/pruning/input_norms.hpp"
#include "pruning/shares.hpp"
#include "pruning/sparsegpt_oracle.hpp"

namespace alphaprune::pruning {
namespace {

using test::random_problem;
using test::SparsegptProblem;
using test::Split;
using test::world;

constexpr std::int64_t kLocal = kLargestLocalHessian;
constexpr std::int64_t kSpread = 0;

/// The factor from sequences dealt out to the ranks in turn; some have none left in the last round,
/// or none at all.
InverseFactor factor_of(const parallel::Communicator& ranks, const SparsegptProblem& problem,
                        std::int64_t largest_local) {
    Hessian hessian(ranks, problem.cols, largest_local);
    for (std::int64_t first = 0; first < problem.samples; first += ranks.size()) {
        const std::int64_t mine = first + ranks.rank();
        if (mine < problem.samples) {
            const auto& input = problem.sequences[static_cast<std::size_t>(mine)];
            hessian.add(input, static_cast<std::int64_t>(input.size()) / problem.cols);
        } else {
            hessian.add({}, 0);
        }
    }
    return {std::move(hessian), problem.samples, "test"};
}

struct Pruned {
    std::vector<float> weights;  ///< the whole matrix, on every rank
    std::int64_t zeros = 0;
};

Pruned prune(const InverseFactor& factor, const SparsegptProblem& problem, double ratio,
             std::optional<Pattern> pattern, Split split) {
    const auto rows = test::cuts_of(static_cast<std::size_t>(problem.rows), split);
    const auto rank = static_cast<std::size_t>(world().rank());
    const auto cols = static_cast<std::size_t>(problem.cols);
    const std::size_t begin = rows[rank] * cols;
    const std::size_t size = rows[rank + 1] * cols - begin;
    Pruned pruned{std::vector<float>(problem.weights.size(), 0.0F), 0};
    const auto mine = std::span(pruned.weights).subspan(begin, size);
    std::copy_n(problem.weights.begin() + static_cast<std::ptrdiff_t>(begin), size, mine.begin());
    const auto zeros = prune_sparsegpt(world(), factor, mine, ratio, pattern);
    EXPECT_EQ(zeros, std::ranges::count(mine, 0.0F));
    pruned.zeros = world().sum(zeros);
    world().all_reduce_sum(std::span(pruned.weights));
    return pruned;
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
    for (const std::int64_t largest_local : {kLocal, kSpread}) {
        const InverseFactor factor = factor_of(world(), problem, largest_local);
        EXPECT_EQ(factor.damping(), 0.01);
        const Pruned pruned = prune(factor, problem, ratio, pattern, split);
        expect_agreement(pruned.weights, expected);
    }
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
    const InverseFactor factor = factor_of(world(), problem, kLocal);
    const Pruned untouched = prune(factor, problem, 0, {}, Split::even);
    for (std::size_t i = 0; i < problem.weights.size(); ++i) {
        const bool dead = factor.dead_inputs()[i % 140];
        EXPECT_EQ(dead, i % 140 % 31 == 5);
        EXPECT_EQ(untouched.weights[i], dead ? 0.0F : problem.weights[i]);
    }
}

TEST(Sparsegpt, GivesTheCountsAskedFor) {
    const auto problem = random_problem(30, 200, 6);
    const InverseFactor factor = factor_of(world(), problem, kLocal);
    for (const double ratio : {0.1, 0.5, 0.83}) {
        // Inclusive, panel by panel: one more than int(numel·s) in each of the two.
        const auto expected = static_cast<std::int64_t>(30 * 128 * ratio) +
                              static_cast<std::int64_t>(30 * 72 * ratio) + 2;
        EXPECT_EQ(prune(factor, problem, ratio, {}, Split::even).zeros, expected);
    }
    EXPECT_EQ(prune(factor, problem, 1, {}, Split::even).zeros, 30 * 200);
    EXPECT_EQ(prune(factor, problem, 0, {}, Split::even).weights, problem.weights);
    for (const Pattern pattern : {Pattern{2, 4}, Pattern{4, 8}, Pattern{5, 6}, Pattern{1, 3}}) {
        const Pruned pruned = prune(factor, problem, 0, pattern, Split::random);
        for (std::size_t row = 0; row < 30; ++row) {
            for (int col = 0; col < 200; col += pattern.group) {
                const int width = std::min(pattern.group, 200 - col);
                const auto from =
                    pruned.weights.begin() + static_cast<std::ptrdiff_t>(row * 200) + col;
                EXPECT_EQ(std::count(from, from + width, 0.0F),
                          width * pattern.removed / pattern.group);
            }
        }
    }
}

TEST(Sparsegpt, DoesNotDependOnTheNumberOfRanksBeyondRounding) {
    const auto problem = random_problem(37, 270, 11);
    const parallel::Communicator alone = world().split(world().rank(), 0);
    std::vector<float> expected(problem.weights.size());
    if (world().is_root()) {
        expected = problem.weights;
        const InverseFactor factor = factor_of(alone, problem, kLocal);
        prune_sparsegpt(alone, factor, expected, 0.7, {});
    }
    world().broadcast(std::span(expected));
    for (const std::int64_t largest_local : {kLocal, kSpread}) {
        const InverseFactor factor = factor_of(world(), problem, largest_local);
        for (const Split split : test::kSplits) {
            const Pruned pruned = prune(factor, problem, 0.7, {}, split);
            expect_agreement(pruned.weights, expected);
        }
    }
}

TEST(Sparsegpt, GivesTheSameBitsAgainOnTheSameRanks) {
    const auto problem = random_problem(20, 150, 9);
    for (const std::int64_t largest_local : {kLocal, kSpread}) {
        const auto once = [&] {
            return prune(factor_of(world(), problem, largest_local), problem, 0.6, {}, Split::even)
                .weights;
        };
        EXPECT_EQ(once(), once());
    }
}

TEST(Sparsegpt, LeavesASmallerErrorThanWanda) {
    const auto problem = random_problem(40, 160, 8);
    const InverseFactor factor = factor_of(world(), problem, kLocal);
    InputNorms norms(problem.cols);
    for (std::int64_t s = world().rank(); s < problem.samples; s += world().size()) {
        const auto& input = problem.sequences[static_cast<std::size_t>(s)];
        norms.add_sequence(s, input, static_cast<std::int64_t>(input.size()) / problem.cols);
    }
    const std::vector<float> input_norms = norms.norms(world(), problem.samples, "");
    const auto error_of = [&](const std::vector<float>& weights) {
        return world().sum(world().is_root() ? test::output_error(problem, weights) : 0.0);
    };
    for (const double ratio : {0.5, 0.7}) {
        auto by_wanda = problem.weights;
        prune_rows(by_wanda, problem.cols, input_norms, ratio);
        const Pruned pruned = prune(factor, problem, ratio, {}, Split::even);
        EXPECT_LT(error_of(pruned.weights), 0.8 * error_of(by_wanda));
    }
    auto by_wanda = problem.weights;
    prune_rows(by_wanda, problem.cols, input_norms, Pattern{2, 4});
    const Pruned pruned = prune(factor, problem, 0, Pattern{2, 4}, Split::even);
    EXPECT_LT(error_of(pruned.weights), 0.8 * error_of(by_wanda));
}

TEST(Sparsegpt, OfAMatrixWithoutRowsIsNoWork) {
    const auto problem = random_problem(0, 140, 3);
    const InverseFactor factor = factor_of(world(), problem, kSpread);
    EXPECT_EQ(prune(factor, problem, 0.5, {}, Split::even).zeros, 0);
}

}  // namespace
}  // namespace alphaprune::pruning
