#include "config_fields.hpp"
#include "describe.hpp"

namespace alphaprune::model::families {
namespace {

constexpr NormStyle kCohereNorm{NormKind::layer, false, false};

}  // namespace

/// Command R7B and Command A (arXiv 2504.00698): attention and MLP in parallel behind one norm;
/// rotary positions in blocks with a window, none in the others.
const Family& cohere2() {
    static const Family family = named_as_llama({
        .name = "cohere2",
        .defaults = {.max_positions = 8192,
                     .norm_epsilon = 1e-5,
                     .activation = "silu",
                     .tied_embeddings = true,
                     .window = WindowRule::patterned,
                     .window_pattern = 4},
        .describe_block =
            [](const ModelConfiguration& model, std::int64_t block) {
                BlockDescription made;
                const bool bias = model.attention_bias;
                AttentionLayer attention = add_attention(made, model, block, {bias, bias});
                attention.rotary->interleaved = true;
                if (!model.window_of(block)) {
                    attention.rotary.reset();
                }
                const MlpLayer mlp = add_gated_mlp(made, model);
                const NormLayer norm =
                    add_norm(made.tensors, model, kCohereNorm, "input_layernorm");
                made.sublayers = {{.norm_before = norm, .body = attention},
                                  {.norm_before = norm, .body = mlp, .parallel = true}};
                return made;
            },
        .describe_frame =
            [](const ModelConfiguration& model) { return describe_frame(model, kCohereNorm); },
        .read_own_fields =
            [](ConfigFields& fields, ModelConfiguration& model) {
                constexpr double kUsualScale = 0.0625;
                model.logits_multiplier = fields.positive({"logit_scale"}).value_or(kUsualScale);
            },
    });
    return family;
}

}  // namespace alphaprune::model::families
