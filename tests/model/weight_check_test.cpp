#include "alphaprune/model/weight_check.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "alphaprune/support/error.hpp"
#include "phases/shared_model.hpp"

namespace alphaprune::model {
namespace {

using test::SharedModel;
using test::world;

/// The first and the last value of some tensors become an infinity and no number.
SharedModel damaged_model(const std::vector<std::string>& names) {
    return SharedModel([names](const std::filesystem::path& folder) {
        auto tensors = test::llama_tensors({}, 1, support::ScalarType::bfloat16);
        for (auto& tensor : tensors) {
            if (std::ranges::find(names, tensor.name) != names.end()) {
                const std::array bytes{std::byte{0x80}, std::byte{0xFF}, std::byte{0xC0},
                                       std::byte{0x7F}};
                std::copy_n(bytes.begin(), 2, tensor.bytes.begin());
                std::copy_n(bytes.begin() + 2, 2, tensor.bytes.end() - 2);
            }
        }
        test::write_model_folder(folder, test::llama_config({}), tensors);
    });
}

std::vector<int> all_tensors(const Catalogue& catalogue) {
    std::vector<int> tensors(catalogue.tensors.size());
    std::iota(tensors.begin(), tensors.end(), 0);
    return tensors;
}

TEST(WeightCheck, FiniteTensorsPass) {
    const SharedModel model = damaged_model({});
    require_finite_tensors(world(), model.catalogue(), all_tensors(model.catalogue()));
}

TEST(WeightCheck, OnlyWhatIsNamedIsLookedAt) {
    const SharedModel model = damaged_model({"lm_head.weight"});
    std::vector<int> tensors = all_tensors(model.catalogue());
    std::erase_if(tensors, [&](int t) {
        return model.catalogue().tensors[static_cast<std::size_t>(t)].name == "lm_head.weight";
    });
    require_finite_tensors(world(), model.catalogue(), tensors);
}

TEST(WeightCheck, EveryDamagedTensorIsNamedOnAllRanksWithTheCountOfAllItsRows) {
    const std::vector<std::string> names{"lm_head.weight",
                                         "model.layers.1.post_attention_layernorm.weight"};
    const SharedModel model = damaged_model(names);
    try {
        require_finite_tensors(world(), model.catalogue(), all_tensors(model.catalogue()));
        ADD_FAILURE() << "no error";
    } catch (const support::Error& error) {
        EXPECT_TRUE(error.agreed());
        EXPECT_EQ(error.status(), support::ExitStatus::bad_request);
        ASSERT_EQ(error.faults().size(), 2U);
        for (std::size_t i = 0; i < 2; ++i) {
            EXPECT_EQ(error.faults()[i].what, "2 values are NaN or infinite");
            EXPECT_NE(error.faults()[i].where.find(names[i]), std::string::npos);
        }
    }
}

}  // namespace
}  // namespace alphaprune::model
