#include "config_fields.hpp"
#include "describe.hpp"

namespace alphaprune::model::families {

/// Gemma 3, its part for text (arXiv 2503.19786): five blocks with a window and a rotary embedding
/// of their own for each that sees everything; norms of each head's queries and keys.
const Family& gemma3_text() {
    static const Family family = named_as_llama({
        .name = "gemma3_text",
        .defaults = {.key_value_heads = 4,
                     .max_positions = 131072,
                     .norm_epsilon = 1e-6,
                     .activation = "gelu_pytorch_tanh",
                     .tied_embeddings = true,
                     .window = WindowRule::patterned,
                     .window_pattern = 6,
                     .head_size = 256,
                     .rope_theta = 1e6},
        .describe_block =
            [](const ModelConfiguration& model, std::int64_t block) {
                return describe_gemma_block(model, block, true);
            },
        .describe_frame = describe_gemma_frame,
        .read_own_fields =
            [](ConfigFields& fields, ModelConfiguration& model) {
                read_gemma_fields(fields, model);
                model.attention_softcap = fields.positive({"attn_logit_softcapping"}).value_or(0);
                model.logits_softcap = fields.positive({"final_logit_softcapping"}).value_or(0);
                if (!model.window_rope) {
                    model.window_rope = RopeParameters{};
                    model.window_rope->theta =
                        fields.positive({"rope_local_base_freq"}).value_or(10000);
                }
            },
    });
    return family;
}

}  // namespace alphaprune::model::families
