// Experts with fewer tokens than inputs: what they come to, against the same pruners on a site that
// has the tokens which lack.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "alphaprune/pruning/pruners.hpp"
#include "pruning/plain_solver.hpp"
#include "pruning/site_problem.hpp"
#include "pruning/sparsegpt_oracle.hpp"

namespace alphaprune::pruning {
namespace {

using test::SiteProblem;
using test::SiteSequence;

constexpr std::int64_t kExpertRows = 20;
constexpr std::int64_t kExpertCols = 24;
constexpr OutputTargets kDenseTargets[] = {{}, {0.5, 0}};

void append_scaled(std::vector<float>& to, const std::vector<float>& values, double scale) {
    for (const float value : values) {
        to.push_back(static_cast<float>(scale * value));
    }
}

/// What all experts are given, and the tokens of it that one gets: so many of each sequence.
struct Expert {
    SiteProblem all = test::random_site(kExpertRows, kExpertCols, 5, 30);
    SiteProblem own = {kExpertRows, kExpertCols, {}, all.weights};

    explicit Expert(const std::vector<std::int64_t>& counts) {
        for (std::size_t s = 0; s < counts.size(); ++s) {
            const auto first = [&](const std::vector<float>& values, std::int64_t width) {
                return std::vector<float>(values.begin(), values.begin() + counts[s] * width);
            };
            const SiteSequence& whole = all.sequences[s];
            own.sequences.push_back({counts[s], first(whole.present, kExpertCols),
                                     first(whole.dense, kExpertCols),
                                     first(whole.drift, kExpertRows)});
        }
    }

    double lacking() const { return static_cast<double>(kExpertCols - own.tokens()); }

    /// The own tokens, and so many typical ones of all as lack.
    SiteProblem with_typical_tokens() const {
        SiteProblem more = own;
        const double scale = std::sqrt(lacking() / static_cast<double>(all.tokens()));
        for (const SiteSequence& sequence : all.sequences) {
            SiteSequence scaled{sequence.tokens, {}, {}, sequence.drift};
            append_scaled(scaled.present, sequence.present, scale);
            append_scaled(scaled.dense, sequence.dense, scale);
            more.sequences.push_back(scaled);
        }
        return more;
    }

    /// The own tokens, and independent inputs of their mean size, so many as lack.
    SiteProblem with_independent_inputs() const {
        double squares = 0;
        for (const SiteSequence& sequence : own.sequences) {
            for (const float value : sequence.present) {
                squares += double{value} * value;
            }
        }
        const double of_token_and_input = squares / static_cast<double>(own.tokens() * kExpertCols);
        SiteProblem more = own;
        SiteSequence independent{
            kExpertCols, {}, {}, std::vector<float>(kExpertCols * kExpertRows)};
        for (std::int64_t i = 0; i < kExpertCols * kExpertCols; ++i) {
            const double size = i % (kExpertCols + 1) == 0 ? lacking() * of_token_and_input : 0;
            independent.present.push_back(static_cast<float>(std::sqrt(size)));
        }
        independent.dense = independent.present;
        more.sequences.push_back(independent);
        return more;
    }
};

/// Everything that works with Hessians.
std::vector<const Pruner*> pruners_of(const OutputTargets& outputs) {
    std::vector<const Pruner*> some;
    for (const Pruner& pruner : pruners()) {
        if (pruner.needs == PrunerNeeds::targets || (outputs.any() && pruner.name != "wanda")) {
            some.push_back(&pruner);
        }
    }
    return some;
}

void expect_alike(const test::PrunedSite& pruned, const std::vector<float>& expected) {
    const double agreement = test::mask_agreement(pruned.weights, expected);
    EXPECT_GE(agreement, 0.99);
    EXPECT_LT(test::relative_distance(pruned.weights, expected), agreement == 1 ? 1e-3 : 5e-2);
}

/// @param routed  what the mixture divides; nullptr: these are inner values
void expect_as_on(const SiteProblem& filled, const Expert& expert, const SiteProblem* routed) {
    for (const OutputTargets& outputs : kDenseTargets) {
        for (const Pruner* pruner : pruners_of(outputs)) {
            for (const double ratio : {0.0, 0.5, 0.8}) {
                SCOPED_TRACE(std::string(pruner->name) + " at " + std::to_string(ratio));
                test::SiteRequest request{{ratio, {}}, outputs, test::Split::even, 3};
                const auto expected = test::prune_site(*pruner, filled, request);
                request.of_expert = true;
                request.routed = routed;
                expect_alike(test::prune_site(*pruner, expert.own, request), expected.weights);
            }
        }
    }
}

/// From one token on, of a sequence that is not the first.
std::vector<Expert> few() {
    return {Expert({0, 0, 1, 0, 0}), Expert({2, 0, 3, 1, 0}), Expert({5, 5, 5, 5, 3})};
}

TEST(FewTokens, AreFilledUpWithTypicalOnes) {
    for (const Expert& expert : few()) {
        SCOPED_TRACE(expert.own.tokens());
        expect_as_on(expert.with_typical_tokens(), expert, &expert.all);
    }
}

TEST(FewTokens, OfInnerValuesAreFilledUpWithIndependentOnes) {
    for (const Expert& expert : few()) {
        SCOPED_TRACE(expert.own.tokens());
        expect_as_on(expert.with_independent_inputs(), expert, nullptr);
    }
}

TEST(FewTokens, AreThoseOfPlainLoops) {
    for (const Expert& expert : few()) {
        const SiteProblem filled = expert.with_typical_tokens();
        test::SparsegptProblem problem{
            kExpertRows, kExpertCols, std::ssize(filled.sequences), {}, filled.weights};
        for (const SiteSequence& sequence : filled.sequences) {
            problem.sequences.push_back(sequence.present);
        }
        test::SiteRequest request{{0.5, {}}};
        request.of_expert = true;
        request.routed = &expert.all;
        const auto by_the_book = test::pruned_by_the_book(problem, 0.5, {});
        expect_alike(test::prune_site(*find_pruner("sparsegpt"), expert.own, request),
                     {by_the_book.begin(), by_the_book.end()});

        request.target.ratio = 0;
        request.outputs = {0.5, 0};
        const test::PlainProblem plain = test::plain_problem(filled, request.outputs);
        const auto moved = test::plain_minimizer(plain, test::plain_ridge(plain));
        expect_alike(test::prune_site(*find_pruner("magnitude"), expert.own, request),
                     {moved.begin(), moved.end()});
    }
}

TEST(FewTokens, AreNotBlendedWhereThereAreEnough) {
    const Expert expert({5, 5, 5, 5, 4});
    for (const OutputTargets& outputs : kDenseTargets) {
        for (const Pruner* pruner : pruners_of(outputs)) {
            test::SiteRequest request{{0.6, {}}, outputs};
            const auto alone = test::prune_site(*pruner, expert.own, request);
            request.of_expert = true;
            EXPECT_EQ(test::prune_site(*pruner, expert.own, request).weights, alone.weights);
            request.routed = &expert.all;
            EXPECT_EQ(test::prune_site(*pruner, expert.own, request).weights, alone.weights);
        }
    }
}

}  // namespace
}  // namespace alphaprune::pruning
