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
    UsualSizes{"llama", 32, 4096, 11008, 32, 32000},
    UsualSizes{"mistral", 32, 4096, 14336, 32, 32000},
    UsualSizes{"mixtral", 32, 4096, 14336, 32, 32000},
    UsualSizes{"ministral3", 34, 4096, 14336, 32, 131072},
    UsualSizes{"qwen2", 32, 4096, 22016, 32, 151936},
    UsualSizes{"qwen2_moe", 24, 2048, 5632, 16, 151936},
    UsualSizes{"qwen3", 32, 4096, 22016, 32, 151936},
    UsualSizes{"qwen3_moe", 24, 2048, 6144, 32, 151936},
    UsualSizes{"gemma", 28, 3072, 24576, 16, 256000},
    UsualSizes{"gemma2", 26, 2304, 9216, 8, 256000},
    UsualSizes{"gemma3_text", 26, 2304, 9216, 8, 262208},
    UsualSizes{"phi", 24, 2048, 8192, 32, 51200},
    UsualSizes{"phi3", 32, 3072, 8192, 32, 32064},
    UsualSizes{"opt", 12, 768, 3072, 12, 50272},
    UsualSizes{"gpt2", 12, 768, 3072, 12, 50257},
    UsualSizes{"gpt_neox", 44, 6144, 24576, 64, 50432},
    UsualSizes{"falcon", 32, 4544, 18176, 71, 65024},
    UsualSizes{"stablelm", 32, 2560, 6912, 32, 50304},
    UsualSizes{"starcoder2", 30, 3072, 12288, 24, 49152},
    UsualSizes{"cohere", 40, 8192, 22528, 64, 256000},
    UsualSizes{"cohere2", 40, 8192, 22528, 64, 256000},
    UsualSizes{"olmo", 32, 4096, 11008, 32, 50304},
    UsualSizes{"olmo2", 32, 4096, 11008, 32, 50304},
    UsualSizes{"granite", 32, 4096, 11008, 32, 32000},
    UsualSizes{"deepseek_v2", 32, 4096, 11008, 32, 102400},
    UsualSizes{"deepseek_v3", 61, 7168, 18432, 128, 129280},
    UsualSizes{"gpt_oss", 36, 2880, 2880, 64, 201088},
    UsualSizes{"mllama_text_model", 40, 4096, 14336, 32, 128256},
    UsualSizes{"llama4_text", 48, 5120, 8192, 40, 202048},
    UsualSizes{"qwen2_vl_text", 80, 8192, 29568, 64, 152064},
    UsualSizes{"qwen2_5_vl_text", 80, 8192, 29568, 64, 152064},
    UsualSizes{"qwen3_vl_text", 32, 4096, 22016, 32, 151936},
    UsualSizes{"qwen3_vl_moe_text", 24, 2048, 5632, 16, 151936},
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
