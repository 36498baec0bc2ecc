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
#include "ending.hpp"
#include "node_neighbour.hpp"
#include "periodic.hpp"
#include "silence.hpp"
#include "watch_post.hpp"
#include "watch_texts.hpp"

namespace alphaprune::parallel {

/// The thread of a JobWatch.
class Watch {
  public:
    /// Collective.
    Watch(const Communicator& world, const WatchOptions& options);
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    void look_for(const std::filesystem::path& file);
    [[noreturn]] void end_job(const std::string& text, support::ExitStatus status);
    /// Collective: parts from the other watches; none of them takes another for lost.
    void leave();

  private:
    using Clock = std::chrono::steady_clock;
    /// All ranks arrive before any stops sending signs of life; then each parts when nothing of
    /// its own is under way any more.
    enum class Leaving { no, arriving, sending_last, parting, done };

    /// Whom this rank talks to; only where there are others and MPI supports threads.
    struct Company {
        Company(const Communicator& world, JobEnd& end, const WatchOptions& options);

        WatchPost post;
        std::vector<int> neighbours;
        std::vector<std::string> hosts;  ///< of all ranks
        std::optional<NodeNeighbour> beside;
        Silence silence;
        Ending ending;
    };

    void run();
    void pause();
    void look_for_stop_file(Clock::time_point now);
    void read_letters();
    void pass_on_stop();
    void abandon_work(Clock::time_point now);
    void give_sign_of_life(Clock::time_point now);
    void look_for_the_dead(Clock::time_point now);
    void look_for_the_lost(Clock::duration step);
    void say_what_main_wants();
    void proceed_leaving(Clock::duration step);
    RankPlace place_of(int rank) const;
    std::deque<int> speakers_without(const std::vector<int>& lost) const;
    LastWords words_about_lost(const std::vector<int>& lost) const;

    Communicator world_;
    WatchOptions options_;
    JobEnd end_;
    std::optional<Company> company_;
    RankPlace self_;

    Periodic file_turn_;
    Periodic life_turn_;
    Periodic death_turn_;
    int stop_heard_from_ = -1;
    bool stop_passed_on_ = false;
    std::optional<Clock::time_point> stop_seen_;
    std::optional<Clock::time_point> death_seen_;  ///< of the process beside this one
    Leaving leaving_ = Leaving::no;
    std::chrono::nanoseconds parting_for_{0};

    std::mutex mutex_;  ///< of what the main thread hands over
    std::condition_variable handed_over_;
    std::filesystem::path stop_file_;
    std::optional<LastWords> last_words_;
    bool leave_wanted_ = false;

    std::thread thread_;  // the last member: it uses the others
};

}  // namespace alphaprune::parallel
