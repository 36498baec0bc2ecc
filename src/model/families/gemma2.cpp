#include "config_fields.hpp"
#include "describe.hpp"

namespace alphaprune::model::families {

/// Gemma 2 (arXiv 2408.00118): windows in every other block, capped scores and logits.
const Family& gemma2() {
    static const Family family = named_as_llama({
        .name = "gemma2",
        .defaults = {.key_value_heads = 4,
                     .max_positions = 8192,
                     .norm_epsilon = 1e-6,
                     .activation = "gelu_pytorch_tanh",
                     .tied_embeddings = true,
                     .window = WindowRule::patterned,
                     .window_pattern = 2,
                     .head_size = 256},
        .describe_block =
            [](const ModelConfiguration& model, std::int64_t block) {
                return describe_gemma_block(model, block, false);
            },
        .describe_frame = describe_gemma_frame,
        .read_own_fields =
            [](ConfigFields& fields, ModelConfiguration& model) {
                read_gemma_fields(fields, model);
                constexpr double kScoreCap = 50;
                constexpr double kLogitCap = 30;
                const auto cap = [&](std::string_view name, double usual) {
                    const bool absent = fields.find({name}) == nullptr;  // null: none
                    return fields.positive({name}).value_or(absent ? usual : 0);
                };
                model.attention_softcap = cap("attn_logit_softcapping", kScoreCap);
                model.logits_softcap = cap("final_logit_softcapping", kLogitCap);
            },
    });
    return family;
}

}  // namespace alphaprune::model::families
