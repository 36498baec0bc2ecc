// Tensors of types that are not read: carried, unless a prunable matrix is among them.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/weight_check.hpp"
#include "alphaprune/model/weight_reader.hpp"
#include "model/faults.hpp"
#include "support/many_types.hpp"
#include "support/temporary_folder.hpp"

namespace alphaprune::test {
namespace {

model::TensorInfo info(const std::string& type, std::vector<std::int64_t> shape,
                       std::uint64_t unknown_bytes = 0) {
    model::TensorInfo tensor;
    tensor.name = "x";
    tensor.type = support::StoredType(type);
    tensor.shape = std::move(shape);
    tensor.unknown_bytes = unknown_bytes;
    return tensor;
}

void expect_rows(const model::TensorInfo& tensor, std::int64_t rows, std::uint64_t row_bytes,
                 std::int64_t row_length) {
    SCOPED_TRACE(tensor.type.name());
    EXPECT_EQ(tensor.rows(), rows);
    EXPECT_EQ(tensor.row_bytes(), row_bytes);
    EXPECT_EQ(tensor.row_length(), row_length);
    EXPECT_EQ(tensor.bytes(), static_cast<std::uint64_t>(rows) * row_bytes);
}

TEST(TensorRows, AreOfWholeBytes) {
    expect_rows(info("BF16", {3, 5}), 3, 10, 5);
    expect_rows(info("I64", {3, 5, 2}), 3, 80, 10);
    expect_rows(info("BOOL", {1, 1, 4, 4}), 1, 16, 16);
    expect_rows(info("F64", {6}), 1, 48, 6);
    expect_rows(info("C64", {}), 1, 8, 1);
    expect_rows(info("F16", {0, 4}), 0, 8, 4);
    expect_rows(info("F16", {3, 0}), 3, 0, 0);
    expect_rows(info("F4", {3, 4}), 3, 2, 4);
    expect_rows(info("F4", {4, 3}), 1, 6, 12);  // a row would have one byte and a half
    expect_rows(info("F6_E2M3", {2, 4}), 2, 3, 4);
    expect_rows(info("F6_E2M3", {4, 2}), 1, 6, 8);
    expect_rows(info("F128", {5, 2}, 160), 5, 32, 2);
    expect_rows(info("F128", {3, 2}, 7), 1, 7, 6);
    expect_rows(info("F128", {0, 2}, 7), 1, 7, 0);
    expect_rows(info("F128", {0, 2}, 0), 0, 0, 2);
    expect_rows(info("F128", {}, 16), 1, 16, 1);
}

TEST(TensorTypes, WhatIsOnlyCarriedIsGivenToNoComputation) {
    EXPECT_EQ(info("F16", {1}).scalar_type(), support::ScalarType::float16);
    const auto faults = faults_of([] { info("I8", {1}).scalar_type(); });
    EXPECT_EQ(count_faults(faults, {"I8", "F32, F16 and BF16", "tensor x"}), 1);
}

class StoredTypes : public testing::Test {
  protected:
    model::Catalogue read() {
        write_model_folder(folder_ / "m", llama_config({}), tensors_);
        return model::read_catalogue(folder_ / "m");
    }

    TemporaryFolder folder_;
    std::vector<StoredTensor> tensors_ = llama_tensors({}, 1, support::ScalarType::bfloat16);
};

TEST_F(StoredTypes, BuffersOfEveryTypeAreReadByteForByte) {
    const auto matrices = read().matrices.size();
    const auto buffers = buffers_of_many_types("model.layers.0.self_attn.");
    tensors_.insert(tensors_.end(), buffers.begin(), buffers.end());
    const model::Catalogue catalogue = model::deserialize_catalogue(model::serialize(read()));
    EXPECT_EQ(catalogue.matrices.size(), matrices);
    model::require_weight_types(catalogue, model::prunable_tensors(catalogue), "prunable weights");
    model::WeightReader reader(catalogue);
    for (const StoredTensor& buffer : buffers) {
        SCOPED_TRACE(buffer.name);
        const model::TensorInfo* found = catalogue.find_tensor(buffer.name);
        ASSERT_NE(found, nullptr);
        EXPECT_EQ(found->type.name(), buffer.type);
        EXPECT_EQ(found->shape, buffer.shape);
        ASSERT_EQ(found->bytes(), buffer.bytes.size());
        std::vector<std::byte> bytes(found->bytes());
        for (std::int64_t row = 0; row < found->rows(); ++row) {
            reader.read_rows(
                *found, {row, row + 1},
                std::span(bytes).subspan(static_cast<std::size_t>(row) * found->row_bytes(),
                                         found->row_bytes()));
        }
        EXPECT_EQ(bytes, buffer.bytes);
    }
}

TEST_F(StoredTypes, TheUserHearsOfTypesThatNobodyKnows) {
    tensors_.push_back(buffer("model.table", "I64", {2}, 16));
    EXPECT_TRUE(read().warnings.empty());
    tensors_.push_back(buffer("model.new", "F128", {2}, 32));
    const auto warnings = read().warnings;
    ASSERT_EQ(warnings.size(), 1U);
    EXPECT_NE(warnings[0].find("model.new (F128)"), std::string::npos) << warnings[0];
}

TEST_F(StoredTypes, PrunableMatricesMustBeOfATypeThatIsRead) {
    for (StoredTensor& tensor : tensors_) {
        if (tensor.name.ends_with("up_proj.weight")) {
            tensor = buffer(tensor.name, "F8_E8M0", tensor.shape, tensor.bytes.size() / 2);
        } else if (tensor.name == "model.layers.1.self_attn.k_proj.weight") {
            tensor = buffer(tensor.name, "NF16", tensor.shape, tensor.bytes.size());
        } else if (tensor.name == "model.norm.weight") {
            tensor = buffer(tensor.name, "I64", tensor.shape, 4 * tensor.bytes.size());
        }
    }
    const model::Catalogue catalogue = read();
    const auto faults = faults_of([&] {
        model::require_weight_types(catalogue, model::prunable_tensors(catalogue),
                                    "prunable weights");
    });
    EXPECT_EQ(faults.size(), 2U) << text_of(faults);
    EXPECT_EQ(count_faults(faults, {"F8_E8M0", "model.layers.0.mlp.up_proj.weight",
                                    "model.layers.1.mlp.up_proj.weight"}),
              1);
    EXPECT_EQ(count_faults(faults, {"NF16", "model.layers.1.self_attn.k_proj.weight"}), 1);
}

}  // namespace
}  // namespace alphaprune::test
