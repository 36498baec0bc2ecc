// Hessians that are singular but for the damping: every pruner gives numbers, or says why not.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "alphaprune/pruning/pruners.hpp"
#include "alphaprune/support/error.hpp"
#include "pruning/site_problem.hpp"

namespace alphaprune::pruning {
namespace {

using test::random_site;
using test::SiteProblem;

constexpr OutputTargets kNone{};
constexpr OutputTargets kHalf{0.5, 0.5};

/// Each sequence repeats its first token.
SiteProblem site_of_repetitions() {
    SiteProblem site = random_site(20, 32, 3, 6);
    const auto repeat_first = [](std::vector<float>& values, std::int64_t width) {
        for (auto i = static_cast<std::size_t>(width); i < values.size(); ++i) {
            values[i] = values[i - static_cast<std::size_t>(width)];
        }
    };
    for (test::SiteSequence& sequence : site.sequences) {
        repeat_first(sequence.present, site.cols);
        repeat_first(sequence.dense, site.cols);
        repeat_first(sequence.drift, site.rows);
    }
    return site;
}

/// Inputs that only one of the two models does not have.
SiteProblem site_with_dead_inputs(std::vector<float> test::SiteSequence::*stream) {
    SiteProblem site = random_site(20, 32, 4, 30);
    for (test::SiteSequence& sequence : site.sequences) {
        std::vector<float>& values = sequence.*stream;
        for (std::size_t i = 0; i < values.size(); ++i) {
            values[i] = i % 32 % 5 == 2 ? 0.0F : values[i];
        }
    }
    return site;
}

struct NamedSite {
    const char* name;
    SiteProblem site;
};

std::vector<NamedSite> singular_sites() {
    return {{"a single token", random_site(20, 32, 1, 1)},
            {"sequences that repeat one token", site_of_repetitions()},
            {"fewer tokens than inputs, some of them dead", random_site(30, 48, 3, 9, true)},
            {"inputs that pruning has killed", site_with_dead_inputs(&test::SiteSequence::present)},
            {"inputs that pruning has brought to life",
             site_with_dead_inputs(&test::SiteSequence::dense)}};
}

void expect_numbers(const Pruner& pruner, const SiteProblem& site,
                    const test::SiteRequest& request) {
    const test::PrunedSite pruned = test::prune_site(pruner, site, request);
    EXPECT_TRUE(
        std::ranges::all_of(pruned.weights, [](float value) { return std::isfinite(value); }));
    const auto size = static_cast<double>(site.rows * site.cols);
    // Wanda rounds in every row, SparseGPT removes a weight more and dead inputs.
    EXPECT_NEAR(static_cast<double>(pruned.zeros) / size, request.target.ratio, 0.05);
    if (pruned.fit) {
        EXPECT_EQ(pruned.zeros, static_cast<std::int64_t>(size * request.target.ratio));
        EXPECT_GE(pruned.fit->relative_error, 0);
        EXPECT_LT(pruned.fit->relative_error, 1);
    }
}

TEST(SingularHessians, GiveNumbersWithEveryPruner) {
    for (const NamedSite& named : singular_sites()) {
        for (const Pruner& pruner : pruners()) {
            for (const OutputTargets& outputs : {kNone, kHalf}) {
                for (const PruneTarget& target :
                     {PruneTarget{0.6, {}}, PruneTarget{0.5, Pattern{2, 4}}}) {
                    SCOPED_TRACE(std::string(named.name) + ", " + std::string(pruner.name) +
                                 (outputs.any() ? ", with targets" : ""));
                    expect_numbers(pruner, named.site, {target, outputs, test::Split::random});
                }
            }
        }
    }
}

/// What fits the targets best exists once the damping is above the rounding of the products.
TEST(SingularHessians, WithNextToNoDampingHaveNoMinimizer) {
    const SiteProblem site = random_site(20, 32, 1, 1);
    for (const char* const name : {"alps", "sparsegpt", "wanda", "magnitude"}) {
        test::SiteRequest request{{0.6, {}}, kHalf};
        request.damping = 1e-9;
        try {
            test::prune_site(*find_pruner(name), site, request);
            ADD_FAILURE() << name << " made no error";
        } catch (const support::Error& error) {
            EXPECT_TRUE(error.agreed());
            EXPECT_EQ(error.status(), support::ExitStatus::failed);
            EXPECT_NE(std::string(error.what()).find("not positive definite"), std::string::npos)
                << error.what();
        }
    }
    // Without targets ALPS factors no Hessian without a penalty; ADMM has a damping of its own.
    for (const char* const name : {"alps", "admm"}) {
        test::SiteRequest request{{0.6, {}}, name == std::string("admm") ? kHalf : kNone};
        request.damping = 1e-9;
        expect_numbers(*find_pruner(name), site, request);
    }
}

}  // namespace
}  // namespace alphaprune::pruning
