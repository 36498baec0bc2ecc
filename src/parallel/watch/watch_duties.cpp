#include <algorithm>
#include <set>

#include "alphaprune/support/stop.hpp"
#include "watch.hpp"

namespace alphaprune::parallel {
namespace {

/// A rank that has ended the job is dead, too: what it sent before is received first.
constexpr std::chrono::milliseconds kDrainTime{300};

}  // namespace

void Watch::check_stop_file(Clock::time_point now) {
    if (self_.rank != 0 || !file_timer_.is_due(now)) {
        return;
    }
    std::filesystem::path file;
    {
        const std::scoped_lock lock(mutex_);
        file = stop_file_;
    }
    std::error_code ignored;
    if (!file.empty() && std::filesystem::exists(file, ignored)) {
        support::request_stop("the file " + file.string() + " was made");
    }
}

void Watch::receive_messages() {
    while (const auto message = peers_->channel.receive()) {
        peers_->heartbeats.heard_from(message->from);
        if (message->kind == WatchMessage::stop) {
            stop_heard_from_ = message->from;
            support::request_stop(message->text);
        } else {
            peers_->end.receive(*message);
        }
    }
}

void Watch::pass_on_stop() {
    if (stop_passed_on_ || !support::stop_requested()) {
        return;
    }
    stop_passed_on_ = true;
    for (const int neighbor : peers_->neighbors) {
        if (neighbor != stop_heard_from_) {
            peers_->channel.send(neighbor, WatchMessage::stop, support::stop_reason());
        }
    }
}

void Watch::abandon_work(Clock::time_point now) {
    if (leaving_ != Leaving::no || !support::stop_requested() ||
        options_.stop_grace_period.count() == 0) {
        return;
    }
    stop_seen_ = stop_seen_.value_or(now);
    if (now - *stop_seen_ < options_.stop_grace_period) {
        return;
    }
    const FinalReport report{abandonment_text(support::stop_reason(), options_.after_stop),
                             support::ExitStatus::stopped};
    if (peers_) {
        peers_->end.begin(report, reporters_without({}));
    } else {
        exit_.report(report.text);
        exit_.leave(report.status);
    }
}

void Watch::send_heartbeats(Clock::time_point now) {
    if (!heartbeat_timer_.is_due(now)) {
        return;
    }
    for (const int neighbor : peers_->neighbors) {
        if (!peers_->channel.is_in_flight(neighbor)) {
            peers_->channel.send(neighbor, WatchMessage::heartbeat);
        }
    }
}

void Watch::check_neighbor_process(Clock::time_point now) {
    const auto& beside = peers_->beside;
    if (!beside || !process_timer_.is_due(now) || is_running(beside->process)) {
        return;
    }
    death_seen_ = death_seen_.value_or(now);
    if (now - *death_seen_ < kDrainTime) {
        return;
    }
    std::deque<int> reporter;
    if (beside->rank != 0) {
        reporter.push_back(0);
    }
    peers_->end.begin({reported_by(self_, death_text(*beside, self_.host))}, reporter);
}

void Watch::check_heartbeats(Clock::duration step) {
    peers_->heartbeats.pass(step);
    const std::vector<int> lost = peers_->heartbeats.lost();
    if (lost.empty()) {
        return;
    }
    peers_->end.begin(report_of_lost(lost), reporters_without(lost));
}

FinalReport Watch::report_of_lost(const std::vector<int>& lost) const {
    std::vector<RankPlace> places;
    for (const int rank : lost) {
        places.push_back(place_of(rank));
    }
    const auto is_elsewhere = [&](int rank) { return place_of(rank).host != self_.host; };
    const auto is_lost = [&](int rank) {
        return std::find(lost.begin(), lost.end(), rank) != lost.end();
    };
    const bool alone = std::any_of(lost.begin(), lost.end(), is_elsewhere) &&
                       std::none_of(peers_->neighbors.begin(), peers_->neighbors.end(),
                                    [&](int rank) { return is_elsewhere(rank) && !is_lost(rank); });
    return {reported_by(self_, lost_ranks_text(places, options_.peer_timeout, self_.host)),
            support::ExitStatus::failed, alone ? EndLauncher::any : EndLauncher::mpirun};
}

/// The first ranks of the first hosts, then the first ranks of all: every rank that loses another
/// comes to the same list.
std::deque<int> Watch::reporters_without(const std::vector<int>& lost) const {
    constexpr std::size_t kHosts = 3;
    constexpr int kRanks = 3;
    std::deque<int> reporters;
    std::set<std::string> hosts;
    for (int rank = 0; rank < world_.size() && hosts.size() < kHosts; ++rank) {
        if (hosts.insert(place_of(rank).host).second) {
            reporters.push_back(rank);
        }
    }
    for (int rank = 1; rank < std::min(kRanks, world_.size()); ++rank) {
        reporters.push_back(rank);
    }
    std::erase_if(reporters, [&](int rank) {
        return std::find(lost.begin(), lost.end(), rank) != lost.end();
    });
    return reporters;
}

RankPlace Watch::place_of(int rank) const {
    return {rank, peers_->hosts[static_cast<std::size_t>(rank)]};
}

}  // namespace alphaprune::parallel
