#include "config_fields.hpp"
#include "describe.hpp"

namespace alphaprune::model::families {

/// Granite 3 (IBM): LLaMA's blocks with multipliers of embeddings, attention, residual branches and
/// logits (arXiv 2408.13359).
const Family& granite() {
    static const Family family = named_as_llama({
        .name = "granite",
        .defaults = {.max_positions = 2048, .norm_epsilon = 1e-6, .activation = "silu"},
        .describe_block =
            [](const ModelConfiguration& model, std::int64_t block) {
                const bool bias = model.attention_bias;
                BlockDescription made =
                    describe_llama_block(model, block, {bias, bias}, model.mlp_bias);
                for (Sublayer& sublayer : made.sublayers) {
                    sublayer.multiplier = model.residual_multiplier;
                }
                return made;
            },
        .read_own_fields =
            [](ConfigFields& fields, ModelConfiguration& model) {
                model.attention_scale = fields.positive({"attention_multiplier"}).value_or(1);
                model.embedding_multiplier = fields.positive({"embedding_multiplier"}).value_or(1);
                model.residual_multiplier = fields.positive({"residual_multiplier"}).value_or(1);
                model.logits_multiplier = 1 / fields.positive({"logits_scaling"}).value_or(1);
            },
    });
    return family;
}

}  // namespace alphaprune::model::families
