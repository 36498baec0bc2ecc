#include "block_parts.hpp"

#include <algorithm>
#include <array>

#include "alphaprune/model/family.hpp"

namespace alphaprune::model {
namespace {

/// Of the families built like LLaMA, which differ in their biases alone.
constexpr std::array<BlockPart, 9> llama_block(PartBias inputs, PartBias output, PartBias mlp) {
    using enum PartSize;
    return {{
        {"self_attn.q_proj", queries, hidden, inputs},
        {"self_attn.k_proj", keys, hidden, inputs},
        {"self_attn.v_proj", keys, hidden, inputs},
        {"self_attn.o_proj", hidden, queries, output},
        {"mlp.gate_proj", intermediate, hidden, mlp},
        {"mlp.up_proj", intermediate, hidden, mlp},
        {"mlp.down_proj", hidden, intermediate, mlp},
        {"input_layernorm", hidden, none, PartBias::never},
        {"post_attention_layernorm", hidden, none, PartBias::never},
    }};
}

constexpr std::array kLlama =
    llama_block(PartBias::attention_flag, PartBias::attention_flag, PartBias::mlp_flag);
constexpr std::array kMistral = llama_block(PartBias::never, PartBias::never, PartBias::never);
constexpr std::array kQwen2 = llama_block(PartBias::always, PartBias::never, PartBias::never);
constexpr std::array<BlockPart, 8> kOpt{{
    {"self_attn.k_proj", PartSize::hidden, PartSize::hidden, PartBias::enable_flag},
    {"self_attn.v_proj", PartSize::hidden, PartSize::hidden, PartBias::enable_flag},
    {"self_attn.q_proj", PartSize::hidden, PartSize::hidden, PartBias::enable_flag},
    {"self_attn.out_proj", PartSize::hidden, PartSize::hidden, PartBias::enable_flag},
    {"self_attn_layer_norm", PartSize::hidden, PartSize::none, PartBias::always},
    {"fc1", PartSize::intermediate, PartSize::hidden, PartBias::enable_flag},
    {"fc2", PartSize::hidden, PartSize::intermediate, PartBias::enable_flag},
    {"final_layer_norm", PartSize::hidden, PartSize::none, PartBias::always},
}};

}  // namespace

std::span<const BlockPart> block_parts_of(std::string_view model_type) {
    if (model_type == "llama") {
        return kLlama;
    }
    if (model_type == "mistral") {
        return kMistral;
    }
    if (model_type == "qwen2") {
        return kQwen2;
    }
    if (model_type == "opt") {
        return kOpt;
    }
    return {};
}

bool has_bias(PartBias bias, const ModelConfiguration& model) {
    switch (bias) {
        case PartBias::never:
            return false;
        case PartBias::always:
            return true;
        case PartBias::attention_flag:
            return model.attention_bias;
        case PartBias::mlp_flag:
            return model.mlp_bias;
        case PartBias::enable_flag:
            break;
    }
    return model.all_biases;
}

bool has_bias(const ModelConfiguration& model, std::string_view layer) {
    const auto parts = block_parts_of(model.model_type);
    const auto part = std::ranges::find(parts, layer, &BlockPart::name);
    return part != parts.end() && has_bias(part->bias, model);
}

}  // namespace alphaprune::model
