#include "alphaprune/schedule/spectrum_phase.hpp"

#include <atomic>
#include <chrono>
#include <mutex>
#include <new>
#include <thread>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/parallel/work_counter.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/machine.hpp"
#include "group_worker.hpp"
#include "stage_group.hpp"

namespace alphaprune {
namespace {

/// What went wrong on this rank.
struct Trouble {
    FaultList faults;
    ExitStatus status = ExitStatus::done;
};

/// What the group's leader says, all of the group hear.
std::int64_t from_leader(const Communicator& group, std::int64_t value) {
    group.broadcast(std::span(&value, 1));
    return value;
}

/// The items of one stage as the leader of a group takes them: one ahead, so that it can be fetched
/// while the other is worked on, but for the last rounds, when an item that waits for this group
/// might be done by another.
class ItemQueue {
  public:
    ItemQueue(WorkCounter& counter, int stage, std::int64_t total, int groups)
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
    WorkCounter& counter_;
    int stage_;
    std::int64_t total_;
    int groups_;
    std::optional<std::int64_t> ahead_;
};

/// One rank on its way through the stages.
class SpectrumRun {
  public:
    SpectrumRun(const Communicator& ranks, const Catalogue& catalogue,
                const SpectrumOptions& options, const ShardPlan& plan, SpectrumResults& results,
                const Progress& progress)
        : rank_(ranks.rank()),
          catalogue_(catalogue),
          options_(options),
          plan_(plan),
          results_(results),
          progress_(progress),
          total_(static_cast<std::int64_t>(catalogue.matrices.size())),
          groups_(form_groups(ranks, ranks.split_by_node(), plan)),
          counter_(ranks, static_cast<int>(plan.stages.size())) {}

    Trouble work_through() {
        for (std::size_t stage = 0; stage < plan_.stages.size(); ++stage) {
            if (groups_[stage].works) {
                groups_[stage].ranks.size() == 1 && options_.threads > 1 ? work_in_threads(stage)
                                                                         : work_off(stage, 1);
            }
        }
        watch_until_done();
        return trouble_;
    }

