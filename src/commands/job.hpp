#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "alphaprune/cli/options.hpp"
#include "alphaprune/device/choose_card.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/job_watch.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/planning/machine_rates.hpp"
#include "alphaprune/report/timeline.hpp"
#include "alphaprune/resume/journal.hpp"
#include "alphaprune/support/clock.hpp"
#include "alphaprune/transformer/block_runner.hpp"
#include "output_folder.hpp"

namespace alphaprune::commands {

/// Seconds of the phases of a job by name, in the order in which they began.
class PhaseClock {
  public:
    /// Runs `action` and adds its time to that of `phase`.
    template <class Action>
    auto measure(const std::string& phase, Action&& action) {
        const Booking booking{*this, index_of(phase), support::Stopwatch{}};
        return action();
    }

    double total() const { return total_.seconds(); }
    const std::vector<std::pair<std::string, double>>& phases() const { return phases_; }

  private:
    struct Booking {
        PhaseClock& clock;
        std::size_t phase;
        support::Stopwatch watch;
        ~Booking() { clock.phases_[phase].second += watch.seconds(); }
    };

    std::size_t index_of(const std::string& phase) {
        const auto known =
            std::ranges::find(phases_, phase, &std::pair<std::string, double>::first);
        const auto index = static_cast<std::size_t>(known - phases_.begin());
        if (known == phases_.end()) {
            phases_.emplace_back(phase, 0);
        }
        return index;
    }

    support::Stopwatch total_;
    std::vector<std::pair<std::string, double>> phases_;
};

/// Sets the deadline by which this run must have stopped: before --max-time, counted from `start`,
/// is over, and before the batch job that it runs in ends, with some time left for what stopping
/// takes. Collective. @returns that time, in seconds; nothing where there is no limit
std::optional<double> set_time_limit(const parallel::Communicator& ranks,
                                     const cli::Options& options, const support::Stopwatch& start);

/// Seconds to be left for stopping within so many seconds.
double stopping_time(double limit);

/// One run of the program on a model: what is asked for, the model, and what it is computed with.
struct Job {
    const parallel::Communicator& ranks;
    const cli::Options& options;
    parallel::JobWatch& watch;
    const Job* sweep = nullptr;  ///< whose point this run is
    PhaseClock clock = {};
    model::Catalogue catalogue = {};
    std::optional<device::CardInfo> card = {};  ///< of this rank, for spectra
    transformer::ForwardSettings forward = {};  ///< what runs the blocks of the model
    /// What readers of the results should know, found before the first stage; already logged.
    std::vector<std::string> notes = {};

    // Known once the output is open:
    std::string identity = {};  ///< digest of all that the results depend on
    std::string started = {};   ///< time stamp of this attempt
    std::vector<std::string> hosts = {};
    int threads_per_rank = 1;  ///< that the options and the cores given allow
    planning::MachineRates rates = {};
    /// Of predicted times, from the results that were in the output folder.
    std::map<linalg::Solver, double> corrections = {};
    std::optional<resume::Journal> journal = {};
    int trials = 0;  ///< ways to prune that were tried so far, in this attempt or an earlier one
    std::int64_t resumed_matrices = 0;  ///< whose spectra an earlier attempt has computed
    /// What the ranks spent phases on that have passed.
    std::vector<std::pair<std::string, report::TimelineReport>> timeline = {};

    /// Logs warnings that belong in the report, too.
    void note(const std::vector<std::string>& warnings);
};

/// Takes into the job, and says in the log, what the ranks spent a phase on since their clocks
/// began it. Collective.
void keep_timeline(Job& job, const std::string& phase, parallel::WorkClock& clock);

/// Threads of each rank: what was asked for, or what the cores given to the ranks allow.
/// Collective.
/// @throws Error
int threads_per_rank(const parallel::Communicator& ranks, const cli::Options& options);
/// The nodes of the ranks, with so many threads of each. Collective.
parallel::NodeMap place_ranks(const parallel::Communicator& ranks, int threads);

/// What has been found of the machine, and what an earlier attempt has left, before the first stage
/// of a job whose journal is there. Collective.
void begin_work(Job& job, const std::optional<report::RunReport>& former = {});

/// Prepares the output folder, its journal and its log. Collective.
/// @param earlier  what is to be resumed in the folder. @throws Error
void prepare_output(Job& job, const resume::RunIdentity& identity, std::int64_t sequences,
                    std::uint64_t bytes_needed, EarlierRun earlier);

/// Reads the catalogue on rank 0 and distributes it. Collective. @throws Error
Job read_model(const parallel::Communicator& ranks, const cli::Options& options,
               parallel::JobWatch& watch);

/// Of all eigenvalues of the model.
std::uint64_t bytes_of_spectra(const model::Catalogue& catalogue);

/// Prepares the output folder for so many bytes, with a new journal or that of the run to be
/// resumed, opens run.log and describes the run there. Collective.
/// @param identity   of this run
/// @param sequences  of calibration
/// @return false when the run to be resumed is complete: nothing is left to do
/// @throws Error
bool open_output(Job& job, const resume::RunIdentity& identity, std::int64_t sequences,
                 std::uint64_t bytes_needed);

/// Does the work of a job whose output is open. If it ends because the request or the model is
/// wrong before anything was computed, what it has made is removed; anything that was computed is
/// kept, to be resumed. Collective.
void work_on(const Job& job, const std::function<void()>& work);

}  // namespace alphaprune::commands
