#include "alphaprune/model/named_shape.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "alphaprune/formats/json.hpp"

namespace alphaprune::model {
namespace {

constexpr ModelSeries kLlama1{"llama", "LlamaForCausalLM", "bfloat16", 32000, 2048, 1e4, false, 0};
constexpr ModelSeries kLlama2{"llama", "LlamaForCausalLM", "bfloat16", 32000, 4096, 1e4, false, 0};
constexpr ModelSeries kLlama3{"llama", "LlamaForCausalLM", "bfloat16", 128256, 8192, 5e5, false, 0};
constexpr ModelSeries kLlama31{"llama", "LlamaForCausalLM", "bfloat16", 128256, 131072, 5e5, true,
                               0};
constexpr ModelSeries kMistral{
    "mistral", "MistralForCausalLM", "bfloat16", 32000, 32768, 1e4, false, 4096};
constexpr ModelSeries kQwen2{"qwen2", "Qwen2ForCausalLM", "bfloat16", 152064, 131072, 1e6, false,
                             0};
constexpr ModelSeries kOpt{"opt", "OPTForCausalLM", "float16", 50272, 2048, 0, false, 0};

// name, alias, repository, series, hidden, intermediate, blocks, heads, key-value heads, epsilon
// clang-format off
constexpr std::array<NamedShape, 20> kShapes{{
  {"7b", "llama-7b", "huggyllama/llama-7b", &kLlama1, 4096, 11008, 32, 32, 32, 1e-6},
  {"13b", "llama-13b", "huggyllama/llama-13b", &kLlama1, 5120, 13824, 40, 40, 40, 1e-6},
  {"30b", "llama-30b", "huggyllama/llama-30b", &kLlama1, 6656, 17920, 60, 52, 52, 1e-6},
  {"65b", "llama-65b", "huggyllama/llama-65b", &kLlama1, 8192, 22016, 80, 64, 64, 1e-5},
  {"llama2-7b", "", "meta-llama/Llama-2-7b-hf", &kLlama2, 4096, 11008, 32, 32, 32, 1e-5},
  {"llama2-13b", "", "meta-llama/Llama-2-13b-hf", &kLlama2, 5120, 13824, 40, 40, 40, 1e-5},
  {"llama2-70b", "70b", "meta-llama/Llama-2-70b-hf", &kLlama2, 8192, 28672, 80, 64, 8, 1e-5},
  {"llama3-8b", "", "meta-llama/Meta-Llama-3-8B", &kLlama3, 4096, 14336, 32, 32, 8, 1e-5},
  {"llama3-70b", "", "meta-llama/Meta-Llama-3-70B", &kLlama3, 8192, 28672, 80, 64, 8, 1e-5},
  {"llama3-405b", "405b", "meta-llama/Llama-3.1-405B", &kLlama31, 16384, 53248, 126, 128, 8, 1e-5},
  {"mistral-7b", "", "mistralai/Mistral-7B-v0.1", &kMistral, 4096, 14336, 32, 32, 8, 1e-5},
  {"qwen2-7b", "", "Qwen/Qwen2-7B", &kQwen2, 3584, 18944, 28, 28, 4, 1e-6},
  {"qwen2-72b", "", "Qwen/Qwen2-72B", &kQwen2, 8192, 29568, 80, 64, 8, 1e-5},
  {"opt-125m", "", "facebook/opt-125m", &kOpt, 768, 3072, 12, 12, 12, 1e-5},
  {"opt-1.3b", "", "facebook/opt-1.3b", &kOpt, 2048, 8192, 24, 32, 32, 1e-5},
  {"opt-2.7b", "", "facebook/opt-2.7b", &kOpt, 2560, 10240, 32, 32, 32, 1e-5},
  {"opt-6.7b", "", "facebook/opt-6.7b", &kOpt, 4096, 16384, 32, 32, 32, 1e-5},
  {"opt-13b", "", "facebook/opt-13b", &kOpt, 5120, 20480, 40, 40, 40, 1e-5},
  {"opt-30b", "", "facebook/opt-30b", &kOpt, 7168, 28672, 48, 56, 56, 1e-5},
  {"opt-66b", "", "facebook/opt-66b", &kOpt, 9216, 36864, 64, 72, 72, 1e-5},
}};
// clang-format on

formats::Json::Object common_fields(const NamedShape& shape) {
    const ModelSeries& series = *shape.series;
    return {{"architectures", formats::Json::Array{series.architecture}},
            {"model_type", series.model_type},
            {"torch_dtype", series.stored_type},
            {"vocab_size", series.vocabulary},
            {"max_position_embeddings", series.max_positions},
            {"hidden_size", shape.hidden},
            {"num_hidden_layers", shape.blocks},
            {"num_attention_heads", shape.heads}};
}

void add_opt_fields(const NamedShape& shape, formats::Json::Object& config) {
    config.insert(config.end(), {{"ffn_dim", shape.intermediate},
                                 {"word_embed_proj_dim", shape.hidden},
                                 {"activation_function", "relu"},
                                 {"do_layer_norm_before", true},
                                 {"enable_bias", true},
                                 {"tie_word_embeddings", true}});
}

void add_llama_fields(const NamedShape& shape, formats::Json::Object& config) {
    const ModelSeries& series = *shape.series;
    config.insert(config.end(), {{"intermediate_size", shape.intermediate},
                                 {"num_key_value_heads", shape.key_value_heads},
                                 {"hidden_act", "silu"},
                                 {"rms_norm_eps", shape.norm_epsilon},
                                 {"rope_theta", series.rope_theta},
                                 {"tie_word_embeddings", false}});
    if (series.llama3_scaling) {
        config.emplace_back("rope_scaling",
                            formats::Json::Object{{"rope_type", "llama3"},
                                                  {"factor", 8.0},
                                                  {"low_freq_factor", 1.0},
                                                  {"high_freq_factor", 4.0},
                                                  {"original_max_position_embeddings", 8192}});
    }
    if (series.sliding_window > 0) {
        config.emplace_back("sliding_window", series.sliding_window);
    }
}

}  // namespace

std::span<const NamedShape> named_shapes() {
    return kShapes;
}

const NamedShape* shape_named(std::string_view name) {
    std::string lower(name);
    std::ranges::transform(lower, lower.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto* found = std::ranges::find_if(kShapes, [&](const NamedShape& shape) {
        return !lower.empty() && (shape.name == lower || shape.alias == lower);
    });
    return found == kShapes.end() ? nullptr : found;
}

std::string configuration_text_of(const NamedShape& shape) {
    formats::Json::Object config = common_fields(shape);
    shape.series == &kOpt ? add_opt_fields(shape, config) : add_llama_fields(shape, config);
    return formats::Json(std::move(config)).dump() + "\n";
}

}  // namespace alphaprune::model