  private:
    /// Each thread is a worker like a rank of its own; this one looks on.
    void work_in_threads(std::size_t stage) {
        std::vector<std::jthread> workers;
        std::atomic<int> busy = options_.threads;
        for (int thread = 0; thread < options_.threads; ++thread) {
            workers.emplace_back([this, stage, &busy] {
                work_off(stage, options_.threads);
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
        const Communicator& group = groups_[stage].ranks;
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

    void take(GroupWorker& worker, const Communicator& group, const PlannedMatrix& matrix) {
        const bool alarmed = from_leader(group, group.is_root() && counter_.alarm() ? 1 : 0) != 0;
        try {
            alarmed ? worker.only_check(matrix) : worker.solve(matrix);
        } catch (const Error& error) {
            note(error);
        } catch (const std::bad_alloc&) {
            note(failure("out of memory", host_name(), "use fewer ranks on each node"));
        }
        if (group.is_root()) {
            counter_.item_done();
        }
        if (options_.threads == 1) {
            tell_progress();
        }
    }

    void note(const Error& error) {
        const std::lock_guard one_at_a_time(trouble_mutex_);
        trouble_.faults.add(error);
        trouble_.status = std::max(trouble_.status, error.status());
        counter_.raise_alarm();
    }

    /// Matrices that all ranks have done so far.
    std::int64_t tell_progress() const {
        const std::int64_t done = progress_ ? counter_.items_done() : total_;
        if (progress_) {
            progress_(done, total_);
        }
        return done;
    }

    /// Rank 0 keeps telling how far the others are when it has nothing left to take itself.
    void watch_until_done() const {
        while (tell_progress() < total_) {
            std::this_thread::sleep_for(kPause);
        }
    }

    static constexpr std::chrono::milliseconds kPause{5};

    int rank_;
    const Catalogue& catalogue_;
    const SpectrumOptions& options_;
    const ShardPlan& plan_;
    SpectrumResults& results_;
    const Progress& progress_;
    std::int64_t total_;
    std::vector<StageGroup> groups_;
    WorkCounter counter_;
    Trouble trouble_;
    std::mutex trouble_mutex_;
};

/// Every rank's results on every rank. A matrix is filled in on one rank and zero on the others,
/// so that a sum carries the bits unchanged.
void share_results(const Communicator& ranks, std::vector<MatrixSpectrum>& matrices) {
    constexpr std::size_t kFields = kMetrics + 5;
    std::vector<double> wire(matrices.size() * kFields);
    for (std::size_t m = 0; m < matrices.size(); ++m) {
        if (matrices[m].owner == ranks.rank()) {
            double* field = &wire[m * kFields];
            field = std::ranges::copy(matrices[m].metrics.values, field).out;
            *field++ = static_cast<double>(matrices[m].solver);
            *field++ = matrices[m].in_single ? 1 : 0;
            *field++ = matrices[m].group_ranks;
            *field++ = matrices[m].owner;
            *field = matrices[m].seconds;
        }
    }
    ranks.all_reduce_sum(std::span(wire));
    for (std::size_t m = 0; m < matrices.size(); ++m) {
        const double* field = &wire[m * kFields];
        std::copy_n(field, kMetrics, matrices[m].metrics.values.begin());
        field += kMetrics;
        matrices[m].solver = static_cast<Solver>(static_cast<int>(*field++));
        matrices[m].in_single = *field++ != 0;
        matrices[m].group_ranks = static_cast<int>(*field++);
        matrices[m].owner = static_cast<int>(*field++);
        matrices[m].seconds = *field;
    }
}

}  // namespace

ShardPlan plan_spectra(const Communicator& ranks, const Catalogue& catalogue,
                       const SpectrumOptions& options) {
    // Threads count as ranks of their own, which share the memory of theirs.
    const bool spread =
        options.solver && works_on_groups(*options.solver) && *options.solver != Solver::two_stage;
    const int threads = spread ? 1 : options.threads;
    Cluster cluster{ranks.size() * threads, ranks.max(ranks.split_by_node().size()) * threads,
                    options.memory_per_rank};
    if (cluster.memory_per_rank) {
        *cluster.memory_per_rank /= static_cast<std::uint64_t>(threads);
    }
    CostModel costs = options.costs;
    costs.precision = options.precision;
    costs.generated = catalogue.origin == WeightOrigin::synthetic;
    // The same arguments and elementary arithmetic on every rank: the same plan.
    return together(ranks, [&] {
        return make_shard_plan(shapes_of(catalogue), cluster, costs,
                               {options.solver, threads > 1 ? 1 : options.group_ranks});
    });
}

SpectrumResults compute_spectra(const Communicator& ranks, const Catalogue& catalogue,
                                const SpectrumOptions& options, const ShardPlan& plan,
                                const Progress& progress) {
    constexpr int kNobody = -1;
    SpectrumResults results;
    results.matrices.resize(catalogue.matrices.size());
    results.eigenvalues.resize(catalogue.matrices.size());
    for (MatrixSpectrum& matrix : results.matrices) {
        matrix.owner = kNobody;
    }
    const Progress report = ranks.is_root() ? progress : Progress{};
    SpectrumRun run(ranks, catalogue, options, plan, results, report);
    const Trouble trouble = run.work_through();
    agree(ranks, trouble.faults.empty()
                     ? std::nullopt
                     : std::optional<Error>(Error(trouble.status, trouble.faults.faults())));
    share_results(ranks, results.matrices);
    return results;
}

SpectrumResults compute_spectra(const Communicator& ranks, const Catalogue& catalogue,
                                const SpectrumOptions& options, const Progress& progress) {
    return compute_spectra(ranks, catalogue, options, plan_spectra(ranks, catalogue, options),
                           progress);
}

}  // namespace alphaprune
