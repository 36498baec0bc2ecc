// ALPS and ADMM against their algorithms in float64 and plain loops.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "alphaprune/pruning/pruners.hpp"
#include "alphaprune/support/error.hpp"
#include "pruning/plain_solver.hpp"
#include "pruning/site_problem.hpp"
#include "pruning/sparsegpt_oracle.hpp"

namespace alphaprune::pruning {
namespace {

using test::PlainProblem;
using test::PlainSolution;
using test::PlainValues;
using test::PrunedSite;
using test::random_site;
using test::SiteProblem;
using test::SiteRequest;
using test::Split;
using test::world;

constexpr PruneTarget kPairs{0.5, Pattern{2, 4}};
constexpr PruneTarget kEights{0.5, Pattern{4, 8}};

/// One of the two, by our code and by the book.
struct Solver {
    const char* name;
    PlainSolution (*by_the_book)(const PlainProblem& problem, const PruneTarget& target);
    double ridge;  ///< as a share of δ
    double shift;  ///< of the minimizer's unit Hessian
};
constexpr Solver kAlps{"alps", test::plain_alps, 1, 0};
constexpr Solver kAdmm{"admm", test::plain_admm, 0, 0.1};

PrunedSite run_solver(const Solver& solver, const SiteProblem& site, const SiteRequest& request) {
    return test::prune_site(*find_pruner(solver.name), site, request);
}

/// What errors are measured from, and with.
struct Measure {
    PlainValues hessian;
    PlainValues minimizer;

