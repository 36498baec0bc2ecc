#include "product_inputs.hpp"

#include <algorithm>
#include <utility>

#include "scratch_cutter.hpp"

namespace alphaprune::transformer {
namespace {

/// Tokens that a thread splits at a time.
constexpr std::int64_t kSplitSlice = 64;
static_assert(kSplitSlice % linalg::kSplitTokens == 0);

std::int64_t slices_of(std::int64_t tokens) {
    return (tokens + kSplitSlice - 1) / kSplitSlice;
}

/// Values of float32 in which those of one part find room.
std::int64_t room_for(std::int64_t tokens, std::int64_t cols) {
    constexpr std::int64_t kGroup = linalg::kSplitTokens;
    const std::int64_t rows = (tokens + kGroup - 1) / kGroup * kGroup;
    return whole_lines(rows * linalg::split_width(cols) / 2);
}

}  // namespace

ProductInputs::ProductInputs(const parallel::Team& team, const PackedMath* math,
                             std::vector<Input> inputs)
    : math_(math), inputs_(std::move(inputs)) {
    if (math_ == nullptr) {
        return;
    }
    const bool two = math_->layers.precision() == linalg::ForwardPrecision::bf16x2;
    std::int64_t end = 0;
    std::vector<std::pair<std::size_t, std::int64_t>> slices;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
        const std::int64_t room = room_for(tokens(i), inputs_[i].cols);
        const std::int64_t hi = end + whole_lines(slices_of(tokens(i)));
        places_.push_back({end, hi, hi + room});
        end = hi + (two ? 2 : 1) * room;
        for (std::int64_t slice = 0; slice < slices_of(tokens(i)); ++slice) {
            slices.emplace_back(i, slice);
        }
    }
    memory_ = math_->inputs.at_least(end);
    team.share(static_cast<std::int64_t>(slices.size()), [&](std::int64_t item, int) {
        const auto [input, slice] = slices[static_cast<std::size_t>(item)];
        split_slice(input, slice);
    });
}

std::uint16_t* ProductInputs::bits_at(std::int64_t place, std::int64_t values) const {
    return reinterpret_cast<std::uint16_t*>(memory_.data() + place) + values;
}

void ProductInputs::split_slice(std::size_t input, std::int64_t slice) {
    const auto& [values, cols] = inputs_[input];
    const Place& place = places_[input];
    const std::int64_t first = slice * kSplitSlice;
    const std::int64_t at = first * linalg::split_width(cols);
    const linalg::SplitInput made = linalg::split_input(
        {values.data() + first * cols, std::min(kSplitSlice, tokens(input) - first), cols, cols},
        math_->layers.precision(), bits_at(place.hi, at), bits_at(place.lo, at));
    memory_[static_cast<std::size_t>(place.flags + slice)] = made.is_finite ? 1 : 0;
}

linalg::SplitInput ProductInputs::split(std::size_t input, parallel::RowRange tokens) const {
    const Place& place = places_[input];
    const std::int64_t cols = inputs_[input].cols;
    const std::int64_t at = tokens.begin * linalg::split_width(cols);
    linalg::SplitInput part{tokens.size(), cols, math_->layers.precision(), bits_at(place.hi, at),
                            bits_at(place.lo, at)};
    for (std::int64_t slice = tokens.begin / kSplitSlice; slice < slices_of(tokens.end); ++slice) {
        part.is_finite &= memory_[static_cast<std::size_t>(place.flags + slice)] == 1;
    }
    return part;
}

}  // namespace alphaprune::transformer
