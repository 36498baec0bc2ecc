#include "alphaprune/parallel/work_counter.hpp"

#include "shared_numbers.hpp"

namespace alphaprune::parallel {
namespace {

using Change = SharedNumbers::Change;

enum Number : int { kDone, kLeft, kAlarm, kFirstList };

}  // namespace

WorkCounter::WorkCounter(const Communicator& ranks, int lists)
    : numbers_(make_shared_numbers(ranks, kFirstList + lists)) {}
WorkCounter::WorkCounter(WorkCounter&&) noexcept = default;
WorkCounter& WorkCounter::operator=(WorkCounter&&) noexcept = default;
WorkCounter::~WorkCounter() = default;

std::int64_t WorkCounter::next(int list) {
    return numbers_->update(kFirstList + list, 1, Change::add);
}
void WorkCounter::item_done() {
    numbers_->update(kDone, 1, Change::add);
}
std::int64_t WorkCounter::items_done() const {
    return numbers_->update(kDone, 0, Change::none);
}
void WorkCounter::item_left() {
    numbers_->update(kLeft, 1, Change::add);
}
std::int64_t WorkCounter::items_left() const {
    return numbers_->update(kLeft, 0, Change::none);
}
void WorkCounter::raise_alarm() {
    numbers_->update(kAlarm, 1, Change::replace);
}
bool WorkCounter::alarm() const {
    return numbers_->update(kAlarm, 0, Change::none) != 0;
}

}  // namespace alphaprune::parallel
