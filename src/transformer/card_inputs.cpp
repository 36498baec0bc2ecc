#include "card_inputs.hpp"

#include <utility>

namespace alphaprune::transformer {

void CardInputs::begin(std::int64_t squares) {
    now_ = {};
    sums_ = squares > 0;
    all_ = sums_ ? squares_.at_least(squares) : std::span<float>{};
    used_ = 0;
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
    awaited.first = used_;
    if (input.tokens > 0) {
        awaited.cols = input.values.size() / static_cast<std::size_t>(input.tokens);
        lane_.column_squares(input.values.data(), input.tokens,
                             static_cast<std::int64_t>(awaited.cols),
                             all_.subspan(used_, awaited.cols).data());
        used_ += awaited.cols;
    }
    now_.awaited.push_back(std::move(awaited));
}

void CardInputs::end(const InputObserver& observer) {
    if (now_.awaited.empty()) {
        return;
    }
    now_.observer = observer;
    lane_.begin_download(turn_, all_.data(), used_ * sizeof(float));
    finish();
    before_ = std::exchange(now_, {});
    turn_ = 1 - turn_;
}

void CardInputs::finish() {
    if (before_.awaited.empty()) {
        return;
    }
    const auto bytes = lane_.finish_download(1 - turn_);
    const std::span<const float> squares(reinterpret_cast<const float*>(bytes.data()),
                                         bytes.size() / sizeof(float));
    const Sums shown = std::exchange(before_, {});
    for (const Awaited& awaited : shown.awaited) {
        ObservedInput input = awaited.input;
        input.of_expert = awaited.of_expert;
        input.squares = squares.subspan(awaited.first, awaited.cols);
        shown.observer(input);
    }
}

}  // namespace alphaprune::transformer
