#include "token_losses.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include "vector_math.hpp"

namespace alphaprune::transformer {
namespace {

constexpr std::int64_t kPredictionTile = 128;
constexpr std::int64_t kVocabularyTile = 1024;

}  // namespace

TokenLosses::TokenLosses(std::span<const std::int32_t> tokens) {
    for (std::size_t next = 1; next < tokens.size(); ++next) {
        losses_.push_back({tokens[next], 0, -std::numeric_limits<float>::infinity(), 0});
    }
}

std::int64_t TokenLosses::loss_scratch() {
    return kPredictionTile * kVocabularyTile;
}

void TokenLosses::add_vocabulary(linalg::ConstFloatView features, parallel::RowRange rows,
                                 linalg::ConstFloatView weights, std::span<float> scratch) {
    const auto predictions = static_cast<std::int64_t>(losses_.size());
    assert(features.rows >= predictions && weights.rows == rows.size());
    for (std::int64_t row = 0; row < rows.size(); row += kVocabularyTile) {
        const std::int64_t wide = std::min(kVocabularyTile, rows.size() - row);
        const parallel::RowRange part{rows.begin + row, rows.begin + row + wide};
        for (std::int64_t token = 0; token < predictions; token += kPredictionTile) {
            const std::int64_t high = std::min(kPredictionTile, predictions - token);
            linalg::sgemm(
                1, {features.data + token * features.stride, high, features.cols, features.stride},
                {weights.data + row * weights.stride, wide, weights.cols, weights.stride},
                linalg::Transpose::yes, 0, {scratch.data(), high, wide, wide});
            for (std::int64_t i = 0; i < high; ++i) {
                add_logits(losses_[static_cast<std::size_t>(token + i)], part,
                           {scratch.data() + i * wide, static_cast<std::size_t>(wide)});
            }
        }
    }
}

void TokenLosses::add_logits(Loss& loss, parallel::RowRange rows, std::span<const float> logits) {
    const float most = std::max(loss.largest, largest(logits));
    if (most > loss.largest) {
        loss.total *= std::exp(static_cast<double>(loss.largest - most));
        loss.largest = most;
    }
    loss.total += static_cast<double>(sum_of_exponentials(logits, most));
    if (rows.begin <= loss.target && loss.target < rows.end) {
        loss.target_logit = logits[static_cast<std::size_t>(loss.target - rows.begin)];
    }
}

double TokenLosses::total() const {
    double sum = 0;
    for (const Loss& loss : losses_) {
        sum += std::log(loss.total) + static_cast<double>(loss.largest) -
               static_cast<double>(loss.target_logit);
    }
    return sum;
}

}  // namespace alphaprune::transformer
