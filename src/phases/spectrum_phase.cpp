#include "alphaprune/phases/spectrum_phase.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <mutex>
#include <thread>

#include "alarm_watch.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/parallel/work_counter.hpp"
#include "alphaprune/support/bytes.hpp"
#include "alphaprune/support/clock.hpp"
#include "alphaprune/support/message.hpp"
#include "alphaprune/support/stop.hpp"
#include "card_worker.hpp"
#include "group_worker.hpp"

namespace alphaprune::spectrum {

static void visit_fields(auto& bytes, support::FieldsOf<MatrixSpectrum> auto& matrix) {
    bytes(matrix.metrics.values, matrix.solver, matrix.failed_solver, matrix.in_single,
          matrix.group_ranks, matrix.seconds, matrix.owner);
}

}  // namespace alphaprune::spectrum

namespace alphaprune::phases {
namespace {

const support::Failure<std::string, std::string> kNoTime{
    "phases.no-matrix-in-time",
    "no matrix can be done in the time there is: the quickest one left takes about {}, and there "
    "are {}",
    "each attempt would end before it has got any further",
    "give the job more time (--max-time, sbatch --time)"};

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
          groups_(form_groups(ranks, ranks.split_by_node(), plan, options.card.has_value())),
          counter_(ranks, static_cast<int>(plan.stages.size())) {}

    void work_through() {
        const AlarmWatch watch(counter_);
        for (std::size_t stage = 0; stage < plan_.stages.size(); ++stage) {
            const StageGroup& group = groups_[stage];
            if (!group.works) {
                continue;
            }
            if (options_.card && group.ranks.size() == 1) {
                work_on_card(stage);
            } else if (plan_.threads > 1 && group.ranks.size() == 1) {
                work_in_threads(stage);
            } else {
                work_off(stage, 1);
            }
        }
        watch_until_done();
    }

    /// By all ranks, in this attempt.
    std::int64_t matrices_done() const { return counter_.items_done(); }
    /// On this rank.
    bool has_failed() const { return !faults_.empty(); }
    /// Whether matrices were left undone on this rank that could not have ended in time.
    bool no_time() const { return no_time_; }
    /// What went wrong on this rank.
    std::optional<support::Error> error() const {
        return stopped_ && faults_.empty() ? std::optional(support::stop_error()) : faults_.error();
    }

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

    /// As many at a time as the card works on, each taken when there is room for it.
    void work_on_card(std::size_t stage) {
        const auto& matrices = plan_.stages[stage].matrices;
        const auto items = static_cast<std::int64_t>(matrices.size());
        GroupWorker processor(groups_[stage].ranks, rank_, catalogue_, options_, results_);
        CardWorker worker(make_card_pipeline(*options_.card, catalogue_, matrices), processor,
                          rank_, catalogue_, options_, results_);
        bool more = true;
        while (more || !worker.is_idle()) {
            if (!more || !worker.has_room()) {
                count([&] {
                    worker.finish_one();
                    return true;
                });
                continue;
            }
            const std::int64_t item = counter_.next(static_cast<int>(stage));
            more = item < items;
            if (more) {
                count([&] {
                    const auto& matrix = matrices[static_cast<std::size_t>(item)];
                    if (!is_to_be_solved(matrix)) {
                        throw support::stop_error();
                    }
                    return worker.take(matrix);
                });
            }
        }
    }

    /// @param work  returns whether a matrix is done; what it throws was about one that is not
    template <class Work>
    void count(Work&& work) {
        support::FirstError problem;
        bool is_done = false;
        if (!problem.guard([&] { is_done = work(); })) {
            note(*problem.get());
            counter_.item_skipped();
        } else if (is_done) {
            counter_.item_done();
        }
        tell_progress();
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
            no_time_ = true;
            return false;
        }
        return true;
    }

    void take(GroupWorker& worker, const parallel::Communicator& group,
              const planning::PlannedMatrix& matrix) {
        const bool solves =
            from_leader(group, group.is_root() && is_to_be_solved(matrix) ? 1 : 0) != 0;
        support::FirstError problem;
        const bool done = problem.guard([&] {
            if (!solves) {
                throw support::stop_error();
            }
            worker.solve(matrix);
        });
        if (!done) {
            note(*problem.get());
        }
        if (group.is_root()) {
            done ? counter_.item_done() : counter_.item_skipped();
        }
        if (plan_.threads == 1) {
            tell_progress();
        }
    }

    void note(const support::Error& error) {
        const std::lock_guard one_at_a_time(mutex_);
        if (error.status() == support::ExitStatus::stopped) {
            stopped_ = true;
            return;
        }
        faults_.add(error);
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
    std::mutex mutex_;  ///< of the next two
    support::FaultList faults_;
    bool stopped_ = false;               ///< matrices were left undone on request
    std::atomic<bool> no_time_ = false;  ///< or because they could not have ended in time
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

/// Every rank's results on every rank.
void share_results(const parallel::Communicator& ranks,
                   std::vector<spectrum::MatrixSpectrum>& matrices) {
    support::ByteWriter mine;
    for (std::size_t m = 0; m < matrices.size(); ++m) {
        if (matrices[m].owner == ranks.rank()) {
            mine(m, matrices[m]);
        }
    }
    for (const std::string& of_rank : ranks.all_gather_texts(mine.take())) {
        for (support::ByteReader bytes(of_rank); !bytes.empty();) {
            const auto m = bytes.get<std::size_t>();
            bytes(matrices.at(m));
        }
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
    run.work_through();
    if (ranks.any(run.no_time())) {  // now that all have done what they could
        require_progress(ranks, run, plan);
        support::request_stop("the time left is too short for the matrices that remain");
    }
    parallel::agree(ranks, run.error());
    share_results(ranks, results.matrices);
    return results;
}

}  // namespace alphaprune::phases
