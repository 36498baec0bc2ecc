// The tiny models, one trait each, against logits and perplexities that transformers computed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/transformer/perplexity.hpp"
#include "support/world.hpp"
#include "transformer/logits.hpp"
#include "transformer/stored_model.hpp"

namespace alphaprune::test {
namespace {

struct Golden {
    model::TokenSequences sequences;
    std::vector<std::int64_t> positions;      ///< of the first sequence
    std::vector<std::vector<double>> logits;  ///< there
    double perplexity = 0;
};

Golden read_golden(const std::filesystem::path& path) {
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
std::vector<std::string> golden_models() {
    std::vector<std::string> names;
    for (const auto& entry :
         std::filesystem::directory_iterator(kSourceFolder / "tests/data/models")) {
        if (std::filesystem::exists(entry.path() / "golden.json")) {
            names.push_back(entry.path().filename().string());
        }
    }
    std::ranges::sort(names);
    return names;
}

class GoldenModel : public testing::TestWithParam<std::string> {
  protected:
    StoredModel model_{kSourceFolder / "tests/data/models" / GetParam()};
    Golden golden_ = read_golden(kSourceFolder / "tests/data/models" / GetParam() / "golden.json");
};

TEST_P(GoldenModel, Logits) {
    const auto logits = transformer::logits_of(world(), model_.catalogue, model_.source(),
                                               golden_.sequences.sequence(0));
    double largest = 0;
    double worst = 0;
    for (std::size_t row = 0; row < golden_.positions.size(); ++row) {
        const auto& expected = golden_.logits[row];
        const auto start = static_cast<std::size_t>(golden_.positions[row]) * expected.size();
        for (std::size_t i = 0; i < expected.size(); ++i) {
            largest = std::max(largest, std::abs(expected[i]));
            worst = std::max(worst, std::abs(expected[i] - static_cast<double>(logits[start + i])));
        }
    }
    EXPECT_GT(largest, 1);
    EXPECT_LT(worst, 2e-4);
    RecordProperty("worst", std::to_string(worst / largest));
}

TEST_P(GoldenModel, Perplexity) {
    const transformer::Perplexity perplexity =
        transformer::measure_perplexity(world(), parallel::NodeMap(world()), model_.catalogue,
                                        model_.source(), golden_.sequences, {});
    EXPECT_NEAR(perplexity.value, golden_.perplexity, 1e-3 * golden_.perplexity);
    EXPECT_EQ(perplexity.windows, 2);
    EXPECT_EQ(perplexity.seqlen, 96);
}

INSTANTIATE_TEST_SUITE_P(Tiny, GoldenModel, testing::ValuesIn(golden_models()));

}  // namespace
}  // namespace alphaprune::test
