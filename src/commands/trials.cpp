#include "trials.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <string_view>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/phases/prune_phase.hpp"
#include "alphaprune/support/machine.hpp"
#include "stages.hpp"

namespace alphaprune::commands {
namespace {

/// Iterations that decide between candidates; the final pruning goes on until it has settled.
constexpr int kIterations = 60;

/// Of a file's sequences the last third is scored, the others give statistics. In one piece: the
/// neighbours of a sequence of the same book, which share its names and subjects, foretell it.
constexpr std::int64_t kOneOf = 3;

}  // namespace

bool is_of_the_pruner(const support::Error& error) {
    return error.status() == support::ExitStatus::failed &&
           std::ranges::all_of(error.faults(), [](const support::Fault& fault) {
               return fault.message.starts_with("pruning.") ||
                      fault.message == "phases.weights-beyond-range";
           });
}

std::vector<planning::TrialTask> planned_trials(const cli::Options& options,
                                                const model::Catalogue& catalogue) {
    std::vector<planning::TrialTask> trials;
    if (options.leaves_settings_open()) {
        trials.push_back(planned_settings_trials(options, catalogue));
    }
    if (options.allocation->is_searched()) {
        trials.push_back(planned_search_trials(options));
    }
    return trials;
}

Trials::Trials(Job& job, const Inputs& inputs, const planning::TrialTask& plan,
               const cli::Options& options)
    : job_(job), options_(options), inputs_(inputs), plan_(plan) {
    const model::CalibrationSet& calibration = inputs.calibration;
    const std::int64_t taken = std::min(plan.sequences, calibration.sequences.count());
    sequences_.length = calibration.sequences.length;
    const auto files = std::span(calibration.file_of).first(static_cast<std::size_t>(taken));
    std::map<int, std::int64_t> seen;  // of each file
    for (std::int64_t s = 0; s < taken; ++s) {
        const auto ids = calibration.sequences.sequence(s);
        sequences_.ids.insert(sequences_.ids.end(), ids.begin(), ids.end());
        const int file = files[static_cast<std::size_t>(s)];
        const std::int64_t of_file = std::ranges::count(files, file);
        const bool scored = ++seen[file] > of_file - of_file / kOneOf;
        held_out_.push_back(scored ? 1 : 0);
        scored_ += scored ? 1 : 0;
    }
    if (scored_ == 0) {  // many files, of each a sequence or two
        held_out_.back() = 1;
        scored_ = 1;
    }
}

std::string Trials::about() const {
    return fmt::format("{} calibration sequences give statistics, {} are held out and scored",
                       sequences_.count() - scored_, scored_);
}

std::vector<double> Trials::perplexities(std::span<const Candidate> candidates, const Told& told) {
    std::map<int, double> known = job_.journal->earlier().trials;
    const int first = job_.trials;
    const auto groups = static_cast<std::size_t>(groups_for(candidates.size()));
    std::vector<double> values;
    bool more = true;
    while (values.size() < candidates.size() && (more || known.contains(job_.trials))) {
        if (!known.contains(job_.trials)) {
            std::vector<NumberedCandidate> next;
            for (std::size_t i = values.size(); i < candidates.size() && next.size() < groups;
                 ++i) {
                const int number = first + static_cast<int>(i);
                if (!known.contains(number)) {
                    next.push_back({number, &candidates[i]});
                }
            }
            const std::vector<double> found = side_by_side(next);
            for (std::size_t i = 0; i < next.size(); ++i) {
                known[next[i].number] = found[i];
            }
        }
        const double value = known.at(job_.trials);
        more = told(candidates[values.size()], value) && more;
        values.push_back(value);
        ++job_.trials;
    }
    return values;
}

/// As many groups as have the memory for a model each.
int Trials::groups_for(std::size_t candidates) const {
    constexpr double kShareOfMemory = 0.8;
    planning::RunTask task;
    add_pruning(task, options_, job_.catalogue);
    task.calibration = sequences_;
    task.threads = inputs_.nodes.threads().size();
    const int ranks = job_.ranks.size();
    const int on_node = inputs_.nodes.node().size();
    const double room = kShareOfMemory * static_cast<double>(support::available_memory());
    int groups = std::min(ranks, static_cast<int>(candidates));
    for (; groups > 1; --groups) {
        const int of_group = ranks / groups;
        planning::Cluster cluster{of_group, std::min(of_group, on_node), {}};
        cluster.cards_per_node = inputs_.forward.card ? cluster.ranks_per_node : 0;
        const auto needed = planning::calibration_memory(job_.catalogue, task, cluster);
        if (static_cast<double>(needed.total()) * on_node <= room) {
            break;
        }
    }
    return job_.ranks.min(groups);
}

std::vector<double> Trials::side_by_side(std::span<const NumberedCandidate> candidates) const {
    const auto groups = static_cast<int>(candidates.size());
    if (groups == 1) {
        const int number = candidates.front().number;
        const double value = try_one(job_.ranks, inputs_.nodes, *candidates.front().candidate);
        parallel::run_on_root(job_.ranks, [&] { job_.journal->add_trial(number, value); });
        return {value};
    }
    const int rank = job_.ranks.rank();
    const int group = static_cast<int>(std::int64_t{rank} * groups / job_.ranks.size());
    const parallel::Communicator ranks = job_.ranks.split(group, rank);
    const parallel::NodeMap nodes(ranks, inputs_.nodes.shared_threads());
    // Each value from the first rank of its group, zero from all others: adding those changes none.
    std::vector<double> values(candidates.size());
    parallel::run_collectively(job_.ranks, [&] {
        const auto own = static_cast<std::size_t>(group);
        const auto& [number, candidate] = candidates[own];
        const double value = try_one(ranks, nodes, *candidate);
        if (ranks.is_root()) {  // at once: other groups may not come to their end
            job_.journal->add_trial(number, value);
            values[own] = value;
        }
    });
    job_.ranks.all_reduce_sum(std::span(values));
    return values;
}

double Trials::try_one(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                       const Candidate& candidate) const {
    pruning::PrunerSettings settings = candidate.settings;
    settings.most_iterations = kIterations;
    // Smaller groups are made only where there is room for all at once.
    std::span<const std::vector<std::size_t>> turns;
    if (ranks.size() == job_.ranks.size()) {
        turns = inputs_.memory.turns;
    }
    try {
        const std::vector<double> losses =
            phases::losses_after_pruning(ranks, nodes, job_.catalogue,
                                         {.pruner = *options_.pruner,
                                          .settings = settings,
                                          .targets = candidate.targets,
                                          .calibration = sequences_,
                                          .site_order = site_order(options_),
                                          .turns = turns,
                                          .held_out = held_out_,
                                          .most_blocks = plan_.blocks,
                                          .mask = inputs_.mask ? &*inputs_.mask : nullptr,
                                          .forward = inputs_.calibration_forward()});
        return std::exp(std::accumulate(losses.begin(), losses.end(), 0.0) /
                        static_cast<double>(losses.size()));
    } catch (const support::Error& error) {  // the same on all ranks of the group
        if (!is_of_the_pruner(error)) {
            throw;
        }
        return std::numeric_limits<double>::infinity();
    }
}

}  // namespace alphaprune::commands
