#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "job_end.hpp"
#include "watch_post.hpp"

namespace alphaprune {

/// What is said when a job is ended, and the status it is ended with.
struct LastWords {
    std::string text;
    ExitStatus status = ExitStatus::failed;
    /// A host is lost, so that mpirun may hang.
    bool host_lost = false;
};

/// How the watches of a job come to one end: whoever finds a reason sends its words to rank 0,
/// which says the first that reach it, tells all ranks and aborts the job. A rank that gets no
/// answer does that itself; a rank that hears of the end and is not ended leaves by itself.
class Ending {
  public:
    using Clock = std::chrono::steady_clock;

    Ending(WatchPost& post, JobEnd& end, int rank, std::vector<int> neighbours);

    bool has_begun() const { return begun_; }
    /// This rank has found a reason. Nothing happens when an end has begun.
    /// @param patience  how long rank 0 may take to answer
    void begin(LastWords words, Clock::duration patience);
    void receive(const WatchPost::Letter& letter);
    /// To be called every few milliseconds.
    void proceed();

  private:
    void speak();
    void spread(int except);
    void wait_for_abort(int told_by);

    WatchPost& post_;
    JobEnd& end_;
    int rank_;
    std::vector<int> neighbours_;
    LastWords words_;
    bool begun_ = false;
    bool said_ = false;
    EndLauncher launchers_ = EndLauncher::any;
    Clock::time_point act_at_ = Clock::time_point::max();
};

}  // namespace alphaprune
