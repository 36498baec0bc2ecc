#include <algorithm>
#include <set>

#include "alphaprune/support/stop.hpp"
#include "watch.hpp"

namespace alphaprune::parallel {
namespace {

/// Whoever has ended the job is dead, too: what it has sent before is read first.
constexpr std::chrono::milliseconds kTimeOfLastLetters{300};

}  // namespace

void Watch::look_for_stop_file(Clock::time_point now) {
    if (self_.rank != 0 || !file_turn_.is_due(now)) {
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

void Watch::read_letters() {
    while (const auto letter = company_->post.receive()) {
        company_->silence.heard_of(letter->from);
        if (letter->word == Word::stop) {
            stop_heard_from_ = letter->from;
            support::request_stop(letter->text);
        } else {
            company_->ending.receive(*letter);
        }
    }
}

void Watch::pass_on_stop() {
    if (stop_passed_on_ || !support::stop_requested()) {
        return;
    }
    stop_passed_on_ = true;
    for (const int neighbour : company_->neighbours) {
        if (neighbour != stop_heard_from_) {
            company_->post.send(neighbour, Word::stop, support::stop_reason());
        }
    }
}

void Watch::abandon_work(Clock::time_point now) {
    if (leaving_ != Leaving::no || !support::stop_requested() ||
        options_.stop_patience.count() == 0) {
        return;
    }
    stop_seen_ = stop_seen_.value_or(now);
    if (now - *stop_seen_ < options_.stop_patience) {
        return;
    }
    const LastWords words{abandonment_text(support::stop_reason(), options_.after_stop),
                          support::ExitStatus::stopped};
    if (company_) {
        company_->ending.begin(words, speakers_without({}));
    } else {
        end_.say(words.text);
        end_.leave(words.status);
    }
}

void Watch::give_sign_of_life(Clock::time_point now) {
    if (!life_turn_.is_due(now)) {
        return;
    }
    for (const int neighbour : company_->neighbours) {
        if (!company_->post.is_under_way(neighbour)) {
            company_->post.send(neighbour, Word::alive);
        }
    }
}

void Watch::look_for_the_dead(Clock::time_point now) {
    const auto& beside = company_->beside;
    if (!beside || !death_turn_.is_due(now) || still_runs(beside->process)) {
        return;
    }
    death_seen_ = death_seen_.value_or(now);
    if (now - *death_seen_ < kTimeOfLastLetters) {
        return;
    }
    std::deque<int> speaker;
    if (beside->rank != 0) {
        speaker.push_back(0);
    }
    company_->ending.begin({with_speaker(self_, death_text(*beside, self_.host))}, speaker);
}

void Watch::look_for_the_lost(Clock::duration step) {
    company_->silence.pass(step);
    const std::vector<int> lost = company_->silence.lost();
    if (lost.empty()) {
        return;
    }
    company_->ending.begin(words_about_lost(lost), speakers_without(lost));
}

LastWords Watch::words_about_lost(const std::vector<int>& lost) const {
    std::vector<RankPlace> places;
    for (const int rank : lost) {
        places.push_back(place_of(rank));
    }
    const auto is_elsewhere = [&](int rank) { return place_of(rank).host != self_.host; };
    const auto is_lost = [&](int rank) {
        return std::find(lost.begin(), lost.end(), rank) != lost.end();
    };
    const bool alone = std::any_of(lost.begin(), lost.end(), is_elsewhere) &&
                       std::none_of(company_->neighbours.begin(), company_->neighbours.end(),
                                    [&](int rank) { return is_elsewhere(rank) && !is_lost(rank); });
    return {with_speaker(self_, silence_text(places, options_.peer_timeout, self_.host)),
            support::ExitStatus::failed, alone ? EndLauncher::any : EndLauncher::mpirun};
}

/// The first ranks of the first hosts, then the first ranks of all: every rank that loses somebody
/// comes to the same list.
std::deque<int> Watch::speakers_without(const std::vector<int>& lost) const {
    constexpr std::size_t kHosts = 3;
    constexpr int kRanks = 3;
    std::deque<int> speakers;
    std::set<std::string> hosts;
    for (int rank = 0; rank < world_.size() && hosts.size() < kHosts; ++rank) {
        if (hosts.insert(place_of(rank).host).second) {
            speakers.push_back(rank);
        }
    }
    for (int rank = 1; rank < std::min(kRanks, world_.size()); ++rank) {
        speakers.push_back(rank);
    }
    std::erase_if(speakers, [&](int rank) {
        return std::find(lost.begin(), lost.end(), rank) != lost.end();
    });
    return speakers;
}

RankPlace Watch::place_of(int rank) const {
    return {rank, company_->hosts[static_cast<std::size_t>(rank)]};
}

}  // namespace alphaprune::parallel
