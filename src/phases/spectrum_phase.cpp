#include "alphaprune/phases/spectrum_phase.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <mutex>
#include <new>
#include <thread>

#include "alarm_watch.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/parallel/work_counter.hpp"
#include "alphaprune/support/clock.hpp"
#include "alphaprune/support/message.hpp"
#include "alphaprune/support/stop.hpp"
#include "group_worker.hpp"

namespace alphaprune::phases {
namespace {

const support::Failure<std::string, std::string> kNoTime{
    "phases.no-matrix-in-time",
    "no matrix can be done in the time there is: the quickest one left takes about {}, and there "
    "are {}",
    "each attempt would end before it has got any further",
    "give the job more time (--max-time, sbatch --time)"};

/// What went wrong on this rank.
struct Trouble {
    support::FaultList faults;
    bool stopped = false;               ///< matrices were left undone on request
    std::atomic<bool> no_time = false;  ///< or because they could not have ended in time

    std::optional<support::Error> error() const {
        const auto all = faults.error();
        return stopped && !all ? std::optional(support::stop_error()) : all;
    }
};

std::int64_t planned_matrices(const planning::ShardPlan& plan) {
    std::int64_t matrices = 0;
    for (const planning::ShardStage& stage : plan.stages) {
        matrices += static_cast<std::int64_t>(stage.matrices.size());
    }
    return matrices;
}

/// What the group's leader says, all of the group hear.
std::int64_t from_leader(const parallel::Communicator& group, std::int64_t value) {
    group.broadcast(std::span(&value, 1));
    return value;
}

/// The items of one stage as the leader of a group takes them: one ahead, so that it can be fetched
/// while the other is worked on, but for the last rounds, when an item that waits for this group
/// might be done by another.
class ItemQueue {
  public:
    ItemQueue(parallel::WorkCounter& counter, int stage, std::int64_t total, int groups)
        : counter_(counter), stage_(stage), total_(total), groups_(groups) {}

    std::int64_t next() {
        const std::int64_t item = ahead_ ? *ahead_ : counter_.next(stage_);
        constexpr int kLastRounds = 2;
        ahead_.reset();
        if (item + kLastRounds * groups_ < total_) {
            ahead_ = counter_.next(stage_);
        }
        return item;
    }
    /// The one after, when it is known and there is one.
    std::optional<std::int64_t> ahead() const {
        return ahead_ && *ahead_ < total_ ? ahead_ : std::nullopt;
    }

  private:
    parallel::WorkCounter& counter_;
    int stage_;
    std::int64_t total_;
    int groups_;
    std::optional<std::int64_t> ahead_;
};

/// One rank on its way through the stages.
class SpectrumRun {
  public:
    SpectrumRun(const parallel::Communicator& ranks, const model::Catalogue& catalogue,
                const SpectrumOptions& options, const planning::ShardPlan& plan,
                SpectrumResults& results, const Progress& progress)
        : rank_(ranks.rank()),
          catalogue_(catalogue),
          options_(options),
          plan_(plan),
          results_(results),
          progress_(progress),
          total_(static_cast<std::int64_t>(catalogue.matrices.size())),
          before_(total_ - planned_matrices(plan)),
          groups_(form_groups(ranks, ranks.split_by_node(), plan)),
          counter_(ranks, static_cast<int>(plan.stages.size())) {}

    const Trouble& work_through() {
        const AlarmWatch watch(counter_);
        for (std::size_t stage = 0; stage < plan_.stages.size(); ++stage) {
            if (groups_[stage].works) {
                plan_.threads > 1 && groups_[stage].ranks.size() == 1 ? work_in_threads(stage)
                                                                      : work_off(stage, 1);
            }
        }
        watch_until_done();
        return trouble_;
    }

    /// By all ranks, in this attempt.
    std::int64_t matrices_done() const { return counter_.items_done(); }
    /// On this rank.
    bool has_failed() const { return !trouble_.faults.empty(); }

