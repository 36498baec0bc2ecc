#include "attention.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "alibi.hpp"
#include "alphaprune/linalg/sgemm.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/support/stop.hpp"
#include "product_tiles.hpp"
#include "scratch_cutter.hpp"
#include "vector_math.hpp"

namespace alphaprune::transformer {
namespace {

constexpr std::int64_t kQueryTile = 64;
constexpr std::int64_t kKeyTile = 512;
/// Rows of scores lie so far apart: no power of two, which would crowd into few cache lines.
constexpr std::int64_t kScoreStride = kKeyTile + kLineFloats;

/// One head's part of a tokens × (heads × head_size) matrix, for some tokens.
template <class Real>
linalg::RowMajorView<Real> head_view(std::span<Real> values, std::int64_t heads, std::int64_t head,
                                     std::int64_t head_size, parallel::RowRange tokens) {
    const std::int64_t stride = heads * head_size;
    return {values.data() + tokens.begin * stride + head * head_size, tokens.size(), head_size,
            stride};
}

/// The keys that a query sees.
parallel::RowRange visible(const model::AttentionShape& attention, std::int64_t query) {
    const std::int64_t window = attention.window.value_or(query + 1);
    return {std::max<std::int64_t>(0, query + 1 - window), query + 1};
}

/// One head's softmax over a tile of queries, built up from one tile of keys after another: the
/// largest score so far of each query, and the sum of the exponentials measured from it.
class RunningSoftmax {
  public:
    RunningSoftmax(const model::AttentionShape& attention, parallel::RowRange queries,
                   ScratchCutter& scratch)
        : attention_(attention),
          queries_(queries),
          scores_(scratch.cut(kQueryTile * kScoreStride)),
          largest_(scratch.cut(kQueryTile)),
          sums_(scratch.cut(kQueryTile)),
          biases_(scratch.cut(kKeyTile)) {
        std::ranges::fill(largest_, -std::numeric_limits<float>::infinity());
        std::ranges::fill(sums_, 0.0F);
    }

    linalg::FloatView scores(parallel::RowRange keys) const {
        return {scores_.data(), queries_.size(), keys.size(), kScoreStride};
    }

    /// Raises the tile's scores by factor·(slope·position), measured from the newest query so that
    /// they do not grow with the sequence.
    void add_biases(parallel::RowRange keys, float slope, float factor) {
        const auto biases = biases_.first(static_cast<std::size_t>(keys.size()));
        float newest = 0;
        alibi_biases(slope, {queries_.end - 1, queries_.end}, {&newest, 1});
        alibi_biases(slope, keys, biases);
        for (float& bias : biases) {
            bias = (bias - newest) * factor;
        }
        for (std::int64_t row = 0; row < queries_.size(); ++row) {
            add(row_of(scores(keys), row), biases);
        }
    }

    /// Turns the tile's scores into weights, and brings what was summed up in `out` down to the
    /// same scale.
    void weigh(parallel::RowRange keys, linalg::FloatView out) {
        for (std::int64_t row = 0; row < queries_.size(); ++row) {
            const parallel::RowRange seen = visible(attention_, queries_.begin + row);
            const std::int64_t begin = std::clamp(seen.begin, keys.begin, keys.end) - keys.begin;
            const std::int64_t end = std::clamp(seen.end, keys.begin, keys.end) - keys.begin;
            float* const scores = scores_.data() + row * kScoreStride;
            std::fill(scores, scores + begin, 0.0F);
            std::fill(scores + end, scores + keys.size(), 0.0F);
            if (begin < end) {
                weigh_row(row, {scores + begin, static_cast<std::size_t>(end - begin)}, out);
            }
        }
    }

    /// @param sink  a score that counts in the sums alone; −∞ for none
    void divide(linalg::FloatView out, float sink) const {
        for (std::int64_t row = 0; row < queries_.size(); ++row) {
            const auto at = static_cast<std::size_t>(row);
            scale(row_of(out, row), 1.0F / (sums_[at] + std::exp(sink - largest_[at])));
        }
    }

