#include "config_fields.hpp"

#include <algorithm>
#include <array>

namespace alphaprune::model {
namespace {

/// The most likely first.
constexpr std::array<std::string_view, 12> kParts{
    "text_config",           "llm_config", "language_config",
    "language_model_config", "llm_cfg",    "text_cfg",
    "thinker_config",        "decoder",    "generator",
    "decoder_config",        "llm",        "language_model",
};

constexpr std::array<std::string_view, 7> kCounts{
    "num_hidden_layers",
    "n_layer",
    "n_layers",
    "num_layers",
    "decoder_layers",
    "num_decoder_layers",
    "num_transformer_layers",
};

constexpr std::array kUsual{
    UsualSizes{"llama", 32, 4096},
    UsualSizes{"mistral", 32, 4096},
    UsualSizes{"mixtral", 32, 4096},
    UsualSizes{"ministral3", 34, 4096},
    UsualSizes{"qwen2", 32, 4096},
    UsualSizes{"qwen2_moe", 24, 2048},
    UsualSizes{"qwen3", 32, 4096},
    UsualSizes{"qwen3_moe", 24, 2048},
    UsualSizes{"gemma", 28, 3072},
    UsualSizes{"gemma2", 26, 2304},
    UsualSizes{"gemma3_text", 26, 2304},
    UsualSizes{"phi", 24, 2048},
    UsualSizes{"phi3", 32, 3072},
    UsualSizes{"opt", 12, 768},
    UsualSizes{"gpt2", 12, 768},
    UsualSizes{"gpt_neox", 44, 6144},
    UsualSizes{"falcon", 32, 4544},
    UsualSizes{"stablelm", 32, 2560},
    UsualSizes{"starcoder2", 30, 3072},
    UsualSizes{"cohere", 40, 8192},
    UsualSizes{"cohere2", 40, 8192},
    UsualSizes{"olmo", 32, 4096},
    UsualSizes{"olmo2", 32, 4096},
    UsualSizes{"granite", 32, 4096},
    UsualSizes{"deepseek_v2", 32, 4096},
    UsualSizes{"deepseek_v3", 61, 7168},
    UsualSizes{"mllama_text_model", 40, 4096},
    UsualSizes{"llama4_text", 48, 5120},
};

bool announces_blocks(const formats::Json& part) {
    return std::ranges::any_of(kCounts, [&](std::string_view name) {
        const formats::Json* value = part.find(name);
        return value != nullptr && value->as_integer().value_or(0) > 0;
    });
}

std::string type_of(const formats::Json& part) {
    const formats::Json* type = part.find("model_type");
    return type != nullptr ? type->as_string().value_or("") : "";
}

/// The innermost text part. The JSON reader limits the depth of the recursion.
const formats::Json& innermost(const formats::Json& config) {
    for (const std::string_view name : kParts) {
        const formats::Json* part = config.find(name);
        if (part != nullptr && part->is_object()) {
            return innermost(*part);
        }
    }
    return config;
}

}  // namespace

const formats::Json& text_part(const formats::Json& config) {
    const formats::Json& inner = innermost(config);
    const bool says_enough =
        announces_blocks(inner) || usual_sizes(type_of(inner)) || !announces_blocks(config);
    return says_enough ? inner : config;
}

std::optional<UsualSizes> usual_sizes(std::string_view model_type) {
    const auto found = std::ranges::find(kUsual, model_type, &UsualSizes::model_type);
    return found == kUsual.end() ? std::nullopt : std::optional(*found);
}

}  // namespace alphaprune::model
