// Matrices that are slices of tensors: rows of a fused projection, experts stacked in one tensor.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "alphaprune/model/matrix_choice.hpp"
#include "alphaprune/model/matrix_slices.hpp"
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

/// As values_of, of the outputs × inputs that the matrix is.
std::vector<double> values_of_outputs(model::WeightReader& reader, const model::MatrixInfo& matrix,
                                      bool whole, linalg::Rectangle part) {
    if (!matrix.transposed) {
        return values_of(reader, matrix, whole, part);
    }
    part = {part.col_begin, part.col_end, part.row_begin, part.row_end};
    const auto stored = values_of(reader, matrix, whole, part);
    std::vector<double> turned;
    for (std::int64_t col = 0; col < part.cols(); ++col) {
        for (std::int64_t row = 0; row < part.rows(); ++row) {
            turned.push_back(stored[static_cast<std::size_t>(row * part.cols() + col)]);
        }
    }
    return turned;
}

TEST(Slices, AreNamedAndComeInTheOrderOfDefinition) {
    const TemporaryFolder folder;
    const auto catalogue =
        fused_catalogue(folder / "m", llama_config(kSizes), separate_tensors(), FusedKind::columns);
    ASSERT_EQ(catalogue.matrices.size(), 14U);
    std::vector<std::string> names;
    for (std::size_t m = 7; m < 14; ++m) {
        names.push_back(catalogue.name_of(catalogue.matrices[m]));
    }
    const std::string in = "model.layers.1.";
    EXPECT_EQ(names, (std::vector<std::string>{
                         in + "self_attn.qkv_proj.weight[q]", in + "self_attn.qkv_proj.weight[k]",
                         in + "self_attn.qkv_proj.weight[v]", in + "self_attn.o_proj.weight",
                         in + "mlp.gate_up_proj[0.gate]", in + "mlp.gate_up_proj[0.up]",
                         in + "mlp.down_proj.weight"}));
    const model::MatrixInfo& up = catalogue.matrices[12];
    EXPECT_EQ(up.expert, 0);
    EXPECT_EQ(up.pattern, (model::OutputPattern{1, 1, 2}));
    EXPECT_EQ(up.outputs(), kSizes.intermediate);
    const model::MatrixInfo& down = catalogue.matrices[13];
    EXPECT_TRUE(down.transposed);
    EXPECT_EQ(down.rows, kSizes.intermediate);
    EXPECT_EQ(catalogue.tensor_of(catalogue.matrices[8]).matrix, 7);
    const model::Catalogue copy = model::deserialize_catalogue(model::serialize(catalogue));
    EXPECT_EQ(copy.name_of(copy.matrices[12]), names[5]);
    EXPECT_EQ(copy.matrices[12].pattern, up.pattern);
    EXPECT_EQ(copy.matrices[12].expert, 0);
}

TEST(Slices, HoldTheSameValuesAsTensorsOfTheirOwn) {
    const TemporaryFolder folder;
    write_model_folder(folder / "separate", llama_config(kSizes), separate_tensors());
    const model::Catalogue separate = model::read_catalogue(folder / "separate");
    model::WeightReader of_separate(separate);
    for (const FusedKind kind : kFusedKinds) {
        const auto fused = fused_catalogue(folder / std::to_string(static_cast<int>(kind)),
                                           llama_config(kSizes), separate_tensors(), kind);
        model::WeightReader of_fused(fused);
        ASSERT_EQ(fused.matrices.size(), separate.matrices.size());
        for (std::size_t m = 0; m < fused.matrices.size(); ++m) {
            const model::MatrixInfo& matrix = separate.matrices[m];
            ASSERT_EQ(fused.matrices[m].outputs(), matrix.rows);
            ASSERT_EQ(fused.matrices[m].inputs(), matrix.cols);
            for (const linalg::Rectangle& part :
                 {linalg::Rectangle{0, matrix.rows, 0, matrix.cols},
                  linalg::Rectangle{1, matrix.rows - 1, 2, matrix.cols - 3},
                  linalg::Rectangle{matrix.rows - 2, matrix.rows, 0, matrix.cols}}) {
                const auto expected = values_of(of_separate, matrix, true, part);
                for (const bool whole : {true, false}) {
                    EXPECT_EQ(values_of_outputs(of_fused, fused.matrices[m], whole, part), expected)
                        << fused.name_of(fused.matrices[m]);
                }
            }
        }
    }
}

