#include "config_fields.hpp"
#include "describe.hpp"

namespace alphaprune::model::families {
namespace {

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
