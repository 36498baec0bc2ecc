#include "alphaprune/parallel/work_counter.hpp"

#include "shared_counters.hpp"

namespace alphaprune::parallel {
namespace {

using Change = SharedCounters::Change;

enum Counter : int { kDone, kLeft, kAlarm, kFirstList };

}  // namespace

WorkCounter::WorkCounter(const Communicator& ranks, int lists)
    : counters_(make_shared_counters(ranks, kFirstList + lists)) {}
WorkCounter::WorkCounter(WorkCounter&&) noexcept = default;
WorkCounter& WorkCounter::operator=(WorkCounter&&) noexcept = default;
WorkCounter::~WorkCounter() = default;

std::int64_t WorkCounter::next(int list) {
    return counters_->update(kFirstList + list, 1, Change::add);
}
void WorkCounter::item_done() {
    counters_->update(kDone, 1, Change::add);
}
std::int64_t WorkCounter::items_done() const {
    return counters_->update(kDone, 0, Change::none);
}
void WorkCounter::item_skipped() {
    counters_->update(kLeft, 1, Change::add);
}
std::int64_t WorkCounter::items_skipped() const {
    return counters_->update(kLeft, 0, Change::none);
}
void WorkCounter::raise_alarm() {
    counters_->update(kAlarm, 1, Change::replace);
}
bool WorkCounter::alarm() const {
    return counters_->update(kAlarm, 0, Change::none) != 0;
}

}  // namespace alphaprune::parallel
