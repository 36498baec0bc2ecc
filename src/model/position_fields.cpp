#include "position_fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace alphaprune::model {
namespace {

using Name = std::array<std::string_view, 1>;

/// The old form wins where both are there and it is not empty, as transformers 5 has it.
constexpr std::array<std::string_view, 2> kSections{"rope_scaling", "rope_parameters"};
constexpr std::array<std::string_view, 2> kType{"rope_type", "type"};
constexpr Name kTheta{"rope_theta"};
constexpr Name kOriginalMaxPositions{"original_max_position_embeddings"};

/// A number that a type of scaling needs.
struct Factor {
    std::string_view rope_type;
    Name name;
    double RopeParameters::*value;
};
constexpr std::array kFactors{
    Factor{"linear", {"factor"}, &RopeParameters::factor},
    Factor{"dynamic", {"factor"}, &RopeParameters::factor},
    Factor{"yarn", {"factor"}, &RopeParameters::factor},
    Factor{"llama3", {"factor"}, &RopeParameters::factor},
    Factor{"llama3", {"low_freq_factor"}, &RopeParameters::low_freq_factor},
    Factor{"llama3", {"high_freq_factor"}, &RopeParameters::high_freq_factor},
};

struct Section {
    std::string_view name;
    const formats::Json* value = nullptr;
};

Section find_section(const formats::Json& config, const ConfigFields& fields, Reading reading) {
    for (const std::string_view name : kSections) {
        const formats::Json* value = config.find(name);
        if (value == nullptr || value->is_null()) {
            continue;
        }
        if (value->is_object() && !value->members().empty()) {
            return {name, value};
        }
        if (!value->is_object() && reading == Reading::strict) {
            fields.reject(name, "an object or null", value->dump(-1));
        }
    }
    return {};
}

constexpr Name kWindow{"sliding_window"};
constexpr Name kUseWindow{"use_sliding_window"};
constexpr Name kFirstWindowed{"max_window_layers"};
constexpr Name kBlockKinds{"layer_types"};
constexpr std::string_view kWindowed = "sliding_attention";

/// What transformers takes when the field is absent (null, however, means no window).
constexpr std::int64_t kUsualWindow = 4096;
constexpr std::int64_t kUsualFirstWindowed = 28;

std::vector<std::int64_t> blocks_before(std::int64_t first_windowed, std::int64_t blocks) {
    std::vector<std::int64_t> full;
    for (std::int64_t block = 0; block < std::min(first_windowed, blocks); ++block) {
        full.push_back(block);
    }
    return full;
}

std::vector<std::int64_t> blocks_not_windowed(const formats::Json& kinds) {
    std::vector<std::int64_t> full;
    for (std::size_t block = 0; block < kinds.elements().size(); ++block) {
        if (kinds.elements()[block].as_string() != kWindowed) {
            full.push_back(static_cast<std::int64_t>(block));
        }
    }
    return full;
}

/// max_window_layers may be 0: every block has a window.
std::int64_t first_windowed_block(const formats::Json& config, const ConfigFields& fields) {
    const formats::Json* value = config.find(kFirstWindowed.front());
    if (value == nullptr || value->is_null()) {
        return kUsualFirstWindowed;
    }
    const auto first = value->as_integer();
    if (!first || *first < 0) {
        fields.reject(kFirstWindowed.front(), "a whole number from 0 on", value->dump(-1));
        return kUsualFirstWindowed;
    }
    return *first;
}

std::vector<std::int64_t> full_attention_blocks(const formats::Json& config,
                                                const ConfigFields& fields, std::int64_t blocks) {
    const formats::Json* kinds = config.find(kBlockKinds.front());
    if (kinds == nullptr || kinds->is_null()) {
        return blocks_before(first_windowed_block(config, fields), blocks);
    }
    if (blocks > 0 && static_cast<std::int64_t>(kinds->elements().size()) != blocks) {
        fields.reject(kBlockKinds.front(),
                      fmt::format("a list with one entry per block ({})", blocks),
                      fmt::format("one with {}", kinds->elements().size()));
    }
    return blocks_not_windowed(*kinds);
}

}  // namespace

RopeParameters read_rope(const formats::Json& config, std::string_view where,
                         std::int64_t max_positions, Reading reading, support::FaultList& faults) {
    ConfigFields outer(config, where, "", reading, faults);
    RopeParameters rope;
    rope.theta = outer.positive(kTheta).value_or(rope.theta);
    const Section section = find_section(config, outer, reading);
    if (section.value == nullptr) {
        return rope;
    }
    const std::string prefix = std::string(section.name) + ".";
    ConfigFields inner(*section.value, where, prefix, reading, faults);
    rope.theta = inner.positive(kTheta).value_or(rope.theta);
    rope.type = inner.text(kType).value_or(rope.type);
    if (rope.type == "default") {
        return rope;
    }
    for (const Factor& factor : kFactors) {
        if (factor.rope_type != rope.type) {
            continue;
        }
        const auto value = inner.positive(factor.name);
        rope.*factor.value = value.value_or(rope.*factor.value);
        inner.require(factor.name);
    }
    auto original = inner.size(kOriginalMaxPositions);
    if (!original) {
        original = outer.size(kOriginalMaxPositions);
    }
    rope.original_max_positions = original.value_or(max_positions);
    return rope;
}

void read_window(const formats::Json& config, std::string_view where, WindowRule rule,
                 support::FaultList& faults, ModelConfiguration& model) {
    ConfigFields fields(config, where, "", Reading::strict, faults);
    if (rule == WindowRule::none ||
        (rule == WindowRule::on_request && !fields.flag(kUseWindow).value_or(false))) {
        return;
    }
    const formats::Json* value = fields.find(kWindow);
    if (value != nullptr && value->is_null()) {
        return;
    }
    const std::int64_t window = fields.size(kWindow).value_or(kUsualWindow);
    if (rule == WindowRule::on_request) {
        model.full_attention_blocks = full_attention_blocks(config, fields, model.blocks);
        if (static_cast<std::int64_t>(model.full_attention_blocks.size()) == model.blocks) {
            model.full_attention_blocks.clear();
            return;
        }
    }
    model.sliding_window = window;
}

}  // namespace alphaprune::model
