#include "ending.hpp"

#include <utility>

#include "alphaprune/support/bytes.hpp"

namespace alphaprune::parallel {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// For letters to get away before the abort.
constexpr milliseconds kBreath{100};
/// How long a speaker may take to answer. Longer than mpirun takes to end all ranks after one of
/// them has aborted the job: that one is dead, too, and who has not heard of it must not tell.
constexpr milliseconds kPatience{2000};
/// What launchers need at most to end a job that was aborted.
constexpr seconds kObedience{5};

/// What travels with Word::last_words.
std::string encode(const LastWords& words) {
    support::ByteWriter bytes;
    bytes(words.status, words.launchers, words.text);
    return bytes.take();
}

LastWords decode(const std::string& letter) {
    LastWords words;
    support::ByteReader bytes(letter);
    bytes(words.status, words.launchers, words.text);
    return words;
}

/// What travels with Word::ending.
std::string encode(support::ExitStatus status) {
    support::ByteWriter bytes;
    bytes(status);
    return bytes.take();
}

}  // namespace

Ending::Ending(WatchPost& post, JobEnd& end, int rank, std::vector<int> neighbours)
    : post_(post), end_(end), rank_(rank), neighbours_(std::move(neighbours)) {}

void Ending::begin(LastWords words, std::deque<int> speakers) {
    if (begun_) {
        return;
    }
    begun_ = true;
    words_ = std::move(words);
    speakers_ = std::move(speakers);
    ask_next();
}

void Ending::ask_next() {
    if (speakers_.empty() || speakers_.front() == rank_) {
        speak();
        return;
    }
    post_.send(speakers_.front(), Word::last_words, encode(words_));
    speakers_.pop_front();
    act_at_ = Clock::now() + kPatience;
}

void Ending::receive(const WatchPost::Letter& letter) {
    switch (letter.word) {
        case Word::last_words:
            if (!begun_) {
                begun_ = true;
                words_ = decode(letter.text);
            }
            if (!said_) {
                speak();
            }
            post_.send(letter.from, Word::heard);
            break;
        case Word::heard:
            wait_for_abort(letter.from);
            break;
        case Word::ending:
            support::ByteReader(letter.text)(words_.status);
            wait_for_abort(letter.from);
            break;
        case Word::alive:
        case Word::stop:
            break;
    }
}

void Ending::speak() {
    end_.say(words_.text);
    said_ = true;
    spread(rank_);
    act_at_ = Clock::now() + kBreath;
}

void Ending::spread(int except) {
    for (const int neighbour : neighbours_) {
        if (neighbour != except) {
            post_.send(neighbour, Word::ending, encode(words_.status));
        }
    }
}

void Ending::wait_for_abort(int told_by) {
    if (said_) {
        return;
    }
    begun_ = true;
    said_ = true;
    end_.be_silent();
    spread(told_by);
    words_.launchers = EndLauncher::any;
    act_at_ = Clock::now() + (all_leave() ? Clock::duration(kBreath) : kObedience);
}

void Ending::proceed() {
    if (Clock::now() < act_at_) {
        return;
    }
    if (!said_) {
        ask_next();
    } else if (all_leave()) {
        end_.leave(words_.status);
    } else {
        end_.abort(words_.status, words_.launchers);
    }
}

}  // namespace alphaprune::parallel
