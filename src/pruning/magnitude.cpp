#include "magnitude.hpp"

#include <algorithm>
#include <cassert>
#include <vector>

#include "selection.hpp"

namespace alphaprune::pruning {
namespace {

template <class Bits>
Selected threshold_at(const parallel::Communicator& ranks, const Magnitudes<Bits>& values,
                      std::int64_t position) {
    return select_among<Bits>(ranks, position, [&](auto use) { values.for_each(use); });
}

/// Zeros on this rank after it has lost all values below the threshold and `equal_lost` of those
/// equal to it: what was zero before is below the threshold, or equal to it.
std::int64_t zeros_after(const Selected& threshold, std::int64_t equal_lost) {
    return threshold.key == 0 ? threshold.equal_here : threshold.below_here + equal_lost;
}

/// Removes exactly `count` values, one at least: all below the threshold, and of those equal to it
/// the first in row-major order over all ranks.
template <class Bits>
std::int64_t prune_exactly(const parallel::Communicator& ranks, Magnitudes<Bits> values,
                           std::int64_t count) {
    const Selected threshold = threshold_at(ranks, values, count - 1);
    const std::int64_t equal_to_go =
        count - threshold.below - ranks.sum_before(threshold.equal_here);
    const std::int64_t equal_lost = std::clamp<std::int64_t>(equal_to_go, 0, threshold.equal_here);
    values.zero_up_to(static_cast<Bits>(threshold.key), equal_lost);
    return zeros_after(threshold, equal_lost);
}

/// Removes every value up to and including the one at `position` of the ascending order.
template <class Bits>
std::int64_t prune_inclusively(const parallel::Communicator& ranks, Magnitudes<Bits> values,
                               std::int64_t position) {
    const Selected threshold = threshold_at(ranks, values, position);
    values.zero_up_to(static_cast<Bits>(threshold.key), threshold.equal_here);
    return zeros_after(threshold, threshold.equal_here);
}

template <class Bits>
std::int64_t prune(const parallel::Communicator& ranks, std::span<std::byte> stored,
                   support::ScalarType type, double ratio, Ties ties) {
    const Magnitudes<Bits> values(stored);
    const std::int64_t total = ranks.sum(values.size());
    const auto count = static_cast<std::int64_t>(static_cast<double>(total) * ratio);
    if (total > 0 && ties == Ties::inclusive) {
        return prune_inclusively(ranks, values, std::min(count, total - 1));
    }
    if (count > 0) {
        return prune_exactly(ranks, values, std::min(count, total));
    }
    return static_cast<std::int64_t>(support::count_zeros(stored, type));
}

/// N:M: each row for itself, so each rank for itself.
std::int64_t prune_rows_to_pattern(const StoredRows& rows, Pattern pattern) {
    const std::size_t row_bytes = static_cast<std::size_t>(rows.cols) * support::size_of(rows.type);
    std::vector<float> row(static_cast<std::size_t>(rows.cols));
    std::int64_t zeros = 0;
    for (std::size_t at = 0; at < rows.bytes.size(); at += row_bytes) {
        const std::span<std::byte> stored = rows.bytes.subspan(at, row_bytes);
        support::widen(stored, rows.type, std::span(row));
        zeros += pruning::prune_rows(row, rows.cols, {}, pattern);
        support::narrow(row, rows.type, stored);
    }
    return zeros;
}

/// to[col][row] = from[row][col]
void transpose(std::span<const float> from, std::size_t rows, std::span<float> to) {
    const std::size_t cols = from.size() / rows;
    for (std::size_t row = 0; row < rows; ++row) {
        for (std::size_t col = 0; col < cols; ++col) {
            to[col * rows + row] = from[row * cols + col];
        }
    }
}

/// The same where the inputs are the rows: complete groups of rows, each column of them for itself.
std::int64_t prune_columns_to_pattern(const StoredRows& rows, Pattern pattern) {
    const auto cols = static_cast<std::size_t>(rows.cols);
    const std::size_t row_bytes = cols * support::size_of(rows.type);
    const std::size_t group_bytes = static_cast<std::size_t>(pattern.group) * row_bytes;
    std::vector<float> stored;
    std::vector<float> transposed;
    std::int64_t zeros = 0;
    for (std::size_t at = 0; at < rows.bytes.size(); at += group_bytes) {
        const auto group = rows.bytes.subspan(at, std::min(group_bytes, rows.bytes.size() - at));
        const std::size_t inputs = group.size() / row_bytes;
        stored.resize(inputs * cols);
        transposed.resize(inputs * cols);
        support::widen(group, rows.type, std::span(stored));
        transpose(stored, inputs, transposed);
        zeros += pruning::prune_rows(transposed, static_cast<std::int64_t>(inputs), {}, pattern);
        transpose(transposed, cols, stored);
        support::narrow(stored, rows.type, group);
    }
    return zeros;
}

std::int64_t prune_stored(const parallel::Communicator& ranks, const StoredRows& rows,
                          const PruneTarget& target, const PrunerSettings& settings) {
    if (!target.pattern) {
        return prune_magnitude(ranks, rows.bytes, rows.type, target.ratio, settings.ties);
    }
    return rows.transposed ? prune_columns_to_pattern(rows, *target.pattern)
                           : prune_rows_to_pattern(rows, *target.pattern);
}

/// Histogram and zeroing, and the histograms' sum.
SiteCost cost_of(const SiteWork& work) {
    constexpr double kByteSeconds = 1.2e-9;
    SiteCost cost;
    cost.seconds = kByteSeconds * work.bytes / work.ranks;
    cost.bytes_summed = static_cast<double>(kHistogramBins * sizeof(std::int64_t));
    return cost;
}

}  // namespace

std::int64_t prune_magnitude(const parallel::Communicator& ranks, std::span<std::byte> values,
                             support::ScalarType type, double ratio, Ties ties) {
    assert(ratio >= 0 && ratio <= 1);
    assert(values.size() % size_of(type) == 0);
    return type == support::ScalarType::float32
               ? prune<std::uint32_t>(ranks, values, type, ratio, ties)
               : prune<std::uint16_t>(ranks, values, type, ratio, ties);
}

Pruner magnitude_row() {
    return {.name = "magnitude",
            .title = "magnitude",
            .help = "the smallest weights of each matrix",
            .source = "Han et al., arXiv 1506.02626",
            .needs = PrunerNeeds::nothing,
            .breaks_ties = true,
            .cost = cost_of,
            .prune_rows = prune_stored};
}

}  // namespace alphaprune::pruning
