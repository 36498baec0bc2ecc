#include "config_fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

namespace alphaprune::model {
namespace {

struct Section {
    std::string_view name;
    const formats::Json* value = nullptr;
};

/// The old form wins where both are there and it is not empty, as transformers 5 has it.
Section find_section(const formats::Json& config, const ConfigFields& fields, Reading reading) {
    for (const std::string_view name : {"rope_scaling", "rope_parameters"}) {
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

/// What transformers takes when the field is absent (null, however, means no window).
constexpr std::int64_t kUsualWindow = 4096;
constexpr std::int64_t kUsualFirstWindowed = 28;

std::vector<std::int64_t> blocks_not_windowed(const formats::Json& kinds) {
    std::vector<std::int64_t> full;
    for (std::size_t block = 0; block < kinds.elements().size(); ++block) {
        if (kinds.elements()[block].as_string() != "sliding_attention") {
            full.push_back(static_cast<std::int64_t>(block));
        }
    }
    return full;
}

/// max_window_layers may be 0: every block has a window.
std::int64_t first_windowed_block(const formats::Json& config, const ConfigFields& fields) {
    constexpr std::string_view kFirstWindowed = "max_window_layers";
    const formats::Json* value = config.find(kFirstWindowed);
    if (value == nullptr || value->is_null()) {
        return kUsualFirstWindowed;
    }
    const auto first = value->as_integer();
    if (!first || *first < 0) {
        fields.reject(kFirstWindowed, "a whole number from 0 on", value->dump(-1));
        return kUsualFirstWindowed;
    }
    return *first;
}

std::vector<std::int64_t> full_attention_blocks(const formats::Json& config,
                                                const ConfigFields& fields, std::int64_t blocks) {
    const formats::Json* kinds = config.find("layer_types");
    if (kinds == nullptr || kinds->is_null()) {
        const std::int64_t count = std::min(first_windowed_block(config, fields), blocks);
        std::vector<std::int64_t> full(static_cast<std::size_t>(count));
        std::iota(full.begin(), full.end(), 0);
        return full;
    }
    if (blocks > 0 && static_cast<std::int64_t>(kinds->elements().size()) != blocks) {
        fields.reject("layer_types", fmt::format("a list with one entry per block ({})", blocks),
                      fmt::format("one with {}", kinds->elements().size()));
    }
    return blocks_not_windowed(*kinds);
}

}  // namespace

RopeParameters read_rope(const formats::Json& config, std::string_view where,
                         std::int64_t max_positions, Reading reading, support::FaultList& faults) {
    ConfigFields outer(config, where, "", reading, faults);
    RopeParameters rope;
    rope.theta = outer.positive({"rope_theta"}).value_or(rope.theta);
    const Section section = find_section(config, outer, reading);
    if (section.value == nullptr) {
        return rope;
    }
    const std::string prefix = std::string(section.name) + ".";
    ConfigFields inner(*section.value, where, prefix, reading, faults);
    rope.theta = inner.positive({"rope_theta"}).value_or(rope.theta);
    rope.type = inner.text({"rope_type", "type"}).value_or(rope.type);
    if (rope.type == "default") {
        return rope;
    }
    const auto read = [&](std::string_view name, double& value) {
        value = inner.positive({name}).value_or(value);
        inner.require({name});
    };
    const bool is_llama3 = rope.type == "llama3";
    if (is_llama3 || rope.type == "linear" || rope.type == "dynamic" || rope.type == "yarn") {
        read("factor", rope.factor);
    }
    if (is_llama3) {
        read("low_freq_factor", rope.low_freq_factor);
        read("high_freq_factor", rope.high_freq_factor);
    }
    auto original = inner.size({"original_max_position_embeddings"});
    if (!original) {
        original = outer.size({"original_max_position_embeddings"});
    }
    rope.original_max_positions = original.value_or(max_positions);
    return rope;
}

void read_window(const formats::Json& config, std::string_view where, WindowRule rule,
                 support::FaultList& faults, ModelConfiguration& model) {
    ConfigFields fields(config, where, "", Reading::strict, faults);
    if (rule == WindowRule::none ||
        (rule == WindowRule::on_request && !fields.flag({"use_sliding_window"}).value_or(false))) {
        return;
    }
    const formats::Json* value = fields.find({"sliding_window"});
    if (value != nullptr && value->is_null()) {
        return;
    }
    const std::int64_t window = fields.size({"sliding_window"}).value_or(kUsualWindow);
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
