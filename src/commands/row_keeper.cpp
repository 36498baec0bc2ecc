#include "row_keeper.hpp"

#include <algorithm>

#include "alphaprune/support/error.hpp"

namespace alphaprune::commands {

void RowKeeper::write(const resume::WrittenRows& rows, std::span<const std::byte> bytes) {
    files_.write_rows(rows.tensor, rows.rows, bytes);
    pending_.push_back(rows);
    if (due()) {
        make_durable();
    }
}

/// Syncing waits for the disk: a small share of the time, and at most four times a second.
bool RowKeeper::due() const {
    constexpr double kSeconds = 0.25;
    constexpr double kCosts = 20;
    return since_.seconds() > std::max(kSeconds, kCosts * cost_);
}

void RowKeeper::make_durable() {
    if (pending_.empty()) {
        return;
    }
    const support::Stopwatch watch;
    files_.sync_rows();
    journal_.add_rows(pending_);
    pending_.clear();
    cost_ = watch.seconds();
    since_.restart();
}

void RowKeeper::save_what_can_be() {
    try {
        make_durable();
    } catch (const support::Error&) {  // the run ends with an earlier one
    }
}

}  // namespace alphaprune::commands
