#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/model/tokens.hpp"
#include "alphaprune/support/file.hpp"
#include "transformer/stored_model.hpp"

namespace alphaprune::test {

/// What transformers made of a tiny model.
struct Golden {
    model::TokenSequences sequences;
    std::vector<std::int64_t> positions;      ///< of the first sequence
    std::vector<std::vector<double>> logits;  ///< there
    double perplexity = 0;
};

inline const std::filesystem::path kModelsFolder = kSourceFolder / "tests/data/models";

inline Golden golden_of(const std::string& name) {
    const std::filesystem::path path = kModelsFolder / name / "golden.json";
    const formats::Json json = formats::Json::parse(support::read_text(path), path.string());
    Golden golden;
    for (const formats::Json& sequence : json.find("input_ids")->elements()) {
        golden.sequences.length = static_cast<std::int64_t>(sequence.elements().size());
        for (const formats::Json& id : sequence.elements()) {
            golden.sequences.ids.push_back(static_cast<std::int32_t>(*id.as_integer()));
        }
    }
    for (const formats::Json& position : json.find("positions")->elements()) {
        golden.positions.push_back(*position.as_integer());
    }
    for (const formats::Json& row : json.find("logits")->elements()) {
        golden.logits.emplace_back();
        for (const formats::Json& value : row.elements()) {
            golden.logits.back().push_back(*value.as_number());
        }
    }
    golden.perplexity = *json.find("perplexity")->as_number();
    return golden;
}

/// The folders of tiny models that come with golden values.
inline std::vector<std::string> golden_models() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(kModelsFolder)) {
        if (std::filesystem::exists(entry.path() / "golden.json")) {
            names.push_back(entry.path().filename().string());
        }
    }
    std::ranges::sort(names);
    return names;
}

}  // namespace alphaprune::test