  private:
    void weigh_row(std::int64_t row, std::span<float> scores, linalg::FloatView out) {
        if (attention_.softcap > 0) {
            soft_cap(scores, static_cast<float>(attention_.softcap));
        }
        float& largest_so_far = largest_[static_cast<std::size_t>(row)];
        float& sum_so_far = sums_[static_cast<std::size_t>(row)];
        const float before = largest_so_far;
        largest_so_far = std::max(before, largest(scores));
        if (sum_so_far > 0 && largest_so_far > before) {
            const float shrink = std::exp(before - largest_so_far);
            sum_so_far *= shrink;
            scale(row_of(out, row), shrink);
        }
        sum_so_far += exponentials(scores, largest_so_far);
    }

    const model::AttentionShape& attention_;
    parallel::RowRange queries_;
    std::span<float> scores_;
    std::span<float> largest_;
    std::span<float> sums_;
    std::span<float> biases_;
};

void attend_tile(const model::AttentionShape& attention, const AttentionValues& values,
                 std::int64_t head, parallel::RowRange queries, std::span<float> scratch) {
    const std::int64_t size = attention.head_size;
    const std::int64_t shared = head / (attention.heads / attention.key_value_heads);
    const auto factor = static_cast<float>(
        attention.scale > 0 ? attention.scale : 1.0 / std::sqrt(static_cast<double>(size)));
    const auto query = head_view(values.query, attention.heads, head, size, queries);
    const std::int64_t value_size = attention.value_size > 0 ? attention.value_size : size;
    const auto out = head_view(values.out, attention.heads, head, value_size, queries);
    const parallel::RowRange seen{visible(attention, queries.begin).begin, queries.end};

    const float slope = attention.alibi ? alibi_slope(head, attention.heads) : 0;
    ScratchCutter cutter(scratch);
    RunningSoftmax softmax(attention, queries, cutter);
    for (std::int64_t begin = seen.begin; begin < seen.end; begin += kKeyTile) {
        const parallel::RowRange keys{begin, std::min(begin + kKeyTile, seen.end)};
        const auto key = head_view(values.key, attention.key_value_heads, shared, size, keys);
        const auto value =
            head_view(values.value, attention.key_value_heads, shared, value_size, keys);
        const linalg::FloatView scores = softmax.scores(keys);
        linalg::sgemm(factor, query, key, linalg::Transpose::yes, 0, scores);
        if (attention.alibi) {
            softmax.add_biases(keys, slope, factor);
        }
        softmax.weigh(keys, out);
        const linalg::ConstFloatView weights{scores.data, scores.rows, scores.cols, scores.stride};
        linalg::sgemm(1, weights, value, linalg::Transpose::no, begin == seen.begin ? 0.0F : 1.0F,
                      out);
    }
    softmax.divide(out, values.sinks.empty() ? -std::numeric_limits<float>::infinity()
                                             : values.sinks[static_cast<std::size_t>(head)]);
}

}  // namespace

void attend(const parallel::Team& team, const model::AttentionShape& attention,
            const AttentionValues& values, std::int64_t tokens, const ThreadScratch& scratch) {
    const std::int64_t tiles = (tokens + kQueryTile - 1) / kQueryTile;
    team.share(attention.heads * tiles, [&](std::int64_t item, int thread) {
        support::check_stop();
        const std::int64_t head = item / tiles;
        // Later queries see more keys: every other head begins with them, for an even division.
        const std::int64_t place = item % tiles;
        const std::int64_t begin = (head % 2 == 0 ? place : tiles - 1 - place) * kQueryTile;
        attend_tile(attention, values, head, {begin, std::min(begin + kQueryTile, tokens)},
                    scratch.of(thread));
    });
}

std::int64_t attention_scratch() {
    return whole_lines(kQueryTile * kScoreStride) + 2 * whole_lines(kQueryTile) +
           whole_lines(kKeyTile);
}

double attended_pairs(std::int64_t tokens, std::optional<std::int64_t> window) {
    const std::int64_t full = std::min(window.value_or(tokens), tokens);
    const auto n = static_cast<double>(full);
    return n * (n + 1) / 2 + static_cast<double>(tokens - full) * n;
}

}  // namespace alphaprune::transformer
