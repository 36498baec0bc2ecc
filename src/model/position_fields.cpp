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

constexpr std::int64_t kUsualFirstWindowed = 28;

constexpr std::string_view kWindowed = "sliding_attention";
constexpr std::string_view kFull = "full_attention";

/// layer_types: one kind per block.
std::vector<std::int64_t> blocks_not_windowed(const formats::Json& kinds,
                                              const ConfigFields& fields) {
    std::vector<std::int64_t> full;
    for (std::size_t block = 0; block < kinds.elements().size(); ++block) {
        const formats::Json& kind = kinds.elements()[block];
        if (kind.as_string() == kFull) {
            full.push_back(static_cast<std::int64_t>(block));
        } else if (kind.as_string() != kWindowed) {
            fields.reject("layer_types", "a list of full_attention and sliding_attention",
                          fmt::format("one with {}", kind.dump(-1)));
            break;
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

/// Without layer_types, the first blocks (on request) or every so many-th (in a pattern).
std::vector<std::int64_t> usual_full_blocks(const formats::Json& config, ConfigFields& fields,
                                            const ConfigurationDefaults& defaults,
                                            std::int64_t blocks) {
    std::vector<std::int64_t> full;
    if (defaults.window == WindowRule::on_request) {
        full.resize(
            static_cast<std::size_t>(std::min(first_windowed_block(config, fields), blocks)));
        std::iota(full.begin(), full.end(), 0);
        return full;
    }
    const std::int64_t pattern = fields.size({"sliding_window_pattern", "_sliding_window_pattern"})
                                     .value_or(defaults.window_pattern);
    for (std::int64_t block = pattern - 1; block < blocks; block += pattern) {
        full.push_back(block);
    }
    return full;
}

std::vector<std::int64_t> full_attention_blocks(const formats::Json& config, ConfigFields& fields,
                                                const ConfigurationDefaults& defaults,
                                                std::int64_t blocks) {
    const formats::Json* kinds = config.find("layer_types");
    if (kinds == nullptr || kinds->is_null()) {
        return usual_full_blocks(config, fields, defaults, blocks);
    }
    if (blocks > 0 && static_cast<std::int64_t>(kinds->elements().size()) != blocks) {
        fields.reject("layer_types", fmt::format("a list with one entry per block ({})", blocks),
                      fmt::format("one with {}", kinds->elements().size()));
    }
    return blocks_not_windowed(*kinds, fields);
}

/// What is said of one rotary embedding.
/// @param section  the object it is said in
/// @param outer    the whole configuration's fields
RopeParameters rope_in(const formats::Json& section, const std::string& prefix,
                       std::string_view where, Reading reading, support::FaultList& faults,
                       ConfigFields& outer, RopeParameters rope, std::int64_t max_positions) {
    ConfigFields inner(section, where, prefix, reading, faults);
    rope.theta = inner.positive({"rope_theta"}).value_or(rope.theta);
    rope.share = inner.positive({"partial_rotary_factor"}).value_or(rope.share);
    rope.type = inner.text({"rope_type", "type"}).value_or(rope.type);
    if (rope.type == "su") {  // LongRoPE's name in Phi-3's first files
        rope.type = "longrope";
    }
    if (rope.type == "mrope") {  // the three positions of a text's token are the same
        rope.type = "default";
    }
    if (rope.type == "default") {
        return rope;
    }
    const auto read = [&](std::string_view name, double& value) {
        value = inner.positive({name}).value_or(value);
    };
    const auto require = [&](std::string_view name, double& value) {
        read(name, value);
        inner.require({name});
    };
    // A field beside the section goes first, as transformers 5 has it.
    auto original = outer.size({"original_max_position_embeddings"});
    if (!original) {
        original = inner.size({"original_max_position_embeddings"});
    }
    rope.original_max_positions =
        rope.type == "dynamic" ? max_positions : original.value_or(max_positions);
    if (rope.type == "linear" || rope.type == "dynamic" || rope.type == "llama3") {
        require("factor", rope.factor);
    } else if (rope.type == "yarn" || rope.type == "longrope") {
        rope.attention_factor = inner.positive({"attention_factor"});
        rope.factor = static_cast<double>(max_positions) /
                      static_cast<double>(std::max<std::int64_t>(rope.original_max_positions, 1));
        read("factor", rope.factor);
    }
    if (rope.type == "llama3") {
        require("low_freq_factor", rope.low_freq_factor);
        require("high_freq_factor", rope.high_freq_factor);
    } else if (rope.type == "yarn") {
        read("beta_fast", rope.beta_fast);
        read("beta_slow", rope.beta_slow);
        read("mscale", rope.mscale);
        read("mscale_all_dim", rope.mscale_all_dim);
        rope.truncate = inner.flag({"truncate"}).value_or(true);
    } else if (rope.type == "longrope") {
        rope.short_factor = inner.numbers({"short_factor"});
        rope.long_factor = inner.numbers({"long_factor"});
        inner.require({"short_factor"});
        inner.require({"long_factor"});
    }
    return rope;
}

}  // namespace

void read_rope(const formats::Json& config, std::string_view where,
               const ConfigurationDefaults& defaults, Reading reading, support::FaultList& faults,
               ModelConfiguration& model) {
    ConfigFields outer(config, where, "", reading, faults);
    RopeParameters rope;
    rope.theta = outer.positive({"rope_theta", "rotary_emb_base"}).value_or(defaults.rope_theta);
    rope.share =
        outer.positive({"partial_rotary_factor", "rotary_pct"}).value_or(defaults.rotary_share);
    const Section section = find_section(config, outer, reading);
    if (section.value == nullptr) {
        model.rope = rope;
        return;
    }
    const auto read = [&](const formats::Json& object, const std::string& prefix) {
        return rope_in(object, prefix, where, reading, faults, outer, rope, model.max_positions);
    };
    const std::string prefix = std::string(section.name) + ".";
    const auto part = [&](std::string_view name) {
        const formats::Json* found = section.value->find(name);
        return found != nullptr && found->is_object() ? found : nullptr;
    };
    const formats::Json* const full = part(kFull);
    const formats::Json* const windowed = part(kWindowed);
    if (full == nullptr && windowed == nullptr) {
        model.rope = read(*section.value, prefix);
        return;
    }
    model.rope = full != nullptr ? read(*full, fmt::format("{}{}.", prefix, kFull)) : rope;
    if (windowed != nullptr) {
        model.window_rope = read(*windowed, fmt::format("{}{}.", prefix, kWindowed));
    }
}

void read_window(const formats::Json& config, std::string_view where,
                 const ConfigurationDefaults& defaults, support::FaultList& faults,
                 ModelConfiguration& model) {
    const WindowRule rule = defaults.window;
    ConfigFields fields(config, where, "", Reading::strict, faults);
    if (rule == WindowRule::none ||
        ((rule == WindowRule::on_request || rule == WindowRule::all_on_request) &&
         !fields.flag({"use_sliding_window"}).value_or(false))) {
        return;
    }
    const formats::Json* value = fields.find({"sliding_window"});
    const bool absent = value == nullptr;
    if ((!absent && value->is_null()) || (absent && defaults.sliding_window == 0)) {
        return;
    }
    const std::int64_t window = fields.size({"sliding_window"}).value_or(defaults.sliding_window);
    if (rule == WindowRule::on_request || rule == WindowRule::patterned) {
        model.full_attention_blocks = full_attention_blocks(config, fields, defaults, model.blocks);
        if (static_cast<std::int64_t>(model.full_attention_blocks.size()) == model.blocks) {
            model.full_attention_blocks.clear();
            return;
        }
    }
    model.sliding_window = window;
}

}  // namespace alphaprune::model
