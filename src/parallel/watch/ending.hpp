#pragma once

#include <chrono>
#include <deque>
#include <string>
#include <vector>

#include "job_end.hpp"
#include "watch_post.hpp"

namespace alphaprune::parallel {

/// What is said when a job is ended, and the status it is ended with.
struct LastWords {
    std::string text;
    support::ExitStatus status = support::ExitStatus::failed;
    /// Where hosts are lost, launchers may hang.
    EndLauncher launchers = EndLauncher::none;
};

/// How the watches of a job come to one end: whoever finds a reason sends its words to one rank
/// that speaks for all, rank 0 if it can be reached, which says the first that reach it, tells all
/// ranks and aborts the job. A rank that gets no answer asks the next speaker, at last itself. A
/// rank that hears of the end and is not ended leaves by itself.
class Ending {
  public:
    using Clock = std::chrono::steady_clock;

    Ending(WatchPost& post, JobEnd& end, int rank, std::vector<int> neighbours);

    bool has_begun() const { return begun_; }
    /// This rank has found a reason. Nothing happens when an end has begun.
    /// @param speakers  who is asked to say it, one after the other
    void begin(LastWords words, std::deque<int> speakers);
    void receive(const WatchPost::Letter& letter);
    /// To be called every few milliseconds.
    void proceed();

  private:
    void ask_next();
    void speak();
    void spread(int except);
    void wait_for_abort(int told_by);
    /// A stop is no failure: each rank leaves by itself, with the status of all.
    bool all_leave() const { return words_.status == support::ExitStatus::stopped; }

    WatchPost& post_;
    JobEnd& end_;
    int rank_;
    std::vector<int> neighbours_;
    LastWords words_;
    std::deque<int> speakers_;
    bool begun_ = false;
    bool said_ = false;  ///< by whomever
    Clock::time_point act_at_ = Clock::time_point::max();
};

}  // namespace alphaprune::parallel
