#include "alphaprune/transformer/token_loss.hpp"

#include <algorithm>
#include <cassert>

#include "vector_math.hpp"

namespace alphaprune::transformer {
namespace {

void add_logits(TokenLoss& loss, parallel::RowRange rows, std::span<const float> logits) {
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

}  // namespace

void add_vocabulary(std::span<TokenLoss> losses, linalg::ConstFloatView features,
                    parallel::RowRange rows, linalg::ConstFloatView weights, float softcap,
                    std::span<float> scratch) {
    const auto tokens = static_cast<std::int64_t>(losses.size());
    assert(tokens == features.rows && tokens <= kPredictionTile && weights.rows == rows.size());
    for (std::int64_t row = 0; row < rows.size(); row += kVocabularyTile) {
        const std::int64_t wide = std::min(kVocabularyTile, rows.size() - row);
        linalg::sgemm(1, features,
                      {weights.data + row * weights.stride, wide, weights.cols, weights.stride},
                      linalg::Transpose::yes, 0, {scratch.data(), tokens, wide, wide});
        if (softcap > 0) {
            soft_cap(scratch.first(static_cast<std::size_t>(tokens * wide)), softcap);
        }
        for (std::int64_t i = 0; i < tokens; ++i) {
            add_logits(losses[static_cast<std::size_t>(i)],
                       {rows.begin + row, rows.begin + row + wide},
                       {scratch.data() + i * wide, static_cast<std::size_t>(wide)});
        }
    }
}

}  // namespace alphaprune::transformer
