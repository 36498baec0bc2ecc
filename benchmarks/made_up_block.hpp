#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "alphaprune/model/catalogue.hpp"
#include "command_line.hpp"

namespace alphaprune::benchmark {

/// A LLaMA model of one block of given sizes, with synthetic weights of that type.
inline model::Catalogue made_up_model(const std::string& shape,
                                      const std::string& type = "bfloat16") {
    long long hidden = 0;
    long long inner = 0;
    long long heads = 0;
    long long key_value_heads = 0;
    int end = 0;
    const int found = std::sscanf(shape.c_str(), "%lldx%lldx%lldx%lld%n", &hidden, &inner, &heads,
                                  &key_value_heads, &end);
    if (found != 4 || static_cast<std::size_t>(end) != shape.size() || hidden < 1 || inner < 1 ||
        heads < 1 || key_value_heads < 1 || hidden % heads != 0 || heads % key_value_heads != 0) {
        throw bad_request(fmt::format("'{}' is no shape of a block", shape), "--shape",
                          "give hidden x intermediate x heads x key/value heads, such as "
                          "4096x11008x32x32");
    }
    const std::filesystem::path folder =
        std::filesystem::temp_directory_path() / fmt::format("alphaprune-block-{}", getpid());
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "config.json") << fmt::format(
        R"({{"model_type": "llama", "hidden_size": {}, "intermediate_size": {}, )"
        R"("num_hidden_layers": 1, "num_attention_heads": {}, "num_key_value_heads": {}, )"
        R"("hidden_act": "silu", "rms_norm_eps": 1e-5, "vocab_size": 8192, )"
        R"("max_position_embeddings": 65536, "torch_dtype": "{}"}})",
        hidden, inner, heads, key_value_heads, type);
    model::Catalogue catalogue = model::synthetic_catalogue(folder, shape);
    std::filesystem::remove_all(folder);
    return catalogue;
}

}  // namespace alphaprune::benchmark
