#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "alphaprune/support/log.hpp"
#include "alphaprune/support/message.hpp"
#include "stages.hpp"
#include "trials.hpp"

namespace alphaprune::commands {
namespace {

const support::Warning<std::string, std::int64_t> kFewToChooseOn{
    "commands.few-sequences-to-choose-on",
    "{}: the settings that were left to the program are its defaults, and were not tried",
    "choosing takes {} calibration sequences, some of which are held out",
    "give a longer text, more --nsamples, or the settings themselves"};

/// Of the targets and of the damping, each from what fits the calibration text least.
constexpr std::array kTargets{0.25, 0.5, 0.75, 1.0};
constexpr std::array kDampings{0.3, 0.1, 0.03};
/// A setting that fits harder has to be better by so much.
constexpr double kWorthwhile = 0.01;

std::string text_of(const pruning::PrunerSettings& settings) {
    return fmt::format("dense target {}, residual target {}, damping {}", settings.outputs.dense,
                       settings.outputs.residual, settings.damping);
}

/// The trials of one run of the program.
class SettingsChoice {
  public:
    SettingsChoice(Job& job, const Inputs& inputs)
        : plan_(planned_settings_trials(job.options, job.catalogue)),
          trials_(job, inputs, plan_),
          targets_(targets_of(job.options, job.catalogue,
                              std::vector<double>(job.catalogue.matrices.size(),
                                                  job.options.ratios.sparsity_ratio))),
          chosen_{job.options.pruner_settings()} {
        support::log_info(fmt::format("settings: {} trials on the first {} blocks; {}",
                                      plan_.candidates, *plan_.blocks, trials_.about()));
    }

    /// Tries values of one setting, the others as chosen so far, and takes the first that is almost
    /// as good as the best.
    template <class Values, class Set>
    void choose(const Values& values, Set set) {
        std::vector<pruning::PrunerSettings> settings;
        for (const double value : values) {
            settings.push_back(chosen_.settings);
            set(settings.back(), value);
        }
        const std::vector<double> perplexities = perplexities_of(settings);
        const double best = *std::ranges::min_element(perplexities);
        const auto first = std::ranges::find_if(perplexities, [&](double perplexity) {
            return perplexity <= best * (1 + kWorthwhile);
        });
        chosen_.settings = settings[static_cast<std::size_t>(first - perplexities.begin())];
    }

    ChosenSettings take() {
        support::log_info(fmt::format("settings: chosen {}", text_of(chosen_.settings)));
        return std::move(chosen_);
    }

  private:
    /// Of those that were tried before, as then.
    std::vector<double> perplexities_of(std::span<const pruning::PrunerSettings> settings) {
        const auto known = [&](const pruning::PrunerSettings& one) {
            return std::ranges::find_if(chosen_.trials, [&](const SettingsTrial& trial) {
                return trial.settings.outputs.dense == one.outputs.dense &&
                       trial.settings.outputs.residual == one.outputs.residual &&
                       trial.settings.damping == one.damping;
            });
        };
        std::vector<Candidate> unknown;
        for (const pruning::PrunerSettings& one : settings) {
            if (known(one) == chosen_.trials.end()) {
                unknown.push_back({one, targets_});
            }
        }
        trials_.perplexities(unknown, [&](const Candidate& candidate, double perplexity) {
            chosen_.trials.push_back({candidate.settings, perplexity});
            support::log_info(fmt::format("settings: {}: perplexity {:.5g}",
                                          text_of(candidate.settings), perplexity));
            return true;
        });
        std::vector<double> perplexities;
        for (const pruning::PrunerSettings& one : settings) {
            perplexities.push_back(known(one)->perplexity);
        }
        return perplexities;
    }

    planning::TrialTask plan_;
    Trials trials_;
    std::vector<pruning::PruneTarget> targets_;
    ChosenSettings chosen_;
};

}  // namespace

planning::TrialTask planned_settings_trials(const cli::Options& options,
                                            const model::Catalogue& catalogue) {
    constexpr std::int64_t kSequences = 48;
    constexpr int kPartOfBlocks = 16;
    constexpr int kFewestBlocks = 2;
    const bool targets = !options.dense_target || !options.residual_target;
    const std::size_t dampings = options.damping ? 0 : kDampings.size() - (targets ? 1 : 0);
    const int blocks = static_cast<int>(catalogue.prunable_blocks().size());
    return {static_cast<int>((targets ? kTargets.size() : 0) + dampings), kSequences,
            std::max(kFewestBlocks, blocks / kPartOfBlocks)};
}

ChosenSettings choose_settings(Job& job, const Inputs& inputs) {
    const cli::Options& options = job.options;
    if (!options.leaves_settings_open()) {
        return {options.pruner_settings()};
    }
    if (const std::int64_t count = inputs.calibration.sequences.count(); count < kFewestForTrials) {
        return {options.pruner_settings(),
                {},
                {kFewToChooseOn(text_of(options.pruner_settings()), kFewestForTrials)}};
    }
    return job.clock.measure("settings", [&] {
        SettingsChoice choice(job, inputs);
        if (!options.dense_target || !options.residual_target) {
            choice.choose(kTargets, [&](pruning::PrunerSettings& settings, double value) {
                settings.outputs = {options.dense_target.value_or(value),
                                    options.residual_target.value_or(value)};
            });
        }
        if (!options.damping) {
            choice.choose(kDampings, [](pruning::PrunerSettings& settings, double value) {
                settings.damping = value;
            });
        }
        return choice.take();
    });
}

}  // namespace alphaprune::commands
