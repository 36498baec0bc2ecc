#include "forward_family.hpp"

#include <algorithm>
#include <array>

namespace alphaprune::transformer {
namespace {

constexpr ForwardFamily kLlama{
    .norm = NormKind::rms,
    .positions = Positions::rotary,
    .position_offset = 0,
    .block = {.attention_norm = "input_layernorm",
              .query = "self_attn.q_proj",
              .key = "self_attn.k_proj",
              .value = "self_attn.v_proj",
              .attention_out = "self_attn.o_proj",
              .mlp_norm = "post_attention_layernorm",
              .gate = "mlp.gate_proj",
              .up = "mlp.up_proj",
              .down = "mlp.down_proj"},
    .embedding = "model.embed_tokens",
    .position_table = {},
    .project_in = {},
    .project_out = {},
    .final_norm = "model.norm",
    .head = "lm_head",
};

constexpr ForwardFamily kOpt{
    .norm = NormKind::layer,
    .positions = Positions::learned,
    .position_offset = 2,  // the first two rows stood for padding once
    .block = {.attention_norm = "self_attn_layer_norm",
              .query = "self_attn.q_proj",
              .key = "self_attn.k_proj",
              .value = "self_attn.v_proj",
              .attention_out = "self_attn.out_proj",
              .mlp_norm = "final_layer_norm",
              .gate = {},
              .up = "fc1",
              .down = "fc2"},
    .embedding = "model.decoder.embed_tokens",
    .position_table = "model.decoder.embed_positions",
    .project_in = "model.decoder.project_in",
    .project_out = "model.decoder.project_out",
    .final_norm = "model.decoder.final_layer_norm",
    .head = "lm_head",
};

struct Entry {
    std::string_view model_type;
    const ForwardFamily* family;
};
constexpr std::array kEntries{
    Entry{"llama", &kLlama},
    Entry{"mistral", &kLlama},
    Entry{"qwen2", &kLlama},
    Entry{"opt", &kOpt},
};

}  // namespace

const ForwardFamily* forward_family_of(std::string_view model_type) {
    const auto* found = std::ranges::find(kEntries, model_type, &Entry::model_type);
    return found == kEntries.end() ? nullptr : found->family;
}

std::string forward_family_names() {
    std::string names;
    for (const Entry& entry : kEntries) {
        names += (names.empty() ? "" : ", ") + std::string(entry.model_type);
    }
    return names;
}

}  // namespace alphaprune::transformer
