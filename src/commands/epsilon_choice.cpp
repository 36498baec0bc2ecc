#include "epsilon_choice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/log.hpp"
#include "trials.hpp"

namespace alphaprune::commands {
namespace {

std::string names_of_texts(const cli::Options& options) {
    std::string names;
    for (const cli::CalibrationFile& file : options.calibration) {
        names += (names.empty() ? "" : ", ") + file.path.string();
    }
    return names;
}

}  // namespace

planning::TrialTask planned_epsilon_trials(std::span<const double> epsilons) {
    return {static_cast<int>(epsilons.size()), kSequencesForRatios};
}

ChosenEpsilon choose_epsilon(Job& sweep, const Inputs& inputs, const cli::Options& point,
                             std::span<const double> epsilons, const Spectra& spectra) {
    Trials trials(sweep, inputs, planned_epsilon_trials(epsilons), point);
    const std::vector<Candidate> candidates = parallel::run_collectively(sweep.ranks, [&] {
        const std::vector<allocation::AllocationItem> items =
            allocation_items(point, sweep.catalogue, spectra);
        std::vector<Candidate> all;
        for (const double epsilon : epsilons) {
            allocation::AllocationOptions ratios = point.ratios;
            ratios.epsilon = epsilon;
            const allocation::Allocation allocated =
                point.allocation->allocate({items, ratios, {}, point.method_values});
            all.push_back(
                {point.pruner_settings(), targets_of(point, sweep.catalogue, allocated.ratios)});
        }
        return all;
    });
    support::log_info(fmt::format("epsilon: {} values; {}", epsilons.size(), trials.about()));
    ChosenEpsilon chosen;
    chosen.choice.held_out = fmt::format("{} of {} calibration sequences of {}", trials.scored(),
                                         trials.taken(), names_of_texts(point));
    inputs.nodes.clock().begin_phase();
    sweep.clock.measure("epsilon", [&] {
        trials.perplexities(candidates, [&](const Candidate&, double perplexity) {
            const double epsilon = epsilons[chosen.choice.tried.size()];
            support::log_info(fmt::format("epsilon: {}: perplexity {:.5g}", epsilon, perplexity));
            chosen.choice.tried.push_back({epsilon, perplexity});
            return true;
        });
    });
    chosen.epsilon = std::ranges::min_element(chosen.choice.tried, {},
                                              [](const report::EpsilonTrialReport& trial) {
                                                  return trial.perplexity.value_or(INFINITY);
                                              })
                         ->epsilon;
    support::log_info(fmt::format("epsilon: chosen {}", chosen.epsilon));
    return chosen;
}

}  // namespace alphaprune::commands