/// With --fused whole a tensor is one matrix, of three dimensions what it has of an expert.
TEST(Slices, MayBeTakenTogether) {
    const TemporaryFolder folder;
    for (const FusedKind kind : kFusedKinds) {
        const auto catalogue =
            fused_catalogue(folder / std::to_string(static_cast<int>(kind)), llama_config(kSizes),
                            separate_tensors(), kind, model::Fused::whole);
        std::vector<std::string> names;
        std::int64_t weights = 0;
        for (const model::MatrixInfo& matrix : catalogue.matrices) {
            if (matrix.block == 1) {
                names.push_back(catalogue.name_of(matrix));
                weights += matrix.size();
            }
        }
        const std::string in = "model.layers.1.";
        const bool rows = kind == FusedKind::rows;
        std::vector<std::string> expected{in + "self_attn.qkv_proj.weight",
                                          in + "self_attn.o_proj.weight",
                                          in + "mlp.gate_up_proj[0]"};
        if (rows) {
            expected.push_back(in + "mlp.gate_up_proj[1]");
        }
        expected.push_back(kind == FusedKind::heads ? in + "mlp.down_proj[0]"
                                                    : in + "mlp.down_proj.weight");
        EXPECT_EQ(names, expected);
        EXPECT_EQ(2 * weights, catalogue.prunable_parameters());
        model::WeightReader reader(catalogue);
        const model::MatrixInfo& up = catalogue.matrices[2];
        const linalg::Rectangle all{0, up.rows, 0, up.cols};
        const model::TensorInfo& tensor = catalogue.tensor_of(up);
        std::vector<std::byte> bytes(tensor.row_bytes());
        reader.read_rows(tensor, {0, 1}, bytes);
        std::vector<double> expected_values(static_cast<std::size_t>(up.size()));
        support::widen(bytes, tensor.scalar_type(), std::span(expected_values));
        EXPECT_EQ(values_of(reader, up, true, all), expected_values);
        EXPECT_EQ(values_of(reader, up, false, all), expected_values);
    }
}

/// From a source that knows the tensors' own rows, of which one is a whole expert.
TEST(Slices, AreReadAsRowsOfTheLastDimensionFromAnySource) {
    const TemporaryFolder folder;
    const auto catalogue =
        fused_catalogue(folder / "m", llama_config(kSizes), separate_tensors(), FusedKind::rows);
    model::WeightReader reader(catalogue);
    int reads = 0;
    const model::RowSource source = model::with_matrix_rows(
        [&](const model::TensorInfo& tensor, parallel::RowRange rows, std::span<std::byte> out) {
            ASSERT_EQ(tensor.shape, catalogue.find_tensor(tensor.name)->shape);
            reader.read_rows(tensor, rows, out);
            ++reads;
        },
        catalogue);
    const model::TensorInfo& stored = catalogue.tensor_of(catalogue.matrices[4]);
    const model::TensorInfo tensor = model::as_matrix_rows(stored);
    ASSERT_EQ(stored.shape.size(), 3U);
    ASSERT_EQ(tensor.shape, (std::vector<std::int64_t>{2 * kSizes.intermediate, kSizes.hidden}));
    std::vector<std::byte> all(stored.bytes());
    reader.read_rows(stored, {0, stored.rows()}, all);
    const std::int64_t middle = kSizes.intermediate;
    for (const parallel::RowRange rows :
         {parallel::RowRange{0, 3}, parallel::RowRange{3, middle},
          parallel::RowRange{middle - 2, middle + 5}, parallel::RowRange{0, tensor.rows()},
          parallel::RowRange{tensor.rows() - 1, tensor.rows()}}) {
        std::vector<std::byte> some(static_cast<std::size_t>(rows.size()) * tensor.row_bytes());
        source(tensor, rows, some);
        EXPECT_TRUE(std::ranges::equal(
            some, std::span(all).subspan(static_cast<std::size_t>(rows.begin) * tensor.row_bytes(),
                                         some.size())));
    }
    EXPECT_EQ(reads, 4);  // the first, the second, and both again
    std::vector<std::byte> same(stored.bytes());
    source(stored, {0, stored.rows()}, same);
    EXPECT_EQ(same, all);
}

TEST(Slices, StayOrGoWithTheirTensor) {
    const TemporaryFolder folder;
    auto catalogue =
        fused_catalogue(folder / "m", llama_config(kSizes), separate_tensors(), FusedKind::rows);
    model::keep_blocks(catalogue, {1, 1});
    ASSERT_EQ(catalogue.matrices.size(), 7U);
    EXPECT_EQ(catalogue.tensor_of(catalogue.matrices[1]).matrix, 0);
    EXPECT_EQ(catalogue.matrices[1].pattern.first, kSizes.hidden);
}

TEST(Slices, OfATensorOfAnotherShapeAreRefusedOnce) {
    const TemporaryFolder folder;
    const auto config = model::read_configuration(
        formats::Json::parse(llama_config(kSizes), "config.json"), "config.json");
    auto fused = fused_tensors(separate_tensors(), config, FusedKind::rows);
    auto& qkv = tensor_named(fused, "model.layers.0.self_attn.qkv_proj.weight");
    --qkv.shape.front();
    qkv.bytes.resize(qkv.bytes.size() - 64);  // a row
    const auto faults = faults_of([&] {
        std::string text = llama_config(kSizes);
        text.replace(text.find("\"llama\""), 7, "\"fused-llama\"");
        write_model_folder(folder / "m", text, fused);
        read_fused_catalogue(folder / "m", llama_config(kSizes), FusedKind::rows);
    });
    ASSERT_EQ(faults.size(), 1U) << text_of(faults);
    EXPECT_EQ(count_faults(faults, {"layers.0.self_attn.qkv_proj.weight [31, 16]"}), 1)
        << text_of(faults);
}

}  // namespace
}  // namespace alphaprune::test
