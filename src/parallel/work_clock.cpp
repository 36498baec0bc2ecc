#include "alphaprune/parallel/work_clock.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string>

namespace alphaprune::parallel {
namespace {

/// One of these for the whole phase, with block −1, then one per block.
struct TimesRow {
    int block = -1;
    WorkSeconds seconds;
};

std::string packed(const RankTimes& times) {
    std::vector<TimesRow> rows{{-1, times.phase}};
    for (const auto& [block, seconds] : times.blocks) {
        rows.push_back({block, seconds});
    }
    std::string text(rows.size() * sizeof(TimesRow), '\0');
    std::memcpy(text.data(), rows.data(), text.size());
    return text;
}

RankTimes unpacked(const std::string& text) {
    std::vector<TimesRow> rows(text.size() / sizeof(TimesRow));
    std::memcpy(rows.data(), text.data(), text.size());
    RankTimes times{rows.front().seconds, {}};
    for (std::size_t i = 1; i < rows.size(); ++i) {
        times.blocks.emplace_back(rows[i].block, rows[i].seconds);
    }
    return times;
}

}  // namespace

std::string_view name_of(Work work) {
    constexpr std::array<std::string_view, kWorks> kNames{
        "read", "forward", "statistics", "prune", "exchange", "write", "wait", "other"};
    return kNames[static_cast<std::size_t>(work)];
}

double WorkSeconds::total() const {
    return std::accumulate(of.begin(), of.end(), 0.0);
}

Work WorkClock::turn_to(Work work) {
    const double seconds = since_.seconds();
    since_.restart();
    times_.phase[work_] += seconds;
    if (block_) {
        times_.blocks[*block_].second[work_] += seconds;
    }
    return std::exchange(work_, work);
}

void WorkClock::begin_phase() {
    times_ = {};
    block_.reset();
    work_ = Work::other;
    since_.restart();
}

void WorkClock::begin_block(int block) {
    end_blocks();
    const auto at = static_cast<std::size_t>(
        std::ranges::find(times_.blocks, block, &std::pair<int, WorkSeconds>::first) -
        times_.blocks.begin());
    if (at == times_.blocks.size()) {
        times_.blocks.emplace_back(block, WorkSeconds{});
    }
    block_ = at;
}

void WorkClock::end_blocks() {
    turn_to(work_);
    block_.reset();
}

const RankTimes& WorkClock::times() {
    turn_to(work_);
    return times_;
}

std::vector<RankTimes> gather_times(const Communicator& ranks, WorkClock& clock) {
    std::vector<RankTimes> all;
    for (const std::string& text : ranks.gather_texts(packed(clock.times()))) {
        all.push_back(unpacked(text));
    }
    return all;
}

}  // namespace alphaprune::parallel
