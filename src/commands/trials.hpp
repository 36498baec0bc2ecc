#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "alphaprune/pruning/pruners.hpp"
#include "inputs.hpp"
#include "job.hpp"

namespace alphaprune::commands {

/// A way to prune the model.
struct Candidate {
    pruning::PrunerSettings settings;
    std::vector<pruning::PruneTarget> targets;  ///< one per matrix
};

/// What the settings that the options leave to the program, and a search for ratios, will try.
std::vector<planning::TrialTask> planned_trials(const cli::Options& options,
                                                const model::Catalogue& catalogue);
/// Those of the settings alone; no candidates where all are given.
planning::TrialTask planned_settings_trials(const cli::Options& options,
                                            const model::Catalogue& catalogue);
/// Those of the search alone. @pre  the allocation is searched for
planning::TrialTask planned_search_trials(const cli::Options& options);

/// Whether what went wrong is that a pruner cannot do what it was asked for.
bool is_of_the_pruner(const support::Error& error);

/// The calibration sequences, at most, with which ratios are tried.
inline constexpr std::int64_t kSequencesForRatios = 96;

/// The fewest calibration sequences with which something can be tried.
inline constexpr std::int64_t kFewestForTrials = 4;

/// Tries candidates without keeping what comes out: the model is pruned with statistics of some of
/// the calibration sequences and scored on others, of every file in proportion. Never on text that
/// the user evaluates on. Groups of ranks try candidates side by side, as many as the memory
/// allows. What an earlier attempt at the run has tried is not tried again. All calls are
/// collective.
class Trials {
  public:
    /// @param plan  the sequences and blocks that a candidate takes
    /// @pre  there are kFewestForTrials sequences; job and inputs outlive the object
    Trials(Job& job, const Inputs& inputs, const planning::TrialTask& plan)
        : Trials(job, inputs, plan, job.options) {}
    /// @param options  by which candidates are pruned, of one point of the sweep that the job is;
    ///                 they outlive the object
    Trials(Job& job, const Inputs& inputs, const planning::TrialTask& plan,
           const cli::Options& options);

    /// Told on every rank, in order, what a candidate's perplexity is; false: no further one is to
    /// be tried.
    using Told = std::function<bool(const Candidate& candidate, double perplexity)>;
    /// The perplexity of each candidate on the held-out sequences, as far as they were tried;
    /// infinite where a pruner cannot do what the candidate asks for. @throws Error on all ranks
    std::vector<double> perplexities(std::span<const Candidate> candidates, const Told& told);

    /// "32 calibration sequences give statistics, 16 are held out and scored"
    std::string about() const;
    std::int64_t scored() const { return scored_; }
    std::int64_t taken() const { return sequences_.count(); }

  private:
    struct NumberedCandidate {
        int number = 0;  ///< of all that the job tries
        const Candidate* candidate = nullptr;
    };

    int groups_for(std::size_t candidates) const;
    /// One candidate for each group of ranks, each value in the journal once its group knows it.
    std::vector<double> side_by_side(std::span<const NumberedCandidate> candidates) const;
    double try_one(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                   const Candidate& candidate) const;

    Job& job_;
    const cli::Options& options_;
    const Inputs& inputs_;
    planning::TrialTask plan_;
    model::TokenSequences sequences_;
    std::vector<std::uint8_t> held_out_;  ///< of them
    std::int64_t scored_ = 0;
};

}  // namespace alphaprune::commands
