#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "model/named_tensors.hpp"

namespace alphaprune::test {
namespace {

/// "{0-2,5}" as 0, 1, 2, 5.
std::vector<int> numbers_in(const std::string& ranges) {
    std::vector<int> numbers;
    std::istringstream parts(ranges);
    for (std::string part; std::getline(parts, part, ',');) {
        const int first = std::stoi(part);
        const int last = part.find('-') == std::string::npos
                             ? first
                             : std::stoi(part.substr(part.find('-') + 1));
        for (int number = first; number <= last; ++number) {
            numbers.push_back(number);
        }
    }
    return numbers;
}

Texts names_in(const std::string& pattern) {
    const std::size_t open = pattern.find('{');
    if (open == std::string::npos) {
        return {pattern};
    }
    const std::size_t close = pattern.find('}', open);
    Texts names;
    for (const int number : numbers_in(pattern.substr(open + 1, close - open - 1))) {
        for (const std::string& rest : names_in(pattern.substr(close + 1))) {
            names.push_back(pattern.substr(0, open) + std::to_string(number) + rest);
        }
    }
    return names;
}

struct Architecture {
    std::string config;
    std::vector<Named> tensors;
    Texts linear;  ///< names
};

Architecture read_architecture(const std::filesystem::path& file) {
    std::ifstream stream(file);
    Architecture architecture;
    std::string line;
    std::getline(stream, line);
    std::getline(stream, architecture.config);
    while (std::getline(stream, line)) {
        std::istringstream words(line);
        std::string kind;
        std::string extents;
        std::string pattern;
        words >> kind >> extents >> pattern;
        std::vector<std::int64_t> shape;
        std::istringstream parts(extents);
        for (std::string extent; std::getline(parts, extent, 'x');) {
            shape.push_back(std::stoll(extent));
        }
        for (const std::string& name : names_in(pattern)) {
            architecture.tensors.push_back({name, shape});
            if (kind == "linear" && name.ends_with(".weight")) {
                architecture.linear.push_back(name);
            }
        }
    }
    return architecture;
}

class Oracle : public testing::TestWithParam<std::string> {};

TEST_P(Oracle, LinearLayersOfTheBlocksAndNothingElse) {
    const Architecture architecture =
        read_architecture(std::filesystem::path(ALPHAPRUNE_SOURCE_DIR "/tests/data/architectures") /
                          (GetParam() + ".txt"));
    ASSERT_FALSE(architecture.tensors.empty());
    const bool stacked = GetParam() == "jetmoe";
    const model::Catalogue catalogue =
        catalogue_of(architecture.config, architecture.tensors,
                     choice_of({}, stacked ? Texts{"(in|out)put_linear"} : Texts{}));
    Texts expected;
    std::ranges::copy_if(
        architecture.linear, std::back_inserter(expected),
        [&](const std::string& name) { return name.starts_with(catalogue.decoder.prefix); });
    Texts found;
    for (const model::MatrixInfo& matrix : catalogue.matrices) {
        found.push_back(catalogue.tensor_of(matrix).name);
    }
    std::ranges::sort(expected);
    std::ranges::sort(found);
    // GPT-2 has several in a tensor.
    found.erase(std::unique(found.begin(), found.end()), found.end());
    Texts wrong;
    std::ranges::set_difference(found, expected, std::back_inserter(wrong));
    EXPECT_EQ(wrong, Texts{}) << "are no linear layers";
    wrong.clear();
    std::ranges::set_difference(expected, found, std::back_inserter(wrong));
    EXPECT_EQ(wrong, Texts{}) << "are linear layers";
    EXPECT_FALSE(found.empty());
}

INSTANTIATE_TEST_SUITE_P(Architectures, Oracle,
                         testing::Values("biogpt", "bloom", "chameleon", "cohere",
                                         "decision_transformer", "deepseek_v3", "falcon_h1", "gpt2",
                                         "imagegpt", "jamba", "jetmoe", "llava", "mamba", "mixtral",
                                         "nllb_moe", "qwen2_5_vl", "qwen2_moe", "recurrent_gemma",
                                         "rwkv", "starcoder2", "t5", "xglm", "zamba2"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace alphaprune::test
