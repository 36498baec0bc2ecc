#include "ending.hpp"

#include <utility>

namespace alphaprune {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// For letters to get away before the abort.
constexpr milliseconds kBreath{100};
/// What a launcher needs at most to end a job that rank 0 aborted.
constexpr seconds kObedience{8};

std::string encode(const LastWords& words) {
    return std::string{static_cast<char>(words.status), words.host_lost ? '1' : '0'} + words.text;
}

LastWords decode(const std::string& letter) {
    return {letter.substr(2), static_cast<ExitStatus>(letter.at(0)), letter.at(1) == '1'};
}

}  // namespace

Ending::Ending(WatchPost& post, JobEnd& end, int rank, std::vector<int> neighbours)
    : post_(post), end_(end), rank_(rank), neighbours_(std::move(neighbours)) {}

void Ending::begin(LastWords words, Clock::duration patience) {
    if (begun_) {
        return;
    }
    begun_ = true;
    words_ = std::move(words);
    if (rank_ == 0) {
        speak();
    } else {
        post_.send(0, Word::last_words, encode(words_));
        act_at_ = Clock::now() + patience;
    }
}

void Ending::receive(const WatchPost::Letter& letter) {
    switch (letter.word) {
        case Word::last_words:
            begin(decode(letter.text), {});
            post_.send(letter.from, Word::heard);
            break;
        case Word::heard:
            wait_for_abort(0);
            break;
        case Word::ending:
            words_.status = static_cast<ExitStatus>(letter.text.at(0));
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
    if (rank_ == 0) {
        // A daemon that rank 0 can still talk to obeys mpirun.
        launchers_ = words_.host_lost ? EndLauncher::mpirun : EndLauncher::none;
    }
}

void Ending::spread(int except) {
    for (const int neighbour : neighbours_) {
        if (neighbour != except) {
            post_.send(neighbour, Word::ending, {static_cast<char>(words_.status)});
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
    act_at_ = Clock::now() + kObedience;
}

void Ending::proceed() {
    if (Clock::now() < act_at_) {
        return;
    }
    if (!said_) {
        speak();
    } else {
        end_.abort(words_.status, launchers_);
    }
}

}  // namespace alphaprune
