#include <array>

#include "config_fields.hpp"
#include "describe.hpp"

namespace alphaprune::model::families {
namespace {

constexpr ModelSeries kGemma3{
    "gemma3_text",
    "Gemma3ForCausalLM",
    "bfloat16",
    262208,
    131072,
    1e6,
    R"("hidden_activation": "gelu_pytorch_tanh", "sliding_window": 1024, "tie_word_embeddings": true,
       "sliding_window_pattern": 6, "rope_local_base_freq": 10000.0,
       "rope_scaling": {"rope_type": "linear", "factor": 8.0})"};
constexpr std::string_view k256 = R"("head_dim": 256, "query_pre_attn_scalar": 256)";
constexpr std::string_view k128 = R"("head_dim": 128, "query_pre_attn_scalar": 168)";

// name, alias, repository, series, hidden, intermediate, blocks, heads, key-value heads, epsilon
// clang-format off
constexpr std::array<NamedShape, 3> kGemma3Shapes{{
  {"gemma3-4b", "", "google/gemma-3-4b-pt", &kGemma3, 2560, 10240, 34, 8, 4, 1e-6, k256},
  {"gemma3-12b", "", "google/gemma-3-12b-pt", &kGemma3, 3840, 15360, 48, 16, 8, 1e-6, k256},
  {"gemma3-27b", "", "google/gemma-3-27b-pt", &kGemma3, 5376, 21504, 62, 32, 16, 1e-6, k128},
}};
// clang-format on

}  // namespace

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
        .shapes = kGemma3Shapes,
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
