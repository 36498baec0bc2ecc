#pragma once

#include <span>

#include "alphaprune/report/run_report.hpp"
#include "stages.hpp"

namespace alphaprune::commands {

/// An epsilon for one run of a sweep, and how it was found.
struct ChosenEpsilon {
    double epsilon = 0;
    report::EpsilonChoiceReport choice;
};

/// What trying these values takes.
planning::TrialTask planned_epsilon_trials(std::span<const double> epsilons);

/// Prunes with the ratios of each epsilon, with statistics of some of the calibration sequences,
/// and takes the one with the least perplexity on the others; of equal ones the first. What the
/// sweep's journal knows is not tried again. Collective. @throws Error on all ranks
/// @param sweep    whose journal and counter of trials are used
/// @param inputs   of the point
/// @param point    its options
/// @param spectra  where its allocation follows a metric
/// @pre  the allocation has a band, the pruner looks at activations, there are kFewestForTrials
///       sequences
ChosenEpsilon choose_epsilon(Job& sweep, const Inputs& inputs, const cli::Options& point,
                             std::span<const double> epsilons, const Spectra& spectra);

}  // namespace alphaprune::commands
