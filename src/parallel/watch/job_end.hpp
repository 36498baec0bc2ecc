#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <string>
#include <vector>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/support/error.hpp"
#include "watch_channel.hpp"

namespace alphaprune::parallel {

/// Which launchers JobExit::abort ends when they still run some seconds after it.
enum class EndLauncher { none, mpirun, any };

/// The actions that end a job, each performed once per process, whichever thread comes first.
class JobExit {
  public:
    explicit JobExit(const Communicator& ranks) : ranks_(ranks) {}

    /// Writes the text to standard error in one piece.
    void report(const std::string& text);
    /// From now on nothing is reported here: another rank has done so.
    void be_silent() { reported_ = true; }

    /// Ends this rank alone.
    [[noreturn]] void leave(support::ExitStatus status) const;

    /// Ends all ranks, and this one in any case: where MPI_Abort hangs, some seconds later.
    [[noreturn]] void abort(support::ExitStatus status, EndLauncher launchers);

  private:
    const Communicator& ranks_;
    std::atomic<bool> reported_ = false;
    std::atomic<bool> aborted_ = false;
};

/// What is reported when a job is ended, and the status it is ended with.
struct FinalReport {
    std::string text;
    support::ExitStatus status = support::ExitStatus::failed;
    /// Where hosts are lost, launchers may hang.
    EndLauncher launchers = EndLauncher::none;
};

/// How the watches of a job agree on one end: a rank that finds a reason sends its report to one
/// rank that reports for all, rank 0 if it can be reached. That one writes the first report that
/// arrives, tells all ranks and aborts the job. A rank that gets no acknowledgement asks the next
/// reporter, in the end itself. A rank that hears of the end and is not ended leaves by itself.
class EndProtocol {
  public:
    using Clock = std::chrono::steady_clock;

    EndProtocol(WatchChannel& channel, JobExit& job, int rank, std::vector<int> neighbors);

    bool has_begun() const { return begun_; }
    /// This rank has found a reason. Nothing happens when an end has begun.
    /// @param reporters  the ranks asked to report it, one after the other
    void begin(FinalReport report, std::deque<int> reporters);
    void receive(const WatchChannel::Incoming& message);
    /// To be called every few milliseconds.
    void proceed();

  private:
    void ask_next();
    void report();
    void spread(int except);
    void wait_for_abort(int told_by);
    /// A stop is no failure: each rank leaves by itself, with the status of all.
    bool all_leave() const { return report_.status == support::ExitStatus::stopped; }

    WatchChannel& channel_;
    JobExit& job_;
    int rank_;
    std::vector<int> neighbors_;
    FinalReport report_;
    std::deque<int> reporters_;
    bool begun_ = false;
    bool reported_ = false;  ///< by any rank
    Clock::time_point act_at_ = Clock::time_point::max();
};

}  // namespace alphaprune::parallel
