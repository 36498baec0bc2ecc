#include <array>

#include "describe.hpp"

namespace alphaprune::model::families {
namespace {

constexpr std::array<std::string_view, 1> kLlamaTypes{"llava_llama"};

constexpr ModelSeries kLlama1{"llama", "LlamaForCausalLM", "bfloat16", 32000, 2048, 1e4};
constexpr ModelSeries kLlama2{"llama", "LlamaForCausalLM", "bfloat16", 32000, 4096, 1e4};
constexpr ModelSeries kLlama3{"llama", "LlamaForCausalLM", "bfloat16", 128256, 8192, 5e5};
constexpr ModelSeries kLlama31{
    "llama",
    "LlamaForCausalLM",
    "bfloat16",
    128256,
    131072,
    5e5,
    R"("rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
        "high_freq_factor": 4.0, "original_max_position_embeddings": 8192})"};
constexpr ModelSeries kLlama32{
    "llama",
    "LlamaForCausalLM",
    "bfloat16",
    128256,
    131072,
    5e5,
    R"("rope_scaling": {"rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0,
        "high_freq_factor": 4.0, "original_max_position_embeddings": 8192},
       "tie_word_embeddings": true)"};

// name, alias, repository, series, hidden, intermediate, blocks, heads, key-value heads, epsilon
// clang-format off
constexpr std::array<NamedShape, 12> kLlamaShapes{{
  {"7b", "llama-7b", "huggyllama/llama-7b", &kLlama1, 4096, 11008, 32, 32, 32, 1e-6},
  {"13b", "llama-13b", "huggyllama/llama-13b", &kLlama1, 5120, 13824, 40, 40, 40, 1e-6},
  {"30b", "llama-30b", "huggyllama/llama-30b", &kLlama1, 6656, 17920, 60, 52, 52, 1e-6},
  {"65b", "llama-65b", "huggyllama/llama-65b", &kLlama1, 8192, 22016, 80, 64, 64, 1e-5},
  {"llama2-7b", "", "meta-llama/Llama-2-7b-hf", &kLlama2, 4096, 11008, 32, 32, 32, 1e-5},
  {"llama2-13b", "", "meta-llama/Llama-2-13b-hf", &kLlama2, 5120, 13824, 40, 40, 40, 1e-5},
  {"llama2-70b", "70b", "meta-llama/Llama-2-70b-hf", &kLlama2, 8192, 28672, 80, 64, 8, 1e-5},
  {"llama3-8b", "", "meta-llama/Meta-Llama-3-8B", &kLlama3, 4096, 14336, 32, 32, 8, 1e-5},
  {"llama3-70b", "", "meta-llama/Meta-Llama-3-70B", &kLlama3, 8192, 28672, 80, 64, 8, 1e-5},
  {"llama3.2-1b", "", "meta-llama/Llama-3.2-1B", &kLlama32, 2048, 8192, 16, 32, 8, 1e-5},
  {"llama3.2-3b", "", "meta-llama/Llama-3.2-3B", &kLlama32, 3072, 8192, 28, 24, 8, 1e-5},
  {"llama3-405b", "405b", "meta-llama/Llama-3.1-405B", &kLlama31, 16384, 53248, 126, 128, 8, 1e-5},
}};
// clang-format on

}  // namespace

/// LLaMA 1, 2 and 3 (arXiv 2302.13971, 2307.09288, 2407.21783).
const Family& llama() {
    static const Family family = named_as_llama({
        .name = "llama",
        .also = kLlamaTypes,
        .defaults = {.max_positions = 2048, .norm_epsilon = 1e-6, .activation = "silu"},
        .shapes = kLlamaShapes,
        .describe_block =
            [](const ModelConfiguration& model, std::int64_t block) {
                const bool bias = model.attention_bias;
                return describe_llama_block(model, block, {bias, bias}, model.mlp_bias);
            },
    });
    return family;
}

}  // namespace alphaprune::model::families
