#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/job_watch.hpp"
#include "heartbeat.hpp"
#include "job_end.hpp"
#include "process_identity.hpp"
#include "watch_channel.hpp"
#include "watch_texts.hpp"

namespace alphaprune::parallel {

/// The thread of a JobWatch.
class Watch {
  public:
    /// Collective.
    Watch(const Communicator& world, const WatchOptions& options);
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    void look_for_stop_file(const std::filesystem::path& file);
    [[noreturn]] void end_job(const std::string& text, support::ExitStatus status);
    /// Collective: ends the watch on all ranks, none of which declares another lost meanwhile.
    void leave();

  private:
    using Clock = std::chrono::steady_clock;
    /// All ranks arrive before any stops sending heartbeats; then each parts when none of its own
    /// messages is in flight any more.
    enum class Leaving { no, arriving, sending_last, parting, done };

    /// The ranks this one watches; only where there are others and MPI supports threads.
    struct Peers {
        Peers(const Communicator& world, JobExit& job, const WatchOptions& options);

        WatchChannel channel;
        std::vector<int> neighbors;
        std::vector<std::string> hosts;      ///< of all ranks
        std::optional<NodeNeighbor> beside;  ///< on this node
        HeartbeatMonitor heartbeats;
        EndProtocol end;
    };

    void run();
    void pause();
    void check_stop_file(Clock::time_point now);
    void receive_messages();
    void pass_on_stop();
    void abandon_work(Clock::time_point now);
    void send_heartbeats(Clock::time_point now);
    void check_neighbor_process(Clock::time_point now);
    void check_heartbeats(Clock::duration step);
    void take_over_report();
    void proceed_leaving(Clock::duration step);
    RankPlace place_of(int rank) const;
    std::deque<int> reporters_without(const std::vector<int>& lost) const;
    FinalReport report_of_lost(const std::vector<int>& lost) const;

    Communicator world_;
    WatchOptions options_;
    JobExit exit_;
    std::optional<Peers> peers_;
    RankPlace self_;

    Periodic file_timer_;
    Periodic heartbeat_timer_;
    Periodic process_timer_;
    int stop_heard_from_ = -1;
    bool stop_passed_on_ = false;
    std::optional<Clock::time_point> stop_seen_;
    std::optional<Clock::time_point> death_seen_;  ///< of the neighbor on this node
    Leaving leaving_ = Leaving::no;
    std::chrono::nanoseconds parting_for_{0};

    std::mutex mutex_;  ///< of what the main thread hands over
    std::condition_variable handed_over_;
    std::filesystem::path stop_file_;
    std::optional<FinalReport> final_report_;
    bool leave_wanted_ = false;

    std::thread thread_;  // the last member: it uses the others
};

}  // namespace alphaprune::parallel
