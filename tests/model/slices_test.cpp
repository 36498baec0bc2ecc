// Matrices that are slices of tensors: rows of a fused projection, experts stacked in one tensor.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "alphaprune/model/matrix_choice.hpp"
#include "alphaprune/model/weight_reader.hpp"
#include "model/faults.hpp"
#include "model/fused_family.hpp"
#include "support/temporary_folder.hpp"

namespace alphaprune::test {
namespace {

const LlamaSizes kSizes;

std::vector<StoredTensor> separate_tensors() {
    return llama_tensors(kSizes, 3, support::ScalarType::float32);
}

std::vector<double> values_of(model::WeightReader& reader, const model::MatrixInfo& matrix,
                              bool whole, const linalg::Rectangle& part) {
    std::vector<double> values(static_cast<std::size_t>(part.size()));
    make_matrix_source(reader, matrix, whole, 2)->read(part, values);
    return values;
}

TEST(Slices, AreNamedAndComeInTheOrderOfDefinition) {
    const TemporaryFolder folder;
    const auto catalogue =
        fused_catalogue(folder / "m", llama_config(kSizes), separate_tensors(), true);
    ASSERT_EQ(catalogue.matrices.size(), 14U);
    std::vector<std::string> names;
    for (std::size_t m = 7; m < 14; ++m) {
        names.push_back(catalogue.name_of(catalogue.matrices[m]));
    }
    const std::string in = "model.layers.1.";
    EXPECT_EQ(names, (std::vector<std::string>{
                         in + "self_attn.qkv_proj.weight[q]", in + "self_attn.qkv_proj.weight[k]",
                         in + "self_attn.qkv_proj.weight[v]", in + "self_attn.o_proj.weight",
                         in + "mlp.gate_up_proj.weight[gate]", in + "mlp.gate_up_proj.weight[up]",
                         in + "mlp.down_proj.weight"}));
    const model::MatrixInfo& up = catalogue.matrices[12];
    EXPECT_EQ(up.expert, 1);
    EXPECT_EQ(up.first_row, kSizes.intermediate);
    const model::MatrixInfo& down = catalogue.matrices[13];
    EXPECT_TRUE(down.transposed);
    EXPECT_EQ(down.rows, kSizes.intermediate);
    EXPECT_EQ(catalogue.tensor_of(catalogue.matrices[8]).matrix, 7);
    const model::Catalogue copy = model::deserialize_catalogue(model::serialize(catalogue));
    EXPECT_EQ(copy.name_of(copy.matrices[12]), names[5]);
    EXPECT_EQ(copy.matrices[12].first_row, up.first_row);
    EXPECT_EQ(copy.matrices[12].expert, 1);
}

TEST(Slices, HoldTheSameValuesAsTensorsOfTheirOwn) {
    const TemporaryFolder folder;
    write_model_folder(folder / "separate", llama_config(kSizes), separate_tensors());
    const model::Catalogue separate = model::read_catalogue(folder / "separate");
    const model::Catalogue fused =
        fused_catalogue(folder / "fused", llama_config(kSizes), separate_tensors(), false);
    model::WeightReader of_separate(separate);
    model::WeightReader of_fused(fused);
    ASSERT_EQ(fused.matrices.size(), separate.matrices.size());
    for (std::size_t m = 0; m < fused.matrices.size(); ++m) {
        const model::MatrixInfo& matrix = separate.matrices[m];
        ASSERT_EQ(fused.matrices[m].rows, matrix.rows);
        ASSERT_EQ(fused.matrices[m].cols, matrix.cols);
        for (const linalg::Rectangle& part :
             {linalg::Rectangle{0, matrix.rows, 0, matrix.cols},
              linalg::Rectangle{1, matrix.rows - 1, 2, matrix.cols - 3},
              linalg::Rectangle{matrix.rows - 2, matrix.rows, 0, matrix.cols}}) {
            const auto expected = values_of(of_separate, matrix, true, part);
            for (const bool whole : {true, false}) {
                EXPECT_EQ(values_of(of_fused, fused.matrices[m], whole, part), expected)
                    << fused.name_of(fused.matrices[m]);
            }
        }
    }
}

TEST(Slices, StayOrGoWithTheirTensor) {
    const TemporaryFolder folder;
    auto catalogue = fused_catalogue(folder / "m", llama_config(kSizes), separate_tensors(), false);
    model::keep_blocks(catalogue, {1, 1});
    ASSERT_EQ(catalogue.matrices.size(), 7U);
    EXPECT_EQ(catalogue.tensor_of(catalogue.matrices[1]).matrix, 0);
    EXPECT_EQ(catalogue.matrices[1].first_row, kSizes.hidden);
}

TEST(Slices, OfATensorOfAnotherShapeAreRefusedOnce) {
    const TemporaryFolder folder;
    auto tensors = separate_tensors();
    auto& query = tensor_named(tensors, "model.layers.0.self_attn.q_proj.weight");
    query.bytes.resize(query.bytes.size() - 64);  // a row
    const auto faults = faults_of([&] {
        auto config = model::read_configuration(
            formats::Json::parse(llama_config(kSizes), "config.json"), "config.json");
        auto fused = fused_tensors(tensors, config, false);
        auto& qkv = tensor_named(fused, "model.layers.0.self_attn.qkv_proj.weight");
        --qkv.shape.front();
        std::string text = llama_config(kSizes);
        text.replace(text.find("\"llama\""), 7, "\"fused-llama\"");
        write_model_folder(folder / "m", text, fused);
        model::Catalogue catalogue = model::read_catalogue(folder / "m");
        support::FaultList found;
        model::find_family_matrices(fused_family<false>(), catalogue, found);
        found.throw_if_any();
    });
    ASSERT_EQ(faults.size(), 1U) << text_of(faults);
    EXPECT_EQ(count_faults(faults, {"layers.0.self_attn.qkv_proj.weight [31, 16]"}), 1)
        << text_of(faults);
}

}  // namespace
}  // namespace alphaprune::test
