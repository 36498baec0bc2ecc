#include "watch.hpp"

#include <algorithm>
#include <utility>

#include "alphaprune/parallel/native_mpi.hpp"
#include "alphaprune/parallel/runtime.hpp"
#include "alphaprune/support/machine.hpp"

namespace alphaprune::parallel {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTick{20};
constexpr milliseconds kTickWhenLeaving{1};

milliseconds heartbeat_interval(milliseconds peer_timeout) {
    constexpr milliseconds kUsual{1000};
    return peer_timeout > milliseconds::zero() ? std::min(kUsual, peer_timeout / 4) : kUsual;
}

/// How long the last messages may take.
milliseconds parting_timeout(const WatchOptions& options) {
    constexpr milliseconds kUsual{20'000};
    return options.peer_timeout > milliseconds::zero() ? options.peer_timeout : kUsual;
}

}  // namespace

Watch::Peers::Peers(const Communicator& world, JobExit& job, const WatchOptions& options)
    : channel(world),
      neighbors(WatchTree::neighbors(world.rank(), world.size())),
      hosts(world.all_gather_texts(support::host_name())),
      beside(find_node_neighbor(world)),
      heartbeats(neighbors, options.peer_timeout),
      end(channel, job, world.rank(), neighbors) {}

Watch::Watch(const Communicator& world, const WatchOptions& options)
    : world_(view(native(world))),
      options_(options),
      exit_(world_),
      self_{world.rank(), support::host_name()},
      file_timer_(milliseconds(500)),
      heartbeat_timer_(heartbeat_interval(options.peer_timeout)),
      process_timer_(milliseconds(100)) {
    if (world.size() > 1 && supports_threads()) {
        peers_.emplace(world_, exit_, options);
    }
    thread_ = std::thread([this] { run(); });
}

void Watch::look_for_stop_file(const std::filesystem::path& file) {
    const std::scoped_lock lock(mutex_);
    stop_file_ = file;
}

void Watch::end_job(const std::string& text, support::ExitStatus status) {
    const std::string report = reported_by(self_, text);
    if (peers_) {
        {
            const std::scoped_lock lock(mutex_);
            final_report_ = FinalReport{report, status};
        }
        handed_over_.notify_one();
        // The thread ends the job and this process with it. Should it be stuck, this thread does.
        std::this_thread::sleep_for(std::chrono::seconds(15));
    }
    exit_.report(report);
    exit_.abort(status, EndLauncher::none);
}

void Watch::leave() {
    {
        const std::scoped_lock lock(mutex_);
        leave_wanted_ = true;
    }
    handed_over_.notify_one();
    thread_.join();
}

void Watch::run() {
    Clock::time_point before = Clock::now();
    while (leaving_ != Leaving::done) {
        pause();
        const Clock::time_point now = Clock::now();
        check_stop_file(now);
        abandon_work(now);
        if (peers_) {
            receive_messages();
            take_over_report();
            if (!peers_->end.has_begun() && leaving_ <= Leaving::arriving) {
                pass_on_stop();
                send_heartbeats(now);
                check_neighbor_process(now);
                check_heartbeats(now - before);
            }
            peers_->end.proceed();
        }
        proceed_leaving(now - before);
        before = now;
    }
}

void Watch::pause() {
    std::unique_lock lock(mutex_);
    if (leaving_ != Leaving::no) {
        handed_over_.wait_for(lock, kTickWhenLeaving);
    } else {
        handed_over_.wait_for(lock, kTick, [&] { return leave_wanted_ || final_report_; });
    }
}

void Watch::take_over_report() {
    std::optional<FinalReport> report;
    {
        const std::scoped_lock lock(mutex_);
        report = std::exchange(final_report_, std::nullopt);
    }
    if (report) {
        peers_->end.begin(std::move(*report), reporters_without({}));
    }
}

void Watch::proceed_leaving(Clock::duration step) {
    if (leaving_ == Leaving::no) {
        const std::scoped_lock lock(mutex_);
        if (leave_wanted_ && peers_) {
            peers_->channel.enter_barrier();
        }
        leaving_ = !leave_wanted_ ? Leaving::no : peers_ ? Leaving::arriving : Leaving::done;
        return;
    }
    WatchChannel& channel = peers_->channel;
    if (leaving_ == Leaving::arriving && channel.all_have_entered()) {
        leaving_ = Leaving::sending_last;
    }
    if (leaving_ == Leaving::sending_last && channel.nothing_in_flight()) {
        channel.enter_barrier();
        leaving_ = Leaving::parting;
    }
    if (leaving_ == Leaving::parting && channel.all_have_entered()) {
        leaving_ = Leaving::done;
    } else if (leaving_ > Leaving::arriving) {
        parting_for_ += std::min<Clock::duration>(step, kTick);
        if (parting_for_ > parting_timeout(options_)) {
            peers_->end.begin({reported_by(self_, parting_text(parting_timeout(options_))),
                               support::ExitStatus::failed, EndLauncher::any},
                              reporters_without({}));
        }
    }
}

JobWatch::JobWatch(const Communicator& world, const WatchOptions& options)
    : watch_(std::make_unique<Watch>(world, options)) {}

JobWatch::~JobWatch() {
    watch_->leave();
}

void JobWatch::look_for_stop_file(const std::filesystem::path& file) {
    watch_->look_for_stop_file(file);
}

void JobWatch::end_job(const std::string& text, support::ExitStatus status) {
    watch_->end_job(text, status);
}

}  // namespace alphaprune::parallel
