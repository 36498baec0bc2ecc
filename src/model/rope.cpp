#include "rope.hpp"

#include <array>
#include <string>

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
            fields.add_fault(name, "must be an object or null, not " + value->dump(-1));
        }
    }
    return {};
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

}  // namespace alphaprune::model