  private:
    /// Each thread is a worker like a rank of its own; this one looks on.
    void work_in_threads(std::size_t stage) {
        std::vector<std::jthread> workers;
        std::atomic<int> busy = plan_.threads;
        for (int thread = 0; thread < plan_.threads; ++thread) {
            workers.emplace_back([this, stage, &busy] {
                work_off(stage, plan_.threads);
                --busy;
            });
        }
        while (busy > 0) {
            tell_progress();
            std::this_thread::sleep_for(kPause);
        }
    }

    void work_off(std::size_t stage, int workers_of_group) {
        const auto& matrices = plan_.stages[stage].matrices;
        const parallel::Communicator& group = groups_[stage].ranks;
        const auto items = static_cast<std::int64_t>(matrices.size());
        GroupWorker worker(group, rank_, catalogue_, options_, results_);
        ItemQueue queue(counter_, static_cast<int>(stage), items,
                        groups_[stage].groups * workers_of_group);
        for (;;) {
            const std::int64_t item = from_leader(group, group.is_root() ? queue.next() : 0);
            if (item >= items) {
                return;
            }
            if (const auto ahead = queue.ahead()) {
                worker.will_need(matrices[static_cast<std::size_t>(*ahead)]);
            }
            take(worker, group, matrices[static_cast<std::size_t>(item)]);
        }
    }

    /// Once something is wrong on any rank, no matrix is begun; one that cannot end before the
    /// deadline is left for the next attempt.
    bool is_to_be_solved(const planning::PlannedMatrix& matrix) {
        if (support::stop_requested() || counter_.alarm()) {
            return false;
        }
        if (const auto left = support::seconds_left(); left && *left < matrix.seconds) {
            trouble_.no_time = true;
            return false;
        }
        return true;
    }

    void take(GroupWorker& worker, const parallel::Communicator& group,
              const planning::PlannedMatrix& matrix) {
        const bool solves =
            from_leader(group, group.is_root() && is_to_be_solved(matrix) ? 1 : 0) != 0;
        bool done = false;
        try {
            if (!solves) {
                throw support::stop_error();
            }
            worker.solve(matrix);
            done = true;
        } catch (const support::Error& error) {
            note(error);
        } catch (const std::bad_alloc&) {
            note(support::out_of_memory());
        }
        if (group.is_root()) {
            done ? counter_.item_done() : counter_.item_skipped();
        }
        if (plan_.threads == 1) {
            tell_progress();
        }
    }

    void note(const support::Error& error) {
        const std::lock_guard one_at_a_time(trouble_mutex_);
        if (error.status() == support::ExitStatus::stopped) {
            trouble_.stopped = true;
            return;
        }
        trouble_.faults.add(error);
        counter_.raise_alarm();
        support::abandon_work(true);  // of the other threads; the other ranks hear of the alarm
    }

    void tell_progress() const {
        if (progress_) {
            progress_(before_ + counter_.items_done(), total_);
        }
    }

    /// Rank 0 keeps telling how far the others are when it has nothing left to take itself.
    void watch_until_done() const {
        while (progress_ && before_ + counter_.items_done() + counter_.items_skipped() < total_) {
            tell_progress();
            std::this_thread::sleep_for(kPause);
        }
        tell_progress();
    }

    static constexpr std::chrono::milliseconds kPause{5};

