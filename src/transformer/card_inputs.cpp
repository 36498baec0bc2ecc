#include "card_inputs.hpp"

namespace alphaprune::transformer {

void CardInputs::begin(std::int64_t squares) {
    awaited_.clear();
    sums_ = squares > 0;
    all_ = sums_ ? squares_.at_least(squares) : std::span<float>{};
    free_ = all_;
}

std::span<const float> CardInputs::on_host(std::span<const float> values,
                                           std::vector<float>& room) {
    room.resize(values.size());
    lane_.download(std::as_writable_bytes(std::span(room)), values.data());
    return room;
}

void CardInputs::see(const ObservedInput& input, const InputObserver& observer) {
    if (!sums_) {
        ObservedInput here = input;
        here.values = on_host(input.values, values_);
        here.residual = on_host(input.residual, residual_);
        here.routed = on_host(input.routed, routed_);
        observer(here);
        return;
    }
    Awaited awaited;
    awaited.input.site = input.site;
    awaited.input.tokens = input.tokens;
    awaited.of_expert.assign(input.of_expert.begin(), input.of_expert.end());
    if (input.tokens > 0) {
        const std::size_t cols = input.values.size() / static_cast<std::size_t>(input.tokens);
        const std::span<float> sums = free_.first(cols);
        free_ = free_.subspan(cols);
        lane_.column_squares(input.values.data(), input.tokens, static_cast<std::int64_t>(cols),
                             sums.data());
        awaited.squares = sums;
    }
    awaited_.push_back(std::move(awaited));
}

void CardInputs::end(const InputObserver& observer) {
    if (awaited_.empty()) {
        return;
    }
    // One copy for all sites: the card waits for the host while it is told.
    const float* const first = all_.data();
    const auto squares = on_host(all_.first(all_.size() - free_.size()), values_);
    for (Awaited& awaited : awaited_) {
        awaited.input.of_expert = awaited.of_expert;
        if (awaited.input.tokens > 0) {
            awaited.input.squares = squares.subspan(
                static_cast<std::size_t>(awaited.squares.data() - first), awaited.squares.size());
        }
        observer(awaited.input);
    }
}

}  // namespace alphaprune::transformer
