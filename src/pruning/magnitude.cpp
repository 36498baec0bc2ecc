#include "magnitude.hpp"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstring>
#include <vector>

#include "selection.hpp"
#include "shared_values.hpp"

namespace alphaprune::pruning {
namespace {

/// All values below a threshold go, and of those equal to it as many as `ties` says, the first in
/// row-major order over all ranks.
template <class Bits>
std::int64_t prune(const parallel::Communicator& ranks, const parallel::ThreadPool& threads,
                   std::span<std::byte> stored, support::ScalarType type, double ratio, Ties ties) {
    Magnitudes<Bits> values(stored);
    const std::int64_t total = ranks.sum(values.size());
    const auto share = static_cast<std::int64_t>(static_cast<double>(total) * ratio);
    const std::int64_t count = std::min(ties == Ties::inclusive ? share + 1 : share, total);
    if (count == 0) {
        return static_cast<std::int64_t>(support::count_zeros(stored, type));
    }
    const Selected threshold = select_among<Bits>(ranks, threads, values, count - 1);
    std::int64_t equal_lost = threshold.equal_here;
    if (ties == Ties::exact) {
        const std::int64_t equal_to_go =
            count - threshold.below - ranks.sum_before(threshold.equal_here);
        equal_lost = std::clamp<std::int64_t>(equal_to_go, 0, threshold.equal_here);
    }
    values.zero_up_to(threads, static_cast<Bits>(threshold.key), equal_lost);
    // What was zero before is below the threshold, or equal to it.
    return threshold.key == 0 ? threshold.equal_here : threshold.below_here + equal_lost;
}

/// Of float64 the magnitudes are compared in float32, in which everything is computed; those that
/// stay keep all of their bits.
std::int64_t prune_float64(const parallel::Communicator& ranks, const parallel::ThreadPool& threads,
                           std::span<std::byte> stored, double ratio, Ties ties) {
    constexpr std::size_t kBytes = sizeof(double);
    std::vector<float> values(stored.size() / kBytes);
    support::widen(stored, support::ScalarType::float64, std::span(values));
    const std::int64_t zeros =
        prune<std::uint32_t>(ranks, threads, std::as_writable_bytes(std::span(values)),
                             support::ScalarType::float32, ratio, ties);
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (values[i] == 0.0F) {  // of either sign; too small for float32 is zero, too
            const double zero = values[i];
            std::memcpy(stored.data() + i * kBytes, &zero, kBytes);
        }
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

/// @param at_once  bytes of a row, or of a group of rows
std::int64_t prune_groups(const StoredRows& rows, std::size_t at_once, Pattern pattern) {
    const std::size_t row_bytes = static_cast<std::size_t>(rows.cols) * support::size_of(rows.type);
    const auto cols = static_cast<std::size_t>(rows.cols);
    std::vector<float> values;
    std::vector<float> transposed;
    std::int64_t zeros = 0;
    for (std::size_t at = 0; at < rows.bytes.size(); at += at_once) {
        const auto stored = rows.bytes.subspan(at, std::min(at_once, rows.bytes.size() - at));
        const std::size_t high = stored.size() / row_bytes;
        values.resize(high * cols);
        support::widen(stored, rows.type, std::span(values));
        if (rows.transposed) {
            transposed.resize(values.size());
            transpose(values, high, transposed);
            zeros += prune_rows(transposed, static_cast<std::int64_t>(high), {}, pattern);
            transpose(transposed, cols, values);
        } else {
            zeros += prune_rows(values, rows.cols, {}, pattern);
        }
        support::narrow(values, rows.type, stored);
    }
    return zeros;
}

/// N:M: each row for itself, so each rank for itself; where the inputs are the rows, complete
/// groups of rows, each column of them for itself.
std::int64_t prune_to_pattern(const parallel::ThreadPool& threads, const StoredRows& rows,
                              Pattern pattern) {
    const auto cols = static_cast<std::size_t>(rows.cols);
    const std::size_t row_bytes = cols * support::size_of(rows.type);
    const std::size_t at_once =
        row_bytes * (rows.transposed ? static_cast<std::size_t>(pattern.group) : 1);
    const std::size_t groups = (rows.bytes.size() + at_once - 1) / at_once;
    std::atomic<std::int64_t> zeros = 0;
    share_rows(threads, static_cast<std::int64_t>(groups), static_cast<std::int64_t>(at_once),
               [&](std::size_t first, std::size_t size) {
                   const std::size_t there = rows.bytes.size() - first;
                   zeros += prune_groups({rows.bytes.subspan(first, std::min(size, there)),
                                          rows.type, rows.cols, rows.transposed},
                                         at_once, pattern);
               });
    return zeros;
}

std::int64_t prune_stored(const parallel::Communicator& ranks, const parallel::ThreadPool& threads,
                          const StoredRows& rows, const PruneTarget& target,
                          const PrunerSettings& settings) {
    return target.pattern ? prune_to_pattern(threads, rows, *target.pattern)
                          : prune_magnitude(ranks, threads, rows.bytes, rows.type, target.ratio,
                                            settings.ties);
}

/// Histogram and zeroing, and the histograms' sum.
SiteCost cost_of(const SiteWork& work) {
    constexpr double kByteSeconds = 1.2e-9;
    SiteCost cost;
    cost.seconds = kByteSeconds * work.bytes / work.ranks;
    cost.bytes_summed = 65536.0 * sizeof(std::int64_t);
    return cost;
}

}  // namespace

std::int64_t prune_magnitude(const parallel::Communicator& ranks,
                             const parallel::ThreadPool& threads, std::span<std::byte> values,
                             support::ScalarType type, double ratio, Ties ties) {
    assert(ratio >= 0 && ratio <= 1);
    assert(values.size() % size_of(type) == 0);
    if (type == support::ScalarType::float64) {
        return prune_float64(ranks, threads, values, ratio, ties);
    }
    return type == support::ScalarType::float32
               ? prune<std::uint32_t>(ranks, threads, values, type, ratio, ties)
               : prune<std::uint16_t>(ranks, threads, values, type, ratio, ties);
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