    int rank_;
    const model::Catalogue& catalogue_;
    const SpectrumOptions& options_;
    const planning::ShardPlan& plan_;
    SpectrumResults& results_;
    const Progress& progress_;
    std::int64_t total_;
    std::int64_t before_;  ///< done by earlier attempts
    std::vector<StageGroup> groups_;
    parallel::WorkCounter counter_;
    Trouble trouble_;
    std::mutex trouble_mutex_;
};

void take_earlier(const resume::Journal& journal, int rank, SpectrumResults& results) {
    for (const auto& [matrix, known] : journal.earlier().spectra) {
        const auto index = static_cast<std::size_t>(matrix);
        results.matrices[index] = known.spectrum;
        results.matrices[index].owner = rank;
        results.eigenvalues[index] = known.eigenvalues;
    }
}

/// @throws Error (failure) where the next attempt would get no further than this one
void require_progress(const parallel::Communicator& ranks, const SpectrumRun& run,
                      const planning::ShardPlan& plan) {
    if (run.matrices_done() > 0 || ranks.any(support::stop_requested() || run.has_failed())) {
        return;
    }
    double quickest = std::numeric_limits<double>::infinity();
    for (const planning::ShardStage& stage : plan.stages) {
        quickest = std::min(quickest, stage.matrices.back().seconds);
    }
    throw kNoTime("time limit", support::human_duration(quickest),
                  support::human_duration(*support::seconds_left()))
        .mark_agreed();
}

/// Every rank's results on every rank. A matrix is filled in on one rank and zero on the others,
/// so that a sum carries the bits unchanged.
void share_results(const parallel::Communicator& ranks,
                   std::vector<spectrum::MatrixSpectrum>& matrices) {
    constexpr std::size_t kFields = spectrum::kMetrics + 6;
    constexpr double kNone = -1;
    std::vector<double> wire(matrices.size() * kFields);
    for (std::size_t m = 0; m < matrices.size(); ++m) {
        if (matrices[m].owner == ranks.rank()) {
            double* field = &wire[m * kFields];
            field = std::ranges::copy(matrices[m].metrics.values, field).out;
            *field++ = static_cast<double>(matrices[m].solver);
            *field++ = matrices[m].failed_solver
                           ? static_cast<double>(static_cast<int>(*matrices[m].failed_solver))
                           : kNone;
            *field++ = matrices[m].in_single ? 1 : 0;
            *field++ = matrices[m].group_ranks;
            *field++ = matrices[m].owner;
            *field = matrices[m].seconds;
        }
    }
    ranks.all_reduce_sum(std::span(wire));
    for (std::size_t m = 0; m < matrices.size(); ++m) {
        const double* field = &wire[m * kFields];
        std::copy_n(field, spectrum::kMetrics, matrices[m].metrics.values.begin());
        field += spectrum::kMetrics;
        matrices[m].solver = static_cast<linalg::Solver>(static_cast<int>(*field++));
        const double failed = *field++;
        matrices[m].failed_solver =
            failed == kNone ? std::nullopt
                            : std::optional(static_cast<linalg::Solver>(static_cast<int>(failed)));
        matrices[m].in_single = *field++ != 0;
        matrices[m].group_ranks = static_cast<int>(*field++);
        matrices[m].owner = static_cast<int>(*field++);
        matrices[m].seconds = *field;
    }
}

}  // namespace

SpectrumResults compute_spectra(const parallel::Communicator& ranks,
                                const model::Catalogue& catalogue, const SpectrumOptions& options,
                                const planning::ShardPlan& plan, const Progress& progress) {
    constexpr int kNobody = -1;
    SpectrumResults results;
    results.matrices.resize(catalogue.matrices.size());
    results.eigenvalues.resize(catalogue.matrices.size());
    for (spectrum::MatrixSpectrum& matrix : results.matrices) {
        matrix.owner = kNobody;
    }
    if (options.journal != nullptr) {
        take_earlier(*options.journal, ranks.rank(), results);
    }
    const Progress report = ranks.is_root() ? progress : Progress{};
    SpectrumRun run(ranks, catalogue, options, plan, results, report);
    const Trouble& trouble = run.work_through();
    if (ranks.any(trouble.no_time)) {  // now that all have done what they could
        require_progress(ranks, run, plan);
        support::request_stop("the time left is too short for the matrices that remain");
    }
    parallel::agree(ranks, trouble.error());
    share_results(ranks, results.matrices);
    return results;
}

SpectrumResults compute_spectra(const parallel::Communicator& ranks,
                                const model::Catalogue& catalogue, const SpectrumOptions& options,
                                const Progress& progress) {
    return compute_spectra(ranks, catalogue, options, plan_spectra(ranks, catalogue, options),
                           progress);
}

}  // namespace alphaprune::phases
