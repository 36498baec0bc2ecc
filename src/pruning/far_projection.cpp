#include "far_projection.hpp"

#include <vector>

#include "far_selection.hpp"

namespace alphaprune::pruning {

FarProjection::FarProjection(const parallel::Communicator& ranks, linalg::FarLane& lane,
                             std::int64_t size, std::int64_t cols, const PruneTarget& target,
                             std::span<const std::uint8_t> gone)
    : ranks_(ranks),
      lane_(lane),
      size_(size),
      cols_(cols),
      pattern_(target.pattern),
      counts_(count_weights(ranks, size, cols, target, gone)),
      gone_memory_(lane),
      stays_(lane),
      room_(lane) {
    if (!gone.empty()) {
        gone_ = gone_memory_.filled(gone).data();
    }
}

void FarProjection::choose(const float* values, std::uint8_t* stays) {
    if (pattern_) {
        lane_.choose_in_groups({.values = values,
                                .gone = gone_,
                                .rows = size_ / cols_,
                                .cols = cols_,
                                .group = pattern_->group,
                                .removed = pattern_->removed,
                                .stays = stays});
    } else {
        choose_largest(values, stays);
    }
}

void FarProjection::operator()(const float* values, float* out) {
    std::uint8_t* const stays = stays_.at_least<std::uint8_t>(size_).data();
    choose(values, stays);
    lane_.add_chosen({.values = values,
                      .stays = stays,
                      .count = size_,
                      .if_stays = 1,
                      .if_goes = 0,
                      .out = out});
}

void FarProjection::choose_largest(const float* values, std::uint8_t* stays) {
    if (counts_.removed == 0 || kept() == 0) {
        const std::vector<std::uint8_t> all(static_cast<std::size_t>(size_),
                                            std::uint8_t{counts_.removed == 0});
        lane_.upload(stays, std::as_bytes(std::span(all)));
        return;
    }
    const FarValues candidates{values, size_, gone_};
    const std::int64_t position = counts_.removed - 1;
    const Selected last =
        select_far(ranks_, lane_, std::span(&candidates, 1), std::span(&position, 1), room_)
            .front();
    const bool with_all_equals = counts_.removed == last.below + last.equal;
    lane_.choose_larger(
        {.values = values,
         .gone = gone_,
         .count = size_,
         .bound = last.key,
         .stays = stays,
         .equals_to_go = with_all_equals ? -1 : equals_to_go(ranks_, counts_, last)});
}

}  // namespace alphaprune::pruning
