#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "support/model_folder.hpp"

namespace alphaprune::test {

/// A small model with pseudo-random weights, to be changed by a test before it is written.
struct OddModel {
    std::string config;
    std::vector<StoredTensor> tensors;

    void erase(const std::string& name);
    /// The first `from` of the configuration becomes `to`. It must be there.
    void replace(const std::string& from, const std::string& to);
    void write(const std::filesystem::path& folder) const;
};

/// Mistral: heads wider than hidden size / heads, a window of 5, untied.
OddModel odd_mistral();

/// LLaMA: biases everywhere (attention_bias, mlp_bias), no window, the rest as odd_mistral.
OddModel odd_llama();

/// OPT as opt-350m is: norm after, a narrow embedding, no final norm; and gelu.
OddModel odd_opt();

}  // namespace alphaprune::test
