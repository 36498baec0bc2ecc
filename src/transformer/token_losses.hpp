#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "alphaprune/linalg/sgemm.hpp"
#include "alphaprune/parallel/share.hpp"

namespace alphaprune::transformer {

/// Negative log-likelihood of the token that follows each token of a sequence, built up from one
/// part of the vocabulary after another: nobody holds the logits of all of it.
class TokenLosses {
  public:
    /// @param tokens  the sequence; its last token predicts nothing
    explicit TokenLosses(std::span<const std::int32_t> tokens);

    /// @param features  one row a token, at least for all but the last
    /// @param weights   these rows of the vocabulary's projection
    /// @param scratch   loss_scratch() values
    void add_vocabulary(linalg::ConstFloatView features, parallel::RowRange rows,
                        linalg::ConstFloatView weights, std::span<float> scratch);

    /// The sum over the sequence, when the whole vocabulary was added.
    double total() const;

    static std::int64_t loss_scratch();

  private:
    struct Loss {
        std::int64_t target = 0;
        float target_logit = 0;
        float largest;     ///< logit so far
        double total = 0;  ///< Σ e^(logit − largest)
    };
    static void add_logits(Loss& loss, parallel::RowRange rows, std::span<const float> logits);

    std::vector<Loss> losses_;
};

}  // namespace alphaprune::transformer
