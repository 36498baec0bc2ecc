#include "rotary.hpp"

#include <cassert>
#include <cmath>
#include <numbers>

#include "vector_math.hpp"

namespace alphaprune::transformer {
namespace {

/// Llama 3.1: long waves are slowed down by `factor`, short ones kept, those between blended.
double llama3_scaled(const model::RopeParameters& rope, double frequency) {
    const double wavelength = 2 * std::numbers::pi / frequency;
    const auto original = static_cast<double>(rope.original_max_positions);
    if (wavelength < original / rope.high_freq_factor) {
        return frequency;
    }
    if (wavelength > original / rope.low_freq_factor) {
        return frequency / rope.factor;
    }
    const double kept = (original / wavelength - rope.low_freq_factor) /
                        (rope.high_freq_factor - rope.low_freq_factor);
    return (1 - kept) * frequency / rope.factor + kept * frequency;
}

double scaled(const model::RopeParameters& rope, double frequency) {
    if (rope.type == "linear") {
        return frequency / rope.factor;
    }
    return rope.type == "llama3" ? llama3_scaled(rope, frequency) : frequency;
}

}  // namespace

bool is_known_rotary(std::string_view type) {
    return type == "default" || type == "linear" || type == "llama3";
}

std::string_view rotary_types() {
    return "default, linear, llama3";
}

std::vector<float> rotary_frequencies(const model::RopeParameters& rope, std::int64_t head_size) {
    std::vector<float> frequencies;
    for (std::int64_t i = 0; i < head_size / 2; ++i) {
        const double exponent = 2.0 * static_cast<double>(i) / static_cast<double>(head_size);
        frequencies.push_back(static_cast<float>(scaled(rope, std::pow(rope.theta, -exponent))));
    }
    return frequencies;
}

void RotaryTable::reach(std::int64_t positions) {
    const auto wanted = static_cast<std::size_t>(positions) * frequencies_.size();
    if (wanted <= cos_.size()) {
        return;
    }
    cos_.reserve(wanted);
    sin_.reserve(wanted);
    for (std::size_t at = cos_.size(); at < wanted; ++at) {
        // The angle is rounded to float32: so the models were trained, and so all others run them.
        const auto position = static_cast<float>(at / frequencies_.size());
        const float angle = position * frequencies_[at % frequencies_.size()];
        cos_.push_back(static_cast<float>(std::cos(static_cast<double>(angle))));
        sin_.push_back(static_cast<float>(std::sin(static_cast<double>(angle))));
    }
}

void RotaryTable::apply(std::span<float> values, std::int64_t tokens, std::int64_t heads) const {
    const std::size_t half = frequencies_.size();
    assert(values.size() == static_cast<std::size_t>(tokens * heads) * 2 * half);
    auto head = values;
    for (std::int64_t token = 0; token < tokens; ++token) {
        const auto at = static_cast<std::size_t>(token) * half;
        const auto cos = std::span(cos_).subspan(at, half);
        const auto sin = std::span(sin_).subspan(at, half);
        for (std::int64_t h = 0; h < heads; ++h) {
            rotate(head.first(half), head.subspan(half, half), cos, sin);
            head = head.subspan(2 * half);
        }
    }
}

}  // namespace alphaprune::transformer
