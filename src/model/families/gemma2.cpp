#include <array>

#include "config_fields.hpp"
#include "describe.hpp"

namespace alphaprune::model::families {
namespace {

constexpr ModelSeries kGemma2{
    "gemma2",
    "Gemma2ForCausalLM",
    "bfloat16",
    256000,
    8192,
    1e4,
    R"("hidden_activation": "gelu_pytorch_tanh", "sliding_window": 4096, "tie_word_embeddings": true,
       "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0)"};
constexpr std::string_view k256 = R"("head_dim": 256, "query_pre_attn_scalar": 256)";
constexpr std::string_view k128 = R"("head_dim": 128, "query_pre_attn_scalar": 144)";

// name, alias, repository, series, hidden, intermediate, blocks, heads, key-value heads, epsilon
// clang-format off
constexpr std::array<NamedShape, 3> kGemma2Shapes{{
  {"gemma2-2b", "", "google/gemma-2-2b", &kGemma2, 2304, 9216, 26, 8, 4, 1e-6, k256},
  {"gemma2-9b", "", "google/gemma-2-9b", &kGemma2, 3584, 14336, 42, 16, 8, 1e-6, k256},
  {"gemma2-27b", "", "google/gemma-2-27b", &kGemma2, 4608, 36864, 46, 32, 16, 1e-6, k128},
}};
// clang-format on

}  // namespace

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
        .shapes = kGemma2Shapes,
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
