#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "alphaprune/transformer/forward_plan.hpp"
#include "model/faults.hpp"
#include "support/many_types.hpp"
#include "support/temporary_folder.hpp"
#include "transformer/odd_models.hpp"

namespace alphaprune::test {
namespace {

using Names = std::set<std::string>;

Names names_of(const model::Catalogue& catalogue, const std::vector<int>& tensors) {
    EXPECT_TRUE(std::ranges::is_sorted(tensors));
    Names names;
    for (const int t : tensors) {
        EXPECT_TRUE(names.insert(catalogue.tensors[static_cast<std::size_t>(t)].name).second);
    }
    return names;
}

Names all_names(const OddModel& model) {
    Names names;
    for (const StoredTensor& tensor : model.tensors) {
        names.insert(tensor.name);
    }
    return names;
}

/// Its biases are a matter of their own.
OddModel mistral_without_biases() {
    OddModel model = odd_mistral();
    std::erase_if(model.tensors,
                  [](const StoredTensor& tensor) { return tensor.name.ends_with(".bias"); });
    return model;
}

model::Catalogue catalogue_of(const OddModel& model) {
    const TemporaryFolder folder;
    model.write(folder / "m");
    return model::read_catalogue(folder / "m");
}

TEST(ForwardTensors, AreAllThatAKnownFamilyUsesAndNoBuffers) {
    for (OddModel model : {mistral_without_biases(), odd_opt()}) {
        const Names used = all_names(model);
        const auto buffers = buffers_of_many_types("model.layers.0.self_attn.");
        model.tensors.insert(model.tensors.end(), buffers.begin(), buffers.end());
        model.tensors.push_back(random_tensor("model.layers.0.self_attn.mask",
                                              support::ScalarType::float32, {4, 4}, 1));
        const model::Catalogue catalogue = catalogue_of(model);
        EXPECT_EQ(names_of(catalogue, transformer::forward_tensors(catalogue)), used);
        Names unpruned = used;
        for (const model::MatrixInfo& matrix : catalogue.matrices) {
            unpruned.erase(catalogue.name_of(matrix));
        }
        EXPECT_EQ(names_of(catalogue, transformer::unpruned_forward_tensors(catalogue)), unpruned);
    }
}

TEST(ForwardTensors, WhatIsMissingIsNoMatterHere) {
    OddModel model = mistral_without_biases();
    model.erase("lm_head.weight");
    model.erase("model.norm.weight");
    const Names left = all_names(model);
    const model::Catalogue catalogue = catalogue_of(model);
    EXPECT_EQ(names_of(catalogue, transformer::forward_tensors(catalogue)), left);
}

TEST(ForwardTensors, OfAnUnknownFamilyAreWhatIsNamedLikeAParameter) {
    const auto floats = [](const std::string& name, std::vector<std::int64_t> shape) {
        return random_tensor(name, support::ScalarType::float32, std::move(shape), 1);
    };
    OddModel model;
    model.config = R"({"model_type": "unheard-of"})";
    model.tensors = {floats("embed.weight", {8, 4}),
                     floats("h.0.attn.q.weight", {4, 4}),
                     floats("h.0.attn.q.bias", {4}),
                     floats("h.0.attn.bias", {1, 1, 4, 4}),
                     floats("h.0.attn.masked_bias", {}),
                     floats("h.0.rotary.inv_freq", {2}),
                     floats("h.0.norm.weight", {4}),
                     floats("h.0.conv.weight", {4, 1, 3}),
                     buffer("h.0.table.weight", "I64", {4}, 32),
                     buffer("h.0.gate.bias", "BOOL", {4}, 4)};
    const model::Catalogue catalogue = catalogue_of(model);
    EXPECT_EQ(names_of(catalogue, transformer::forward_tensors(catalogue)),
              (Names{"embed.weight", "h.0.attn.q.weight", "h.0.attn.q.bias", "h.0.norm.weight",
                     "h.0.conv.weight"}));
    EXPECT_EQ(names_of(catalogue, transformer::unpruned_forward_tensors(catalogue)),
              (Names{"embed.weight", "h.0.attn.q.bias", "h.0.norm.weight", "h.0.conv.weight"}));
}

TEST(ForwardTensors, OfATypeThatIsNotReadStandInTheWayOfAForwardPass) {
    for (const std::string name : {"model.norm.weight", "model.layers.0.input_layernorm.weight"}) {
        OddModel model = odd_mistral();
        model.erase(name);
        model.tensors.push_back(buffer(name, "I64", {20}, 160));
        const model::Catalogue catalogue = catalogue_of(model);
        const auto faults = faults_of(
            [&] { transformer::require_head(transformer::make_forward_plan(catalogue)); });
        ASSERT_EQ(faults.size(), 1U) << text_of(faults);
        EXPECT_EQ(count_faults(faults, {"I64", name, "F32, F16 and BF16"}), 1);
    }
}

}  // namespace
}  // namespace alphaprune::test
