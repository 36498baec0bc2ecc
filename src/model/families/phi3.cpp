#include <array>

#include "config_fields.hpp"
#include "describe.hpp"

namespace alphaprune::model::families {
namespace {

constexpr ModelSeries kPhi3{"phi3", "Phi3ForCausalLM",          "bfloat16", 32064, 4096,
                            1e4,    R"("sliding_window": 2047)"};
constexpr ModelSeries kPhi4{"phi3", "Phi3ForCausalLM", "bfloat16", 100352, 16384, 2.5e5};

// name, alias, repository, series, hidden, intermediate, blocks, heads, key-value heads, epsilon
// clang-format off
constexpr std::array<NamedShape, 3> kPhi3Shapes{{
  {"phi3-mini", "", "microsoft/Phi-3-mini-4k-instruct", &kPhi3, 3072, 8192, 32, 32, 32, 1e-5},
  {"phi3-medium", "", "microsoft/Phi-3-medium-4k-instruct", &kPhi3, 5120, 17920, 40, 40, 10, 1e-5},
  {"phi4", "", "microsoft/phi-4", &kPhi4, 5120, 17920, 40, 40, 10, 1e-5},
}};
// clang-format on

BlockDescription describe_phi3_block(const ModelConfiguration& model, std::int64_t block) {
    const std::int64_t hidden = model.hidden_size;
    const std::int64_t inner = model.intermediate_size;
    const std::int64_t queries = model.heads * model.head_size;
    const std::int64_t keys = model.key_value_heads * model.head_size;
    BlockDescription made;
    AttentionLayer attention;
    attention.output = add_linear(made, "self_attn.o_proj", hidden, queries, false);
    attention.query = add_fused_linear(
        made, "self_attn.qkv_proj", queries + 2 * keys, hidden, false,
        {{"q", {}, queries}, {"k", {queries}, keys}, {"v", {queries + keys}, keys}});
    attention.key = attention.query + 1;
    attention.value = attention.query + 2;
    attention.shape = attention_shape(model, block);
    attention.rotary = rotary_layer(model, block);
    MlpLayer mlp;
    mlp.gate = add_fused_linear(made, "mlp.gate_up_proj", 2 * inner, hidden, false,
                                {{"gate", {}, inner}, {"up", {inner}, inner}});
    mlp.up = mlp.gate + 1;
    mlp.down = add_linear(made, "mlp.down_proj", hidden, inner, false);
    mlp.activation = model.activation;
    add_sublayers(made, model, kRmsNorm, attention, mlp);
    return made;
}

}  // namespace

/// Phi-3 and Phi-4 (arXiv 2404.14219): LLaMA's blocks with queries, keys and values in one tensor,
/// and gate and up in one.
const Family& phi3() {
    static const Family family = named_as_llama({
        .name = "phi3",
        .defaults = {.max_positions = 4096,
                     .norm_epsilon = 1e-5,
                     .activation = "silu",
                     .window = WindowRule::always,
                     .sliding_window = 0},
        .shapes = kPhi3Shapes,
        .describe_block = describe_phi3_block,
        .read_own_fields =
            [](ConfigFields& fields, ModelConfiguration& model) {
                // transformers takes Phi-3's "yarn" for LongRoPE, whose formulas differ.
                if (model.rope.type == "yarn") {
                    fields.reject("rope_scaling.type", "longrope", "yarn");
                }
            },
    });
    return family;
}

}  // namespace alphaprune::model::families
