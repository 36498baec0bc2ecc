#include "alphaprune/pruning/row_pruning.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <vector>

#include "alphaprune/support/number.hpp"
#include "scores.hpp"

namespace alphaprune::pruning {
namespace {

/// Score and column in one number that orders by score, then by column: a score is not negative, so
/// its bit pattern orders as it does. What is gone comes before the score zero.
std::uint64_t key_of(float score, std::size_t col, bool is_gone) {
    const std::uint64_t order =
        is_gone ? 0 : std::uint64_t{std::bit_cast<std::uint32_t>(score)} + 1;
    return order << 32 | col;
}

bool is_gone(std::span<const std::uint8_t> gone, std::size_t weight) {
    return !gone.empty() && gone[weight] != 0;
}

std::size_t column_of(std::uint64_t key) {
    return static_cast<std::size_t>(key & 0xFFFFFFFFU);
}

[[maybe_unused]] bool fits(std::span<const float> weights, std::int64_t cols,
                           std::span<const float> input_norms) {
    return cols > 0 && weights.size() % static_cast<std::size_t>(cols) == 0 &&
           (input_norms.empty() || input_norms.size() == static_cast<std::size_t>(cols));
}

/// Calls use(score) for each weight, row after row.
template <class Use>
void for_each_score(std::span<const float> weights, std::int64_t cols,
                    std::span<const float> input_norms, Use use) {
    assert(fits(weights, cols, input_norms));
    for_each_row(weights, cols, [&](std::span<const float> row) {
        for (std::size_t col = 0; col < row.size(); ++col) {
            use(score_of(row[col], input_norms, static_cast<std::int64_t>(col)));
        }
    });
}

/// Digits only, no sign, at most two of them.
std::optional<int> small_number(std::string_view text) {
    const auto number = support::number_in<int>(text);
    return text.size() <= 2 && number && *number >= 0 ? number : std::nullopt;
}

}  // namespace

std::optional<Pattern> pattern_named(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    const auto removed = small_number(text.substr(0, colon));
    const auto group = small_number(text.substr(colon + 1));
    if (!removed || !group || *removed < 1 || *removed >= *group || *group > kLargestGroup) {
        return std::nullopt;
    }
    return Pattern{*removed, *group};
}

std::int64_t dropped_of_row(std::int64_t cols, double ratio) {
    return std::min(static_cast<std::int64_t>(static_cast<double>(cols) * ratio), cols);
}

std::int64_t prune_rows(std::span<float> weights, std::int64_t cols,
                        std::span<const float> input_norms, double ratio,
                        std::span<const std::uint8_t> gone) {
    assert(fits(weights, cols, input_norms));
    assert(gone.empty() || gone.size() == weights.size());
    assert(ratio >= 0 && ratio <= 1);
    const std::int64_t count = dropped_of_row(cols, ratio);
    std::vector<std::uint64_t> keys(static_cast<std::size_t>(cols));
    std::size_t begin = 0;
    for_each_row(weights, cols, [&](std::span<float> row) {
        for (std::size_t col = 0; col < row.size(); ++col) {
            keys[col] = key_of(score_of(row[col], input_norms, static_cast<std::int64_t>(col)), col,
                               is_gone(gone, begin + col));
        }
        begin += row.size();
        const auto kept = keys.begin() + count;
        std::nth_element(keys.begin(), kept, keys.end());
        std::for_each(keys.begin(), kept, [&](std::uint64_t key) { row[column_of(key)] = 0.0F; });
    });
    return zeros_among(weights);
}

std::int64_t prune_rows(std::span<float> weights, std::int64_t cols,
                        std::span<const float> input_norms, Pattern pattern,
                        std::span<const std::uint8_t> gone) {
    assert(fits(weights, cols, input_norms));
    assert(gone.empty() || gone.size() == weights.size());
    assert(pattern.group >= 1 && pattern.group <= kLargestGroup);
    std::size_t begin = 0;
    for_each_row(weights, cols, [&](std::span<float> row) {
        for (std::int64_t first = 0; first < cols; first += pattern.group) {
            const auto width =
                static_cast<int>(std::min<std::int64_t>(pattern.group, cols - first));
            std::array<float, kLargestGroup> scores{};
            for (int i = 0; i < width; ++i) {
                const auto at = static_cast<std::size_t>(first + i);
                scores[static_cast<std::size_t>(i)] =
                    is_gone(gone, begin + at) ? -1.0F : score_of(row[at], input_norms, first + i);
            }
            const int removed = removed_of(pattern, width);
            for (int i = 0; i < width; ++i) {
                if (rank_among(scores, width, i) < removed) {
                    row[static_cast<std::size_t>(first + i)] = 0.0F;
                }
            }
        }
        begin += row.size();
    });
    return zeros_among(weights);
}

std::int64_t count_overflows(std::span<const float> weights, std::int64_t cols,
                             std::span<const float> input_norms) {
    assert(fits(weights, cols, input_norms));
    const auto largest = [](std::span<const float> values) {
        float most = 0;
        for (const float value : values) {
            most = std::max(most, std::abs(value));
        }
        return most;
    };
    if (input_norms.empty() || std::isfinite(largest(weights) * largest(input_norms))) {
        return 0;
    }
    std::int64_t overflows = 0;
    for_each_score(weights, cols, input_norms,
                   [&](float score) { overflows += std::isfinite(score) ? 0 : 1; });
    return overflows;
}

double sum_of_scores(std::span<const float> weights, std::int64_t cols,
                     std::span<const float> input_norms) {
    double sum = 0;
    for_each_score(weights, cols, input_norms, [&](float score) { sum += double{score}; });
    return sum;
}

std::int64_t count_outliers(std::span<const float> weights, std::int64_t cols,
                            std::span<const float> input_norms, double mean_score,
                            double multiple) {
    // In float32, as published; it also takes away the last bits of the mean, which depend on how
    // the scores were shared out when they were added.
    const auto limit = static_cast<float>(multiple * double{static_cast<float>(mean_score)});
    std::int64_t outliers = 0;
    for_each_score(weights, cols, input_norms,
                   [&](float score) { outliers += score > limit ? 1 : 0; });
    return outliers;
}

}  // namespace alphaprune::pruning
