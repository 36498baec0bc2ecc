#include "rotary.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <numbers>
#include <utility>

#include "vector_math.hpp"

namespace alphaprune::transformer {
namespace {

constexpr std::array<std::string_view, 6> kTypes{"default", "linear",   "dynamic",
                                                 "yarn",    "longrope", "llama3"};

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

/// The base that a longer sequence than the model was trained for raises.
double dynamic_theta(const model::RopeParameters& rope, double size, std::int64_t positions) {
    const double longer = static_cast<double>(std::max(positions, rope.original_max_positions)) /
                          static_cast<double>(rope.original_max_positions);
    return rope.theta * std::pow(rope.factor * longer - (rope.factor - 1), size / (size - 2));
}

double mscale(double factor, double weight) {
    return factor <= 1 ? 1.0 : 0.1 * weight * std::log(factor) + 1.0;
}

float yarn_factor(const model::RopeParameters& rope) {
    if (rope.attention_factor) {
        return static_cast<float>(*rope.attention_factor);
    }
    if (rope.mscale != 0 && rope.mscale_all_dim != 0) {
        return static_cast<float>(mscale(rope.factor, rope.mscale) /
                                  mscale(rope.factor, rope.mscale_all_dim));
    }
    return static_cast<float>(mscale(rope.factor, 1));
}

/// YaRN: pairs that turn often are kept, those that turn less than once slowed down by `factor`.
class YarnRamp {
  public:
    YarnRamp(const model::RopeParameters& rope, double size) : rope_(rope) {
        low_ = pair_that_turns(rope.beta_fast, size);
        high_ = pair_that_turns(rope.beta_slow, size);
        if (rope.truncate) {
            low_ = std::floor(low_);
            high_ = std::ceil(high_);
        }
        low_ = std::max(low_, 0.0);
        high_ = std::min(high_, size - 1);
        high_ = low_ == high_ ? high_ + 0.001 : high_;
    }
    double scaled(double frequency, double pair) const {
        const double slowed = std::clamp((pair - low_) / (high_ - low_), 0.0, 1.0);
        return frequency / rope_.factor * slowed + frequency * (1 - slowed);
    }

  private:
    double pair_that_turns(double times, double size) const {
        const auto original = static_cast<double>(rope_.original_max_positions);
        return size * std::log(original / (times * 2 * std::numbers::pi)) /
               (2 * std::log(rope_.theta));
    }

    const model::RopeParameters& rope_;
    double low_ = 0;
    double high_ = 0;
};

float longrope_factor(const model::RopeParameters& rope) {
    if (rope.attention_factor) {
        return static_cast<float>(*rope.attention_factor);
    }
    const auto original = static_cast<double>(rope.original_max_positions);
    return rope.factor <= 1
               ? 1.0F
               : static_cast<float>(std::sqrt(1 + std::log(rope.factor) / std::log(original)));
}

}  // namespace

bool is_known_rotary(std::string_view type) {
    return std::ranges::find(kTypes, type) != kTypes.end();
}

std::string_view rotary_types() {
    return "default, linear, dynamic, yarn, longrope, llama3";
}

RotaryFrequencies rotary_frequencies(const model::RopeParameters& rope, std::int64_t size,
                                     std::int64_t positions) {
    assert(is_known_rotary(rope.type));
    const auto wide = static_cast<double>(size);
    const bool yarn = rope.type == "yarn";
    const bool longrope = rope.type == "longrope";
    const double theta = rope.type == "dynamic" ? dynamic_theta(rope, wide, positions) : rope.theta;
    const YarnRamp ramp(rope, wide);
    const std::vector<double>& stretch =
        positions > rope.original_max_positions ? rope.long_factor : rope.short_factor;
    RotaryFrequencies made;
    for (std::int64_t i = 0; i < size / 2; ++i) {
        double frequency = std::pow(theta, -2.0 * static_cast<double>(i) / wide);
        if (rope.type == "linear") {
            frequency /= rope.factor;
        } else if (rope.type == "llama3") {
            frequency = llama3_scaled(rope, frequency);
        } else if (yarn) {
            frequency = ramp.scaled(frequency, static_cast<double>(i));
        } else if (longrope) {
            frequency /= stretch[static_cast<std::size_t>(i)];
        }
        made.angles.push_back(static_cast<float>(frequency));
    }
    made.factor = yarn ? yarn_factor(rope) : longrope ? longrope_factor(rope) : 1.0F;
    return made;
}

RotaryTable::RotaryTable(const model::RotaryLayer& layer, std::int64_t positions)
    : pairs_(static_cast<std::size_t>(layer.size / 2)), interleaved_(layer.interleaved) {
    const RotaryFrequencies of = rotary_frequencies(layer.rope, layer.size, positions);
    const std::size_t values = static_cast<std::size_t>(positions) * pairs_;
    cos_.reserve(values);
    sin_.reserve(values);
    for (std::size_t at = 0; at < values; ++at) {
        // The angle is rounded to float32: so the models were trained, and so all others run them.
        const auto position = static_cast<float>(at / pairs_);
        const float angle = position * of.angles[at % pairs_];
        cos_.push_back(static_cast<float>(std::cos(static_cast<double>(angle))) * of.factor);
        sin_.push_back(static_cast<float>(std::sin(static_cast<double>(angle))) * of.factor);
    }
}

void RotaryTable::apply(std::span<float> values, parallel::RowRange tokens, std::int64_t heads,
                        std::int64_t first) const {
    const auto count = static_cast<std::size_t>(tokens.size() * heads);
    const std::size_t head_size = values.size() / count;
    const auto skipped = static_cast<std::size_t>(first);
    assert(values.size() == count * head_size && head_size >= skipped + 2 * pairs_);
    for (std::size_t h = 0; h < count; ++h) {
        const auto head = values.subspan(h * head_size + skipped, 2 * pairs_);
        const std::size_t token =
            static_cast<std::size_t>(tokens.begin) + h / static_cast<std::size_t>(heads);
        const std::size_t at = token * pairs_;
        const auto cos = std::span(cos_).subspan(at, pairs_);
        const auto sin = std::span(sin_).subspan(at, pairs_);
        if (!interleaved_) {
            rotate(head.first(pairs_), head.subspan(pairs_, pairs_), cos, sin);
            continue;
        }
        for (std::size_t i = 0; i < pairs_; ++i) {
            const float x = head[2 * i];
            const float y = head[2 * i + 1];
            head[2 * i] = x * cos[i] - y * sin[i];
            head[2 * i + 1] = y * cos[i] + x * sin[i];
        }
    }
}

void RotaryTables::reach(std::int64_t positions) {
    if (positions == positions_) {
        return;
    }
    tables_.clear();
    for (const model::RotaryLayer& layer : layers_) {
        tables_.emplace_back(layer, positions);
    }
    positions_ = positions;
}

const RotaryTable& RotaryTables::of(const model::RotaryLayer& layer) const {
    const auto found = std::ranges::find(layers_, layer);
    assert(found != layers_.end() && tables_.size() == layers_.size());
    return tables_[static_cast<std::size_t>(found - layers_.begin())];
}

}  // namespace alphaprune::transformer
