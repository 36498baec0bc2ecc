#include "watch.hpp"

#include <algorithm>
#include <utility>

#include "alphaprune/parallel/runtime.hpp"
#include "alphaprune/support/machine.hpp"
#include "watch_tree.hpp"

namespace alphaprune::parallel {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTick{20};
constexpr milliseconds kTickWhenLeaving{1};

milliseconds sign_interval(milliseconds peer_timeout) {
    constexpr milliseconds kUsual{1000};
    return peer_timeout > milliseconds::zero() ? std::min(kUsual, peer_timeout / 4) : kUsual;
}

/// How long the last letters may take.
milliseconds parting_limit(const WatchOptions& options) {
    constexpr milliseconds kUsual{20'000};
    return options.peer_timeout > milliseconds::zero() ? options.peer_timeout : kUsual;
}

}  // namespace

Watch::Company::Company(const Communicator& world, JobEnd& end, const WatchOptions& options)
    : post(world),
      neighbours(WatchTree::neighbours(world.rank(), world.size())),
      hosts(world.all_gather_texts(support::host_name())),
      beside(find_node_neighbour(world)),
      silence(neighbours, options.peer_timeout),
      ending(post, end, world.rank(), neighbours) {}

Watch::Watch(const Communicator& world, const WatchOptions& options)
    : world_(Communicator::view(world.native())),
      options_(options),
      end_(world_),
      self_{world.rank(), support::host_name()},
      file_turn_(milliseconds(500)),
      life_turn_(sign_interval(options.peer_timeout)),
      death_turn_(milliseconds(100)) {
    if (world.size() > 1 && supports_threads()) {
        company_.emplace(world_, end_, options);
    }
    thread_ = std::thread([this] { run(); });
}

void Watch::look_for(const std::filesystem::path& file) {
    const std::scoped_lock lock(mutex_);
    stop_file_ = file;
}

void Watch::end_job(const std::string& text, support::ExitStatus status) {
    const std::string words = with_speaker(self_, text);
    if (company_) {
        {
            const std::scoped_lock lock(mutex_);
            last_words_ = LastWords{words, status};
        }
        handed_over_.notify_one();
        // The thread ends the job and this process with it. Should it be stuck, this thread does.
        std::this_thread::sleep_for(std::chrono::seconds(15));
    }
    end_.say(words);
    end_.abort(status, EndLauncher::none);
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
        look_for_stop_file(now);
        abandon_work(now);
        if (company_) {
            read_letters();
            say_what_main_wants();
            if (!company_->ending.has_begun() && leaving_ <= Leaving::arriving) {
                pass_on_stop();
                give_sign_of_life(now);
                look_for_the_dead(now);
                look_for_the_lost(now - before);
            }
            company_->ending.proceed();
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
        handed_over_.wait_for(lock, kTick, [&] { return leave_wanted_ || last_words_; });
    }
}

void Watch::say_what_main_wants() {
    std::optional<LastWords> words;
    {
        const std::scoped_lock lock(mutex_);
        words = std::exchange(last_words_, std::nullopt);
    }
    if (words) {
        company_->ending.begin(std::move(*words), speakers_without({}));
    }
}

void Watch::proceed_leaving(Clock::duration step) {
    if (leaving_ == Leaving::no) {
        const std::scoped_lock lock(mutex_);
        if (leave_wanted_ && company_) {
            company_->post.enter_barrier();
        }
        leaving_ = !leave_wanted_ ? Leaving::no : company_ ? Leaving::arriving : Leaving::done;
        return;
    }
    WatchPost& post = company_->post;
    if (leaving_ == Leaving::arriving && post.all_have_entered()) {
        leaving_ = Leaving::sending_last;
    }
    if (leaving_ == Leaving::sending_last && post.nothing_under_way()) {
        post.enter_barrier();
        leaving_ = Leaving::parting;
    }
    if (leaving_ == Leaving::parting && post.all_have_entered()) {
        leaving_ = Leaving::done;
    } else if (leaving_ > Leaving::arriving) {
        parting_for_ += std::min<Clock::duration>(step, kTick);
        if (parting_for_ > parting_limit(options_)) {
            company_->ending.begin({with_speaker(self_, parting_text(parting_limit(options_))),
                                    support::ExitStatus::failed, EndLauncher::any},
                                   speakers_without({}));
        }
    }
}

}  // namespace alphaprune::parallel
