#include <array>

#include "config_fields.hpp"
#include "describe.hpp"

namespace alphaprune::model::families {
namespace {

constexpr ModelSeries kMixtral7b{"mixtral",
                                 "MixtralForCausalLM",
                                 "bfloat16",
                                 32000,
                                 32768,
                                 1e6,
                                 R"("num_local_experts": 8, "num_experts_per_tok": 2)"};
constexpr ModelSeries kMixtral22b{"mixtral",
                                  "MixtralForCausalLM",
                                  "bfloat16",
                                  32768,
                                  65536,
                                  1e6,
                                  R"("num_local_experts": 8, "num_experts_per_tok": 2)"};

// name, alias, repository, series, hidden, intermediate, blocks, heads, key-value heads, epsilon
// clang-format off
constexpr std::array<NamedShape, 2> kMixtralShapes{{
  {"mixtral-8x7b", "", "mistralai/Mixtral-8x7B-v0.1", &kMixtral7b, 4096, 14336, 32, 32, 8, 1e-5},
  {"mixtral-8x22b", "", "mistralai/Mixtral-8x22B-v0.1", &kMixtral22b, 6144, 16384, 56, 48, 8, 1e-5},
}};
// clang-format on

constexpr ExpertNames kNames{.router = "block_sparse_moe.gate",
                             .experts = "block_sparse_moe.experts",
                             .gate = "w1",
                             .up = "w3",
                             .down = "w2",
                             .down_before_up = true};

}  // namespace

/// Mixtral (arXiv 2401.04088): Mistral's blocks with experts instead of an MLP.
const Family& mixtral() {
    static const Family family = named_as_llama({
        .name = "mixtral",
        .defaults = {.key_value_heads = 8,
                     .max_positions = 131072,
                     .norm_epsilon = 1e-5,
                     .activation = "silu",
                     .window = WindowRule::always,
                     .sliding_window = 0,
                     .rope_theta = 1e6},
        .shapes = kMixtralShapes,
        .describe_block =
            [](const ModelConfiguration& model, std::int64_t block) {
                BlockDescription made;
                const AttentionLayer attention = add_attention(made, model, block);
                const ExpertsLayer experts = add_experts(made, model, kNames);
                add_sublayers(made, model, kRmsNorm, attention, experts);
                return made;
            },
        .read_own_fields =
            [](ConfigFields& fields, ModelConfiguration& model) {
                ModelConfiguration usual;
                usual.experts = 8;
                usual.experts_per_token = 2;
                usual.expert_size = model.intermediate_size;
                usual.renormalize_experts = true;
                read_expert_fields(fields, model, usual);
            },
    });
    return family;
}

}  // namespace alphaprune::model::families
