#include "projection.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <vector>

#include "scores.hpp"
#include "selection.hpp"

namespace alphaprune::pruning {
namespace {

/// Orders as the magnitude does.
std::uint32_t magnitude_key(float value) {
    return std::bit_cast<std::uint32_t>(std::abs(value));
}

std::int64_t removed_in_groups(std::int64_t size, std::int64_t cols, Pattern pattern) {
    const std::int64_t whole = cols / pattern.group * pattern.removed;
    const int rest = removed_of(pattern, static_cast<int>(cols % pattern.group));
    return size / cols * (whole + rest);
}

}  // namespace

Projection::Projection(const parallel::Communicator& ranks, std::int64_t size, std::int64_t cols,
                       const PruneTarget& target)
    : ranks_(ranks), cols_(cols), pattern_(target.pattern), total_(ranks.sum(size)) {
    removed_ = pattern_ ? removed_in_groups(total_, cols_, *pattern_)
                        : static_cast<std::int64_t>(static_cast<double>(total_) * target.ratio);
}

void Projection::operator()(std::span<const float> values, std::span<float> out) const {
    pattern_ ? keep_in_groups(values, out) : keep_largest(values, out);
}

void Projection::keep_largest(std::span<const float> values, std::span<float> out) const {
    if (removed_ == 0 || removed_ == total_) {
        std::ranges::transform(values, out.begin(),
                               [&](float value) { return removed_ == 0 ? value : 0.0F; });
        return;
    }
    std::vector<std::uint32_t> keys(values.size());
    std::ranges::transform(values, keys.begin(), magnitude_key);
    const Selected last = select_key(ranks_, std::span<const std::uint32_t>(keys), removed_ - 1);
    // Of those equal to the last that goes, this rank's first ones go.
    const std::int64_t before = ranks_.sum_before(last.equal_here);
    std::int64_t to_go =
        std::clamp<std::int64_t>(removed_ - last.below - before, 0, last.equal_here);
    for (std::size_t i = 0; i < values.size(); ++i) {
        const bool equal_goes = keys[i] == last.key && to_go > 0;
        to_go -= equal_goes ? 1 : 0;
        out[i] = keys[i] < last.key || equal_goes ? 0.0F : values[i];
    }
}

void Projection::keep_in_groups(std::span<const float> values, std::span<float> out) const {
    const auto width = static_cast<std::size_t>(cols_);
    for (std::size_t row = 0; row < values.size(); row += width) {
        for (std::int64_t first = 0; first < cols_; first += pattern_->group) {
            const auto size =
                static_cast<int>(std::min<std::int64_t>(pattern_->group, cols_ - first));
            const std::size_t at = row + static_cast<std::size_t>(first);
            std::array<float, kLargestGroup> magnitudes{};
            for (int i = 0; i < size; ++i) {
                magnitudes[static_cast<std::size_t>(i)] =
                    std::abs(values[at + static_cast<std::size_t>(i)]);
            }
            for (int i = 0; i < size; ++i) {
                const std::size_t one = at + static_cast<std::size_t>(i);
                out[one] = rank_among(magnitudes, size, i) < removed_of(*pattern_, size)
                               ? 0.0F
                               : values[one];
            }
        }
    }
}

}  // namespace alphaprune::pruning
