// The damping of SparseGPT's Hessian.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>

#include "alphaprune/support/error.hpp"
#include "damped_inverse.hpp"
#include "pruning/plain_solver.hpp"
#include "pruning/site_problem.hpp"
#include "pruning/sparsegpt_oracle.hpp"

namespace alphaprune::pruning {
namespace {

using test::SiteProblem;
using test::world;

constexpr std::int64_t kOrder = 20;

/// All elements 1 but for the diagonal, d: eigenvalues are d + `order` − 1 and d − 1.
double damping_with_diagonal(double diagonal, double first) {
    const parallel::NodeMap nodes(world());
    std::vector<double> gram(kOrder * kOrder, 1.0);
    for (std::size_t i = 0; i < kOrder; ++i) {
        gram[i * (kOrder + 1)] = diagonal;
    }
    return DampedInverse(world(), nodes, {gram, kOrder, 1.0}, first, "block 3, q").damping();
}

TEST(Damping, IsRaisedUntilTheHessianIsPositiveDefinite) {
    EXPECT_EQ(damping_with_diagonal(1.0, 0.01), 0.01);
    EXPECT_EQ(damping_with_diagonal(0.95, 0.01), 0.1);  // 0.95·1.1 > 1
    EXPECT_EQ(damping_with_diagonal(0.6, 0.01), 1.0);   // 0.6·2 > 1
    EXPECT_EQ(damping_with_diagonal(0.95, 0.06), 0.06);
    EXPECT_DOUBLE_EQ(damping_with_diagonal(0.8, 0.03), 0.3);
    EXPECT_EQ(damping_with_diagonal(0.6, 0.3), 1.0);  // and no more than that
    EXPECT_EQ(damping_with_diagonal(0.6, 1.0), 1.0);
}

TEST(Damping, ThatDoesNotHelpIsAnErrorOnAllRanksWithBlockAndMatrix) {
    for (const double first : {0.01, 0.5, 1.0}) {
        try {
            damping_with_diagonal(0.4, first);
            ADD_FAILURE() << "no error";
        } catch (const support::Error& error) {
            EXPECT_EQ(error.status(), support::ExitStatus::failed);
            EXPECT_TRUE(error.agreed());
            EXPECT_NE(std::string(error.what()).find("block 3, q"), std::string::npos);
        }
    }
}

/// Inputs that depend on each other, and fewer tokens than inputs.
SiteProblem site_of_rank(std::int64_t rank) {
    return test::random_site(30, kOrder, rank, 1);
}

TEST(Damping, IsWhereItIsAskedFor) {
    const Pruner& sparsegpt = *find_pruner("sparsegpt");
    const SiteProblem site = site_of_rank(5);
    const auto pruned_with = [&](double damping, OutputTargets outputs = {}) {
        return test::prune_site(sparsegpt, site,
                                {.target = {0.5, {}}, .outputs = outputs, .damping = damping});
    };
    const auto little = pruned_with(0.01);
    const auto more = pruned_with(0.2);
    EXPECT_NE(little.weights, more.weights);
    EXPECT_TRUE(little.notes.empty());
    EXPECT_TRUE(more.notes.empty());
    const auto raised = pruned_with(1e-18);  // lost beside the diagonal
    ASSERT_EQ(raised.notes.size(), 1);
    EXPECT_NE(raised.notes[0].find("raised from 1e-18"), std::string::npos) << raised.notes[0];
}

/// Where weights are fitted to targets first, that is what it is asked for.
TEST(Damping, IsThePublishedOneOfWeightsThatWereFittedToTargets) {
    const Pruner& sparsegpt = *find_pruner("sparsegpt");
    const SiteProblem site = test::random_site(20, kOrder, 5, 40);
    const OutputTargets outputs{0.5, 0.5};
    const double damping = 0.2;
    const test::PlainProblem problem = test::plain_problem(site, outputs);
    const double ridge = damping / 0.01 * test::plain_ridge(problem);
    const test::PlainValues moved = test::plain_minimizer(problem, ridge);
    test::SparsegptProblem fitted{
        site.rows, site.cols, std::ssize(site.sequences), {}, {moved.begin(), moved.end()}};
    for (const test::SiteSequence& sequence : site.sequences) {
        fitted.sequences.push_back(sequence.present);
    }
    const auto expected = test::pruned_by_the_book(fitted, 0.5, {});
    const auto pruned = test::prune_site(
        sparsegpt, site, {.target = {0.5, {}}, .outputs = outputs, .damping = damping});
    EXPECT_GE(test::mask_agreement(pruned.weights, expected), 0.997);
    EXPECT_LT(test::relative_distance(pruned.weights, expected), 1e-2);
}

TEST(Damping, InputsThatAreNotFiniteAreAnErrorOnAllRanks) {
    for (const float wrong : {std::numeric_limits<float>::quiet_NaN(), 1e30F}) {  // 1e60 overflows
        SiteProblem site = test::random_site(3, kOrder, 5, 4);
        site.sequences[4].present[kOrder + 7] = wrong;
        try {
            test::prune_site(*find_pruner("sparsegpt"), site, {{0.5, {}}});
            ADD_FAILURE() << "no error";
        } catch (const support::Error& error) {
            EXPECT_TRUE(error.agreed());
            const std::string text = error.what();
            EXPECT_NE(text.find("test"), std::string::npos) << text;
            EXPECT_NE(text.find("NaN"), std::string::npos) << text;
            EXPECT_NE(text.find("1 of 20 inputs"), std::string::npos) << text;
        }
    }
}

}  // namespace
}  // namespace alphaprune::pruning
