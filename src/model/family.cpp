#include "alphaprune/model/family.hpp"

#include <algorithm>
#include <array>

namespace alphaprune::model {
namespace {

constexpr std::array<std::string_view, 7> kLlamaMatrices{
    "self_attn.q_proj.weight", "self_attn.k_proj.weight", "self_attn.v_proj.weight",
    "self_attn.o_proj.weight", "mlp.gate_proj.weight",    "mlp.up_proj.weight",
    "mlp.down_proj.weight",
};
constexpr std::array<std::string_view, 6> kOptMatrices{
    "self_attn.k_proj.weight",
    "self_attn.v_proj.weight",
    "self_attn.q_proj.weight",
    "self_attn.out_proj.weight",
    "fc1.weight",
    "fc2.weight",
};

constexpr std::array<Family, 4> kFamilies{{
    {"llama", "llama", "model.", "model.layers.", kLlamaMatrices},
    {"mistral", "mistral", "model.", "model.layers.", kLlamaMatrices},
    {"qwen2", "qwen2", "model.", "model.layers.", kLlamaMatrices},
    {"opt", "opt", "model.", "model.decoder.layers.", kOptMatrices},
}};

}  // namespace

std::span<const Family> families() {
    return kFamilies;
}

const Family* family_of(std::string_view model_type) {
    const auto* found = std::find_if(kFamilies.begin(), kFamilies.end(), [&](const Family& family) {
        return family.model_type == model_type;
    });
    return found == kFamilies.end() ? nullptr : found;
}

}  // namespace alphaprune::model
