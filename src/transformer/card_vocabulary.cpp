#include "card_vocabulary.hpp"

#include <cassert>
#include <vector>

#include "alphaprune/support/scalar.hpp"
#include "card_weights.hpp"

namespace alphaprune::transformer {

void CardVocabulary::hold(parallel::RowRange rows, linalg::ConstFloatView weights,
                          support::ScalarType stored) {
    assert(weights.stride == weights.cols && weights.rows == rows.size());
    type_ = type_on_card(stored);
    rows_ = rows;
    width_ = weights.cols;
    const std::int64_t count = rows.size() * width_;
    const auto room =
        weights_.at_least<std::byte>(count * static_cast<std::int64_t>(support::size_of(type_)));
    lane_.upload_as(room.data(), type_, {weights.data, static_cast<std::size_t>(count)});
}

void CardVocabulary::add(std::span<const float> features, float softcap,
                         linalg::ForwardPrecision precision, std::span<TokenLoss> losses) {
    std::vector<std::int32_t> targets;
    std::vector<card::LossState> states;
    for (const TokenLoss& loss : losses) {
        targets.push_back(static_cast<std::int32_t>(loss.target));
        states.push_back({loss.largest, loss.target_logit, loss.total});
    }
    const auto on_card = losses_.filled(std::span<const card::LossState>(states));
    lane_.add_vocabulary({.features = features.data(),
                          .tokens = std::ssize(losses),
                          .width = width_,
                          .weights = weights_.at_least<std::byte>(0).data(),
                          .type = type_,
                          .first_row = rows_.begin,
                          .rows = rows_.size(),
                          .softcap = softcap,
                          .targets = targets_.filled(std::span<const std::int32_t>(targets)).data(),
                          .states = on_card.data()},
                         precision);
    lane_.download(std::as_writable_bytes(std::span(states)), on_card.data());
    for (std::size_t i = 0; i < losses.size(); ++i) {
        losses[i] = {losses[i].target, states[i].target_logit, states[i].largest, states[i].total};
    }
}

}  // namespace alphaprune::transformer
