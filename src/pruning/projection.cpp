#include "projection.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "scores.hpp"
#include "shared_values.hpp"

namespace alphaprune::pruning {
namespace {

std::int64_t removed_in_groups(std::int64_t size, std::int64_t cols, Pattern pattern) {
    const std::int64_t whole = cols / pattern.group * pattern.removed;
    const int rest = removed_of(pattern, static_cast<int>(cols % pattern.group));
    return size / cols * (whole + rest);
}

}  // namespace

WeightCounts count_weights(const parallel::Communicator& ranks, std::int64_t size,
                           std::int64_t cols, const PruneTarget& target,
                           std::span<const std::uint8_t> gone) {
    const std::int64_t total = ranks.sum(size);
    const std::int64_t removed =
        target.pattern ? removed_in_groups(total, cols, *target.pattern)
                       : static_cast<std::int64_t>(static_cast<double>(total) * target.ratio);
    const std::int64_t gone_here = std::ssize(gone) - std::ranges::count(gone, std::uint8_t{0});
    return {total, std::max(removed, ranks.sum(gone_here))};
}

std::int64_t equals_to_go(const parallel::Communicator& ranks, const WeightCounts& counts,
                          const Selected& last) {
    const std::int64_t before = ranks.sum_before(last.equal_here);
    return std::clamp<std::int64_t>(counts.removed - last.below - before, 0, last.equal_here);
}

Projection::Projection(const parallel::Communicator& ranks, const parallel::ThreadPool& threads,
                       std::int64_t size, std::int64_t cols, const PruneTarget& target,
                       std::span<const std::uint8_t> gone)
    : ranks_(ranks),
      threads_(threads),
      cols_(cols),
      pattern_(target.pattern),
      gone_(gone),
      counts_(count_weights(ranks, size, cols, target, gone)) {}

void Projection::choose(std::span<const float> values, std::span<std::uint8_t> stays) {
    if (!pattern_) {
        choose_largest(values, stays);
        return;
    }
    share_rows(threads_, std::ssize(values) / cols_, cols_, [&](std::size_t at, std::size_t size) {
        choose_in_groups(values.subspan(at, size), stays.subspan(at, size),
                         gone_.empty() ? gone_ : gone_.subspan(at, size));
    });
}

void Projection::operator()(std::span<const float> values, std::span<float> out) {
    std::vector<std::uint8_t> stays(values.size());
    choose(values, stays);
    const std::span<const std::uint8_t> chosen = stays;
    share_values(threads_, values.size(),
                 [=](std::size_t i) { out[i] = chosen[i] != 0 ? values[i] : 0.0F; });
}

std::span<const float> Projection::without_gone(std::span<const float> values) {
    if (gone_.empty()) {
        return values;
    }
    candidates_.resize(values.size());
    share_values(threads_, values.size(),
                 [values, gone = gone_, out = std::span(candidates_)](std::size_t i) {
                     out[i] = gone[i] != 0 ? 0.0F : values[i];
                 });
    return candidates_;
}

void Projection::forbid_gone(std::span<std::uint8_t> stays) const {
    share_values(threads_, gone_.size(), [stays, gone = gone_](std::size_t i) {
        stays[i] = gone[i] != 0 ? std::uint8_t{0} : stays[i];
    });
}

void Projection::choose_largest(std::span<const float> all, std::span<std::uint8_t> stays) {
    if (counts_.removed == 0 || kept() == 0) {
        std::ranges::fill(stays, std::uint8_t{counts_.removed == 0});
        return;
    }
    const std::span<const float> values = without_gone(all);
    const Selected last = select_magnitude(ranks_, threads_, values, counts_.removed - 1, last_);
    share_values(threads_, values.size(), [=, key = last.key](std::size_t i) {
        stays[i] = magnitude_key(values[i]) > key ? 1 : 0;
    });
    if (counts_.removed == last.below + last.equal) {
        return;  // with all that is gone
    }
    // Of those equal to the last that goes, this rank's first ones go.
    std::int64_t to_go = equals_to_go(ranks_, counts_, last);
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (magnitude_key(values[i]) == last.key) {
            stays[i] = to_go > 0 ? 0 : 1;
            --to_go;
        }
    }
    forbid_gone(stays);  // an equal zero may have gone in place of one of these
}

void Projection::choose_in_groups(std::span<const float> values, std::span<std::uint8_t> stays,
                                  std::span<const std::uint8_t> gone) const {
    const auto width = static_cast<std::size_t>(cols_);
    for (std::size_t row = 0; row < values.size(); row += width) {
        for (std::int64_t first = 0; first < cols_; first += pattern_->group) {
            const auto size =
                static_cast<int>(std::min<std::int64_t>(pattern_->group, cols_ - first));
            const std::size_t at = row + static_cast<std::size_t>(first);
            std::array<float, kLargestGroup> magnitudes{};
            const auto is_gone = [&](std::size_t one) { return !gone.empty() && gone[one] != 0; };
            for (int i = 0; i < size; ++i) {
                const std::size_t one = at + static_cast<std::size_t>(i);
                magnitudes[static_cast<std::size_t>(i)] =
                    is_gone(one) ? -1.0F : std::abs(values[one]);
            }
            for (int i = 0; i < size; ++i) {
                const std::size_t one = at + static_cast<std::size_t>(i);
                const bool goes = rank_among(magnitudes, size, i) < removed_of(*pattern_, size);
                stays[one] = goes || is_gone(one) ? 0 : 1;
            }
        }
    }
}

}  // namespace alphaprune::pruning
