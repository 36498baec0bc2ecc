#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

#include "alphaprune/model/family.hpp"
#include "forecast_parts.hpp"

namespace alphaprune::planning {
namespace {

using linalg::ForwardPrecision;

constexpr std::int64_t kSequences = 128;
constexpr std::int64_t kTokens = 2048;
const Cluster kOneCard{1, 1, {}, 1, {}};

RunTask card_task(std::string_view pruner, ForwardPrecision precision = ForwardPrecision::bf16x2) {
    RunTask task;
    task.computes_spectra = false;
    task.threads = 16;
    task.pruner = pruning::find_pruner(pruner);
    task.forward_precision = precision;
    task.calibration = {kSequences, kTokens};
    return task;
}

/// Seconds of a block's steps on a card.
struct Steps {
    double gather = 0;
    double prune = 0;
    double forward = 0;
};

Steps steps_of(const char* shape, const RunTask& task, const Cluster& cluster = kOneCard) {
    const model::Catalogue catalogue = model::synthetic_catalogue(*model::shape_named(shape));
    const transformer::ForwardPlan plan = transformer::make_forward_plan(catalogue);
    const CardRates card = card_rates({});
    const TeamPlan teams = plan_teams(cluster, task.calibration.count());
    const auto pass = [&](bool observes) {
        return static_cast<double>(teams.rounds()) *
               card_pass_seconds(plan, 0, kTokens, task.forward_precision, card, observes);
    };
    Steps steps{pass(true), 0, pass(false)};
    for (const pruning::SiteCost& site : block_work(plan, 0, task, cluster, teams).pruned) {
        pruning::SiteCost gathering;
        gathering.sum_flops = site.sum_flops;
        gathering.bytes_moved = site.bytes_moved;
        pruning::SiteCost pruning = site;
        pruning.sum_flops = 0;
        pruning.bytes_moved = 0;
        steps.gather += card_seconds(gathering, task.forward_precision, card);
        steps.prune += card_seconds(pruning, task.forward_precision, card);
    }
    return steps;
}

void expect_near(double predicted, double measured, const char* what) {
    EXPECT_GT(predicted, 0.75 * measured) << what;
    EXPECT_LT(predicted, 1.25 * measured) << what;
}

void expect_steps(const Steps& predicted, const Steps& measured) {
    expect_near(predicted.gather, measured.gather, "gather");
    expect_near(predicted.prune, measured.prune, "prune");
    expect_near(predicted.forward, measured.forward, "forward");
}

// As measured with benchmarks/card_forward on one H200 (docs/performance.md).
TEST(CardForecast, AWandaBlockTakesWhatItWasMeasuredToTake) {
    expect_steps(steps_of("7b", card_task("wanda")), {0.352, 0.011, 0.391});
    expect_steps(steps_of("70b", card_task("wanda")), {1.161, 0.024, 1.389});
    expect_steps(steps_of("7b", card_task("wanda", ForwardPrecision::bf16)), {0.192, 0.011, 0.202});
    expect_steps(steps_of("70b", card_task("wanda", ForwardPrecision::bf16)),
                 {0.587, 0.028, 0.712});
}

TEST(CardForecast, ASparseGptBlockTakesWhatItWasMeasuredToTake) {
    expect_steps(steps_of("7b", card_task("sparsegpt")), {0.679, 0.225, 0.396});
    expect_steps(steps_of("70b", card_task("sparsegpt")), {2.72, 1.455, 1.42});
}

TEST(CardForecast, AnAlpsBlockTakesWhatItWasMeasuredToTake) {
    expect_steps(steps_of("7b", card_task("alps")), {0.679, 4.72, 0.397});
}

/// The phases of a run of some blocks of 7b from made-up weights.
RunForecast run_of(const Cluster& cluster, const RunTask& task, int blocks = 1) {
    CostModel model;
    model.generated = true;
    model.rates.generate_gbps = 0.55;  // as there
    model::NamedShape shape = *model::shape_named("7b");
    shape.blocks = blocks;
    const model::Catalogue catalogue = model::synthetic_catalogue(shape);
    return forecast(catalogue, cluster, model, task);
}

PhaseForecast calibration_of(const RunForecast& run) {
    for (const PhaseForecast& phase : run.phases) {
        if (phase.phase == Phase::calibrate) {
            return phase;
        }
    }
    ADD_FAILURE() << "no calibration";
    return {};
}

TEST(CardForecast, TargetsTakeThePassesOfTwoModels) {
    RunTask task = card_task("alps");
    const double plain = calibration_of(run_of(kOneCard, task)).seconds;
    task.settings.outputs = {1, 1};
    const RunForecast run = run_of(kOneCard, task);
    EXPECT_GT(calibration_of(run).seconds, 1.2 * plain);
    double pruning = 0;
    for (const PhaseForecast& phase : run.phases) {
        pruning += phase.phase == Phase::start ? 0 : phase.seconds;
    }
    expect_near(pruning, 8.27, "whole");
}

TEST(CardForecast, CardsShareSequencesAndRowsButFactorEveryHessian) {
    const RunTask task = card_task("sparsegpt");
    const Steps one = steps_of("70b", task);
    const Steps eight = steps_of("70b", task, {8, 8, {}, 8, {}});
    EXPECT_NEAR(eight.gather, one.gather / 8, 1e-9);
    EXPECT_NEAR(eight.forward, one.forward / 8, 1e-9);
    EXPECT_GT(eight.prune, one.prune / 8);
    EXPECT_LT(eight.prune, one.prune / 2);
    // Sums travel through the memory of the node, and between nodes.
    const auto seconds_with = [&](const char* method, double network) {
        CostModel model;
        model.rates.network_gbps = network;
        model.rates.read_gbps = 1e6;
        model.rates.storage_gbps = 1e6;
        const model::Catalogue catalogue = model::synthetic_catalogue(*model::shape_named("7b"));
        return calibration_of(forecast(catalogue, {16, 8, {}, 8, {}}, model, card_task(method)))
            .seconds;
    };
    double bytes = 0;  // 8 for every second pair of inputs, there and back
    for (const double cols : {4096.0, 4096.0, 4096.0, 11008.0}) {
        bytes += 32 * 2 * 4 * cols * cols;
    }
    const auto saved_by = [&](const char* method) {
        return seconds_with(method, 10) - seconds_with(method, 20);
    };
    EXPECT_NEAR(saved_by("alps") - saved_by("wanda"), bytes / 10e9 - bytes / 20e9,
                0.02 * bytes / 20e9);
}

TEST(CardForecast, ProcessorsDoItWhereRanksLackACard) {
    const RunTask task = card_task("wanda", ForwardPrecision::float32);
    const PhaseForecast without = calibration_of(run_of({4, 4, {}}, task));
    const PhaseForecast with_some = calibration_of(run_of({4, 4, {}, 2, {}}, task));
    EXPECT_EQ(with_some.seconds, without.seconds);
    EXPECT_EQ(with_some.card.total(), 0U);
    EXPECT_LT(calibration_of(run_of({4, 4, {}, 4, {}}, task)).seconds, without.seconds / 10);
}

/// Before statistics come in turns.
TEST(CardForecast, HiddenStatesThatDoNotFitStayOnTheHost) {
    const RunTask task = card_task("sparsegpt");
    const model::Catalogue catalogue = model::synthetic_catalogue(*model::shape_named("7b"));
    const CalibrationMemory roomy = calibration_memory(catalogue, task, kOneCard);
    EXPECT_FALSE(roomy.states_on_card);
    EXPECT_EQ(roomy.card.spilled, 0U);
    constexpr std::uint64_t kState = std::uint64_t{kTokens} * 4096 * 4;
    Cluster small = kOneCard;
    small.card_memory = roomy.card.total() - kState;
    const CalibrationMemory some = calibration_memory(catalogue, task, small);
    EXPECT_EQ(some.states_on_card, kSequences - 2);  // one more visits
    EXPECT_EQ(some.card.spilled, 2 * kState);
    EXPECT_EQ(some.card.total(), *small.card_memory);
    EXPECT_EQ(some.turns, roomy.turns);
    EXPECT_EQ(some.activations, roomy.activations + some.card.spilled);
    small.card_memory = roomy.card.total() - roomy.card.states;
    const CalibrationMemory none = calibration_memory(catalogue, task, small);
    EXPECT_EQ(none.states_on_card, 0);
    EXPECT_EQ(none.card.states, kState);
    EXPECT_GT(calibration_of(run_of(small, task)).seconds,
              calibration_of(run_of(kOneCard, task)).seconds);
}

TEST(CardForecast, MemoryOfACardIsWhatItHolds) {
    const RunTask task = card_task("sparsegpt");
    const CardMemory card = calibration_of(run_of(kOneCard, task)).card;
    constexpr std::uint64_t kWeights = 4 * 4096 * 4096 + 3 * 4096 * 11008;
    // Twice more of what has up to 8192 inputs; and two norms.
    constexpr std::uint64_t kDoubled = 4 * 4096 * 4096 + 2 * 4096 * 11008;
    EXPECT_EQ(card.weights, 2 * (kWeights + 2 * kDoubled) + 4 * 2 * 4096);
    EXPECT_EQ(card.states, std::uint64_t{kSequences * kTokens * 4096 * 4});
    constexpr std::uint64_t kSums = 3 * 4096 * 4096 + 11008 * 11008;
    EXPECT_GE(card.statistics, 12 * kSums);
    EXPECT_LE(card.statistics, 8 * kSums + 24 * std::uint64_t{11008} * 11008 + 4 * kWeights);
    // Of more cards each has fewer states.
    const CardMemory of_many = calibration_of(run_of({8, 8, {}, 8, {}}, task)).card;
    EXPECT_EQ(of_many.states, card.states / 8);
    EXPECT_EQ(of_many.weights, card.weights);
}

TEST(CardForecast, TurnsKeepWithinTheMemoryOfACard) {
    const RunTask task = card_task("sparsegpt");
    model::NamedShape shape = *model::shape_named("7b");
    shape.intermediate = shape.hidden;  // four sites alike, none of which needs most by itself
    const model::Catalogue catalogue = model::synthetic_catalogue(shape);
    const CalibrationMemory all = calibration_memory(catalogue, task, kOneCard);
    EXPECT_EQ(all.turns.front().size(), 1U);
    Cluster small = kOneCard;
    small.card_memory = all.card.total() - all.card.states;  // and one sequence visits
    const CalibrationMemory turns = calibration_memory(catalogue, task, small);
    EXPECT_GT(turns.turns.front().size(), 1U);
    EXPECT_LE(turns.card.total(), *small.card_memory);
    // The turns that a rank's memory asks for are made on cards, too.
    Cluster asked = kOneCard;
    asked.memory_per_rank = all.card.total() - 1;
    EXPECT_EQ(calibration_memory(catalogue, task, asked).turns, turns.turns);
}

// benchmarks/card_spectra, a matrix of many, eight at a time.
TEST(CardForecast, SpectraTakeWhatTheyWereMeasuredToTake) {
    const CostModel model;
    for (const auto& [rows, cols, seconds] :
         {std::tuple{1024, 8192, 0.0033}, std::tuple{4096, 11008, 0.0195},
          std::tuple{8192, 8192, 0.066}, std::tuple{28672, 8192, 0.091}}) {
        expect_near(model.seconds({rows, cols, 0, linalg::Solver::cuda, 1}), seconds, "spectrum");
    }
}

TEST(CardForecast, CardsComputeSpectra) {
    RunTask task;
    task.prunes = false;
    const RunForecast run = run_of({4, 4, {}, 2, {}}, task, 2);
    ASSERT_EQ(run.spectra.stages.size(), 1U);
    EXPECT_EQ(run.spectra.stages.front().matrices.front().solver, linalg::Solver::cuda);
    const RunForecast more = run_of({4, 4, {}, 4, {}}, task, 2);
    EXPECT_LT(more.spectra.seconds, run.spectra.seconds);
    task.spectra.solver = linalg::Solver::lapack2;
    EXPECT_EQ(run_of({4, 4, {}, 4, {}}, task, 2).spectra.seconds,
              run_of({4, 4, {}}, task, 2).spectra.seconds);
}

}  // namespace
}  // namespace alphaprune::planning