    double error_of(const std::vector<float>& weights) const {
        return test::plain_energy(weights, minimizer, hessian);
    }
    double relative(const std::vector<float>& weights) const {
        const double all = error_of(std::vector<float>(weights.size()));
        return all > 0 ? error_of(weights) / all : 0;
    }
};

Measure measure_of(const Solver& solver, const SiteProblem& site, const OutputTargets& outputs) {
    const PlainProblem problem = test::plain_problem(site, outputs);
    const double ridge = solver.ridge * test::plain_ridge(problem);
    Measure measure{test::shifted(problem.gram, ridge), problem.weights};
    if (outputs.any()) {
        // Ĥ + shift·I in the unit variables is H plus `shift` times the square of the scale.
        PlainValues damped = measure.hessian;
        PlainValues right = problem.right;
        const std::size_t n = problem.cols;
        for (std::size_t i = 0; i < right.size(); ++i) {
            const double square = std::pow(std::sqrt(measure.hessian[i % n * (n + 1)]) + 1e-8, 2);
            right[i] += (ridge + solver.shift * square) * problem.weights[i];
        }
        for (std::size_t i = 0; i < n; ++i) {
            damped[i * (n + 1)] +=
                solver.shift * std::pow(std::sqrt(measure.hessian[i * (n + 1)]) + 1e-8, 2);
        }
        measure.minimizer = test::divided(std::move(right), std::move(damped));
    }
    return measure;
}

std::int64_t zeros_of(const PlainValues& weights) {
    return std::ranges::count(weights, 0.0);
}

void expect_solved_by_the_book(const Solver& solver, const SiteProblem& site,
                               const SiteRequest& request) {
    SCOPED_TRACE(std::string(solver.name) + " " + std::to_string(site.rows) + " x " +
                 std::to_string(site.cols) + " of " + std::to_string(site.tokens()) + " at " +
                 std::to_string(request.target.ratio));
    const PlainSolution expected =
        solver.by_the_book(test::plain_problem(site, request.outputs), request.target);
    const Measure measure = measure_of(solver, site, request.outputs);
    const PrunedSite pruned = run_solver(solver, site, request);
    const double agreement = test::mask_agreement(pruned.weights, expected.weights);
    EXPECT_GE(agreement, 0.99);
    if (agreement == 1) {  // condition numbers are some thousands
        EXPECT_LT(test::relative_distance(pruned.weights, expected.weights), 1e-3);
    }
    const std::vector<float> rounded(expected.weights.begin(), expected.weights.end());
    EXPECT_LE(measure.error_of(pruned.weights), 1.01 * measure.error_of(rounded));
    EXPECT_EQ(pruned.zeros, zeros_of(expected.weights));
    ASSERT_TRUE(pruned.fit);
    const double relative = measure.relative(pruned.weights);
    EXPECT_NEAR(pruned.fit->relative_error, relative, 1e-3 * relative);
    EXPECT_EQ(pruned.fit->iterations, expected.iterations);
}

void expect_all_targets_by_the_book(const Solver& solver, const SiteProblem& site,
                                    const OutputTargets& outputs = {}) {
    std::size_t turn = 0;
    for (const PruneTarget& target :
         {PruneTarget{0.5, {}}, PruneTarget{0.7, {}}, PruneTarget{0.9, {}}, kPairs, kEights}) {
        const Split split = test::kSplits[turn++ % std::size(test::kSplits)];
        expect_solved_by_the_book(solver, site, {target, outputs, split});
    }
}

/// Those that are hard in one way or another.
std::vector<SiteProblem> hard_sites() {
    return {random_site(20, 24, 5, 40), random_site(40, 48, 9, 30),
            random_site(30, 48, 3, 9),         // fewer tokens than inputs
            random_site(25, 40, 6, 30, true),  // dead inputs
            random_site(21, 27, 4, 30)};       // no whole number of groups
}

TEST(Alps, IsThePublishedAlgorithm) {
    for (const SiteProblem& site : hard_sites()) {
        expect_all_targets_by_the_book(kAlps, site);
    }
}

TEST(Alps, FitsToTargets) {
    for (const SiteProblem& site : hard_sites()) {
        expect_all_targets_by_the_book(kAlps, site, {0.5, 0.5});
    }
    const SiteProblem site = random_site(20, 24, 5, 40);
    expect_all_targets_by_the_book(kAlps, site, {1, 0});
    expect_all_targets_by_the_book(kAlps, site, {0, 0.75});
}

/// Inputs that hardly depend on each other, and weights that are large or small but for four: so
/// few change places that the penalty falls, and all begins anew.
SiteProblem site_of_few_changes() {
    SiteProblem site = random_site(40, 40, 4, 100);
    std::mt19937_64 generator(40);
    std::normal_distribution<float> normal;
    for (test::SiteSequence& sequence : site.sequences) {
        for (std::size_t i = 0; i < sequence.present.size(); ++i) {
            sequence.present[i] = 0.5F * normal(generator) + (i % 41 == 0 ? 3.0F : 0.0F);
        }
    }
    for (std::size_t i = 0; i < site.weights.size(); ++i) {
        const float value = normal(generator);
        const float large = value + (value < 0 ? -9.0F : 9.0F);
        site.weights[i] = i % 800 == 0   ? 4.2F
                          : i % 800 == 1 ? 2.0F
                          : i % 2 == 0   ? large
                                         : 0.3F * value;
    }
    return site;
}

TEST(Alps, BeginsAnewWhereTheFirstPenaltyIsTooLarge) {
    const SiteProblem site = site_of_few_changes();
    const PruneTarget target{0.5, {}};
    EXPECT_GT(test::plain_alps(test::plain_problem(site), target).fresh_starts, 0);
    for (const Split split : test::kSplits) {
        expect_solved_by_the_book(kAlps, site, {target, {}, split});
    }
}

TEST(Admm, IsTheReleasedAlgorithm) {
    for (const SiteProblem& site : hard_sites()) {
        expect_all_targets_by_the_book(kAdmm, site);
    }
}

TEST(Admm, FitsToTargets) {
    for (const SiteProblem& site : hard_sites()) {
        expect_all_targets_by_the_book(kAdmm, site, {0.5, 0.5});
    }
    const SiteProblem site = random_site(20, 24, 5, 40);
    expect_all_targets_by_the_book(kAdmm, site, {1, 0});
    expect_all_targets_by_the_book(kAdmm, site, {0, 0.75});
}

/// Few sites tell, those whose mask still changes: one iteration fewer or more, and other weights
/// would stay.
TEST(Admm, ChoosesInFifteenIterations) {
    const PruneTarget target{0.85, {}};
    int telling_of_fewer = 0;
    int telling_of_more = 0;
    for (int tokens = 10; tokens < 110; ++tokens) {
        const SiteProblem site = random_site(16, 24, 2, tokens);
        const PlainProblem problem = test::plain_problem(site);
        const auto weights_of = [&](int choosing) {
            return test::plain_admm_choosing(problem, target, choosing).weights;
        };
        const PlainValues expected = weights_of(15);
        const bool fewer_differs = test::mask_agreement(weights_of(14), expected) < 1;
        const bool more_differs = test::mask_agreement(weights_of(16), expected) < 1;
        if (fewer_differs || more_differs) {
            const PrunedSite pruned = run_solver(kAdmm, site, {target, {}, Split::random});
            EXPECT_EQ(test::mask_agreement(pruned.weights, expected), 1) << tokens << " tokens";
            telling_of_fewer += fewer_differs ? 1 : 0;
            telling_of_more += more_differs ? 1 : 0;
        }
    }
    EXPECT_GE(telling_of_fewer, 3);
    EXPECT_GE(telling_of_more, 3);
}

/// More than a tile of the factorization and of the sums.
TEST(Alps, OfAWiderMatrixOnSeveralNodes) {
    const SiteProblem site = random_site(60, 140, 7, 60);
    for (const Solver& solver : {kAlps, kAdmm}) {
        expect_solved_by_the_book(solver, site, {{0.7, {}}, {0.5, 0.5}, Split::even, 2});
    }
}

TEST(Alps, GivesExactlyTheZerosAsked) {
    const SiteProblem site = random_site(21, 27, 4, 30);
    for (const Solver& solver : {kAlps, kAdmm}) {
        for (const double ratio : {0.0, 0.001, 0.29, 0.333, 0.57, 0.7, 0.99, 0.9999, 1.0}) {
            const PrunedSite pruned = run_solver(solver, site, {{ratio, {}}, {}, Split::random});
            EXPECT_EQ(pruned.zeros, static_cast<std::int64_t>(21 * 27 * ratio)) << solver.name;
        }
    }
}

TEST(Alps, OfRatioZeroIsTheMinimizer) {
    const SiteProblem site = random_site(20, 24, 5, 40);
    for (const Solver& solver : {kAlps, kAdmm}) {
        const PrunedSite plain = run_solver(solver, site, {{0, {}}});
        EXPECT_LT(test::relative_distance(plain.weights, site.weights), 1e-6);
        EXPECT_EQ(plain.fit, (Fit{0, 0}));
        const OutputTargets outputs{0.5, 0.5};
        const PrunedSite fitted = run_solver(solver, site, {{0, {}}, outputs});
        const Measure measure = measure_of(solver, site, outputs);
        EXPECT_LT(test::relative_distance(fitted.weights, measure.minimizer), 1e-4);
        EXPECT_EQ(fitted.fit, (Fit{0, 0}));
    }
}

TEST(Alps, OfRatioOneIsNothing) {
    const SiteProblem site = random_site(20, 24, 5, 40);
    for (const Solver& solver : {kAlps, kAdmm}) {
        const PrunedSite pruned = run_solver(solver, site, {{1, {}}, {0.5, 0.5}});
        EXPECT_EQ(pruned.weights, std::vector<float>(site.weights.size()));
        EXPECT_NEAR(pruned.fit->relative_error, 1, 1e-6);
    }
}

TEST(Alps, IsNeverWorseThanWhatItStartsFrom) {
    for (const SiteProblem& site : hard_sites()) {
        const Measure measure = measure_of(kAlps, site, {});
        for (const double ratio : {0.5, 0.7, 0.9}) {
            const SiteRequest request{{ratio, {}}};
            const auto error_by = [&](const char* name) {
                return measure.error_of(
                    test::prune_site(*find_pruner(name), site, request).weights);
            };
            const double alps = error_by("alps");
            EXPECT_LT(alps, error_by("sparsegpt"));
            EXPECT_LT(alps, error_by("magnitude"));
            EXPECT_LT(alps, error_by("wanda"));
        }
    }
}

TEST(Alps, OfInputsThatAreAllZeroIsFinite) {
    SiteProblem site = random_site(12, 16, 3, 10);
    for (test::SiteSequence& sequence : site.sequences) {
        std::ranges::fill(sequence.present, 0.0F);
    }
    for (const Pruner& pruner : pruners()) {
        for (const OutputTargets& outputs : {OutputTargets{}, OutputTargets{0.5, 0.5}}) {
            for (const PruneTarget& target : {PruneTarget{0.6, {}}, kPairs}) {
                const PrunedSite pruned = test::prune_site(pruner, site, {target, outputs});
                EXPECT_TRUE(std::ranges::all_of(pruned.weights, [](float value) {
                    return std::isfinite(value);
                })) << pruner.name;
                EXPECT_TRUE(!pruned.fit || std::isfinite(pruned.fit->relative_error));
            }
        }
    }
}

/// On all ranks, whichever rank it is whose inputs are not finite.
TEST(Alps, OfInputsThatAreNotFiniteIsAnError) {
    for (const float wrong :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        SiteProblem present = random_site(12, 16, 5, 10);
        present.sequences[4].present[7] = wrong;
        SiteProblem dense = random_site(12, 16, 5, 10);
        dense.sequences[4].dense[7] = wrong;
        SiteProblem drift = random_site(12, 16, 5, 10);
        drift.sequences[4].drift[7] = wrong;
        for (const SiteProblem* const site : {&present, &dense, &drift}) {
            for (const char* const name : {"alps", "admm", "wanda"}) {
                try {
                    test::prune_site(*find_pruner(name), *site, {{0.5, {}}, {0.5, 0.5}});
                    ADD_FAILURE() << name << " made no error of " << wrong;
                } catch (const support::Error& error) {
                    EXPECT_TRUE(error.agreed());
                    EXPECT_EQ(error.status(), support::ExitStatus::failed);
                }
            }
        }
    }
}

}  // namespace
}  // namespace alphaprune::pruning
