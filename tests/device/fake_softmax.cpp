#include "fake_softmax.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "fake_arithmetic.hpp"

namespace card = alphaprune::transformer::card;
using alphaprune::support::ScalarType;

namespace {

constexpr std::int64_t kQueryTile = 64;

/// Of rows `stride` apart, some values of each.
std::vector<float> cut(const float* values, std::int64_t rows, std::int64_t stride,
                       std::int64_t width) {
    std::vector<float> out;
    for (std::int64_t row = 0; row < rows; ++row) {
        out.insert(out.end(), values + row * stride, values + row * stride + width);
    }
    return out;
}

/// Scores of one query become weights that are not yet divided by their sum.
/// @returns the sum, that of the sink among it
float weigh(const card::Attention& work, std::int64_t head, std::int64_t query, float* scores,
            std::int64_t keys) {
    const float* const biases = work.biases == nullptr ? nullptr : work.biases + head * work.tokens;
    const std::int64_t begin =
        work.window == 0 ? 0 : std::max<std::int64_t>(0, query + 1 - work.window);
    float largest =
        work.sinks == nullptr ? -std::numeric_limits<float>::infinity() : work.sinks[head];
    for (std::int64_t key = begin; key <= query; ++key) {
        float score = work.scale * scores[key];
        if (biases != nullptr) {
            score += work.scale * (biases[key] - biases[query]);
        }
        scores[key] = work.softcap > 0 ? work.softcap * std::tanh(score / work.softcap) : score;
        largest = std::max(largest, scores[key]);
    }
    double sum = work.sinks == nullptr ? 0 : std::exp(work.sinks[head] - largest);
    for (std::int64_t key = 0; key < keys; ++key) {
        const bool is_seen = begin <= key && key <= query;
        scores[key] = is_seen ? std::exp(scores[key] - largest) : 0.0F;
        sum += static_cast<double>(scores[key]);
    }
    return static_cast<float>(sum);
}

}  // namespace

void attend_head(const card::Attention& work, std::int64_t head, int parts) {
    const std::int64_t shared = head / (work.heads / work.key_value_heads);
    const auto bf16 = ScalarType::bfloat16;
    for (std::int64_t first = 0; first < work.tokens; first += kQueryTile) {
        const std::int64_t queries = std::min(kQueryTile, work.tokens - first);
        const std::int64_t keys = first + queries;
        const std::int64_t query_stride = work.heads * work.head_size;
        const Parts query = split(cut(work.query + first * query_stride + head * work.head_size,
                                      queries, query_stride, work.head_size),
                                  bf16, parts);
        const Parts key = split(cut(work.key + shared * work.head_size, keys,
                                    work.key_value_heads * work.head_size, work.head_size),
                                bf16, parts);
        const Parts value = split(cut(work.value + shared * work.value_size, keys,
                                      work.key_value_heads * work.value_size, work.value_size),
                                  bf16, parts);
        std::vector<float> scores(static_cast<std::size_t>(queries * keys), 0.0F);
        add_product(query, key, true, queries, keys, work.head_size, scores);
        std::vector<float> sums;
        for (std::int64_t i = 0; i < queries; ++i) {
            sums.push_back(weigh(work, head, first + i, scores.data() + i * keys, keys));
        }
        std::vector<float> out(static_cast<std::size_t>(queries * work.value_size), 0.0F);
        add_product(split(std::move(scores), bf16, parts), value, false, queries, work.value_size,
                    keys, out);
        for (std::int64_t i = 0; i < queries * work.value_size; ++i) {
            const std::int64_t token = first + i / work.value_size;
            work.out[(token * work.heads + head) * work.value_size + i % work.value_size] =
                out[static_cast<std::size_t>(i)] /
                sums[static_cast<std::size_t>(i / work.value_size)];
        }
    }
}

void add_to_loss(const card::VocabularyPart& work, std::int64_t token, float* logits) {
    card::LossState& state = work.states[token];
    float largest = state.largest;
    for (std::int64_t row = 0; row < work.rows; ++row) {
        if (work.softcap > 0) {
            logits[row] = work.softcap * std::tanh(logits[row] / work.softcap);
        }
        largest = std::max(largest, logits[row]);
    }
    if (largest > state.largest) {
        state.total *= std::exp(static_cast<double>(state.largest) - static_cast<double>(largest));
        state.largest = largest;
    }
    for (std::int64_t row = 0; row < work.rows; ++row) {
        state.total +=
            std::exp(static_cast<double>(logits[row]) - static_cast<double>(state.largest));
        if (work.first_row + row == work.targets[token]) {
            state.target_logit = logits[row];
        }
    }
}
