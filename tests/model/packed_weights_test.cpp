// Weights of 8 and 4 bits with scales: what is read is code × scale, by the formats' definitions.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/weight_check.hpp"
#include "alphaprune/model/weight_reader.hpp"
#include "model/faults.hpp"
#include "support/model_folder.hpp"
#include "support/temporary_folder.hpp"

namespace alphaprune::test {
namespace {

using Shape = std::vector<std::int64_t>;

const std::string kBlocksOfTenBySeven = R"({"quant_method": "fp8", "weight_block_size": [10, 7]})";
const std::string kUpProjection = "model.layers.0.mlp.up_proj.weight";  // 24 × 16

std::int64_t size_of(const Shape& shape) {
    std::int64_t size = 1;
    for (const std::int64_t dimension : shape) {
        size *= dimension;
    }
    return size;
}

/// Random finite codes of float8.
StoredTensor codes(const std::string& name, const std::string& type, Shape shape) {
    std::mt19937 random(static_cast<unsigned>(name.size()));
    StoredTensor tensor{name, type, shape, {}};
    for (std::int64_t i = 0; i < size_of(shape); ++i) {
        auto code = static_cast<unsigned>(random() % 256);
        code = (code & 0x7CU) == 0x7CU ? code & 0x8FU : code;
        tensor.bytes.push_back(static_cast<std::byte>(code));
    }
    return tensor;
}

StoredTensor bytes(const std::string& name, const std::string& type, Shape shape, unsigned least,
                   unsigned count) {
    std::mt19937 random(static_cast<unsigned>(shape.size()) + count);
    StoredTensor tensor{name, type, shape, {}};
    for (std::int64_t i = 0; i < size_of(shape); ++i) {
        tensor.bytes.push_back(static_cast<std::byte>(least + random() % count));
    }
    return tensor;
}

double float8(std::byte code, const std::string& type) {
    const int fraction_bits = type == "F8_E4M3" ? 3 : 2;
    const int bias = type == "F8_E4M3" ? 7 : 15;
    const auto bits = static_cast<unsigned>(code);
    const double fraction = (bits & ((1U << fraction_bits) - 1U)) / std::ldexp(1.0, fraction_bits);
    const auto exponent = static_cast<int>((bits & 0x7FU) >> fraction_bits);
    const double size = exponent == 0 ? std::ldexp(fraction, 1 - bias)
                                      : std::ldexp(1.0 + fraction, exponent - bias);
    return (bits & 0x80U) != 0 ? -size : size;
}

double scale_at(const StoredTensor& scales, std::int64_t at) {
    const auto byte = [&](std::int64_t i) {
        return static_cast<unsigned>(scales.bytes[static_cast<std::size_t>(i)]);
    };
    if (scales.type == "F32") {
        return std::bit_cast<float>(byte(4 * at) | byte(4 * at + 1) << 8U |
                                    byte(4 * at + 2) << 16U | byte(4 * at + 3) << 24U);
    }
    if (scales.type == "BF16") {
        return std::bit_cast<float>(byte(2 * at) << 16U | byte(2 * at + 1) << 24U);
    }
    return std::ldexp(1.0, static_cast<int>(byte(at)) - 127);
}

/// A product, exact in float64, rounded as float32 and then as bfloat16, ties to even.
float rounded(double product) {
    const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(product));
    const std::uint32_t up = (bits & 0xFFFFU) > 0x8000U || (bits & 0x1FFFFU) == 0x18000U ? 1 : 0;
    return std::bit_cast<float>(((bits >> 16U) + up) << 16U);
}

/// A llama some of whose tensors are replaced.
class PackedWeights : public testing::Test {
  protected:
    void configure(const std::string& quantization, const std::string& family = "llama") {
        config_ = R"({"quantization_config": )" + quantization + "," + config_.substr(1);
        config_.replace(config_.find("\"llama\""), 7, "\"" + family + "\"");
    }
    void replace(const std::vector<StoredTensor>& tensors) {
        for (const StoredTensor& tensor : tensors) {
            std::erase_if(tensors_, [&](const auto& old) { return old.name == tensor.name; });
            tensors_.push_back(tensor);
        }
    }
    model::Catalogue read() {
        // In two shards, the scales in another one than the weights.
        std::vector<std::vector<StoredTensor>> shards(2);
        for (const StoredTensor& tensor : tensors_) {
            shards[tensor.name.find("scale") == std::string::npos ? 0 : 1].push_back(tensor);
        }
        shards[1].push_back(random_tensor("rest", support::ScalarType::float32, {3}, 1));
        write_sharded_model_folder(folder_.path(), config_, shards);
        return model::deserialize_catalogue(
            model::serialize(model::read_catalogue(folder_.path())));
    }

    /// All values, some rectangles, and rows in pieces, are what the function says.
    void expect_values(const std::string& name, const Shape& shape,
                       const std::function<float(std::int64_t)>& value) {
        const model::Catalogue catalogue = read();
        const model::TensorInfo* tensor = catalogue.find_tensor(name);
        ASSERT_NE(tensor, nullptr);
        EXPECT_EQ(tensor->type, support::ScalarType::bfloat16);
        ASSERT_EQ(tensor->shape, shape);
        model::WeightReader reader(catalogue);
        expect_parts(reader, *tensor, value);
        model::TensorInfo as_rows = *tensor;  // as slices of a stack are read
        as_rows.shape = {tensor->values() / shape.back(), shape.back()};
        expect_parts(reader, as_rows, value);
        as_rows.shape = {1, tensor->values()};
        expect_parts(reader, as_rows, value);
    }

    static void expect_parts(model::WeightReader& reader, const model::TensorInfo& tensor,
                             const std::function<float(std::int64_t)>& value) {
        const std::int64_t rows = tensor.rows();
        const std::int64_t cols = tensor.row_length();
        std::vector<linalg::Rectangle> parts{{0, rows, 0, cols},
                                             {rows - 1, rows, 0, cols},
                                             {0, rows, cols - 1, cols},
                                             {0, rows, cols / 3, cols - cols / 4},
                                             {rows / 2, rows, 1, cols / 2},
                                             {rows / 2, rows / 2, 0, cols},
                                             {0, 1, 2, 3}};
        for (const linalg::Rectangle& part : parts) {
            std::vector<std::byte> stored(static_cast<std::size_t>(part.size()) * 2);
            reader.read_part(tensor, part, stored);
            std::vector<float> got(stored.size() / 2);
            support::widen(stored, support::ScalarType::bfloat16, std::span(got));
            std::size_t next = 0;
            for (std::int64_t row = part.row_begin; row < part.row_end; ++row) {
                for (std::int64_t col = part.col_begin; col < part.col_end; ++col) {
                    ASSERT_EQ(got[next++], value(row * cols + col)) << row << ", " << col;
                }
            }
        }
    }

    /// Of a float8 weight: `scale` says which scale a value has by its position.
    void expect_float8(const StoredTensor& weight, const StoredTensor& scales,
                       const std::function<std::int64_t(std::int64_t)>& scale) {
        replace({weight, scales});
        expect_values(weight.name, weight.shape, [&](std::int64_t at) {
            return rounded(float8(weight.bytes[static_cast<std::size_t>(at)], weight.type) *
                           scale_at(scales, scale(at)));
        });
    }

    void expect_refusal(const std::vector<std::string_view>& words) {
        const auto faults = faults_of([&] { read(); });
        EXPECT_EQ(faults.size(), 1U) << text_of(faults);
        EXPECT_EQ(count_faults(faults, words), 1) << text_of(faults);
    }

    TemporaryFolder folder_;
    std::string config_ = llama_config({});
    std::vector<StoredTensor> tensors_ = llama_tensors({}, 5, support::ScalarType::bfloat16);
};

StoredTensor scales_of(const std::string& name, Shape shape) {
    return random_tensor(name, support::ScalarType::float32, std::move(shape), 3, 0.01F);
}

TEST_F(PackedWeights, HaveAScaleForEachBlockAlsoForTheLastShortOnes) {
    configure(kBlocksOfTenBySeven);
    expect_float8(codes(kUpProjection, "F8_E4M3", {24, 16}),
                  scales_of(kUpProjection + "_scale_inv", {3, 3}),
                  [](std::int64_t at) { return at / 16 / 10 * 3 + at % 16 / 7; });
}

TEST_F(PackedWeights, HaveBlocksThatDivideThemWhereNoneAreConfigured) {
    configure(R"({"quant_method": "fp8"})");
    expect_float8(codes(kUpProjection, "F8_E5M2", {24, 16}),
                  scales_of(kUpProjection + "_scale", {4, 2}),
                  [](std::int64_t at) { return at / 16 / 6 * 2 + at % 16 / 8; });
}

TEST_F(PackedWeights, HaveAScaleForEachRow) {
    configure(R"({"quant_method": "compressed-tensors"})");
    const StoredTensor weight = codes(kUpProjection, "F8_E4M3", {24, 16});
    StoredTensor scales =
        random_tensor(kUpProjection + "_scale", support::ScalarType::bfloat16, {24, 1}, 3);
    const auto row = [](std::int64_t at) { return at / 16; };
    expect_float8(weight, scales, row);
    scales.shape = {24};
    expect_float8(weight, scales, row);
}

TEST_F(PackedWeights, HaveOneScaleForAll) {
    configure(R"({"quant_method": "compressed-tensors"})");
    for (const Shape& shape : {Shape{}, Shape{1}, Shape{1, 1}}) {
        expect_float8(codes(kUpProjection, "F8_E4M3", {24, 16}),
                      scales_of(kUpProjection + "_scale", shape), [](std::int64_t) { return 0; });
    }
}

TEST_F(PackedWeights, HaveScalesThatArePowersOfTwo) {
    configure(R"({"quant_method": "fp8", "weight_block_size": [1, 4]})");
    for (const char* type : {"U8", "F8_E8M0"}) {
        expect_float8(codes(kUpProjection, "F8_E4M3", {24, 16}),
                      bytes(kUpProjection + "_scale_inv", type, {24, 4}, 90, 60),
                      [](std::int64_t at) { return at / 4; });
    }
}

TEST_F(PackedWeights, AreStackedWithScalesOfTheirOwn) {
    configure(kBlocksOfTenBySeven);
    const std::string name = "model.layers.0.mlp.experts.gate_up_proj";
    expect_float8(codes(name, "F8_E4M3", {3, 13, 16}), scales_of(name + "_scale_inv", {3, 2, 3}),
                  [](std::int64_t at) {
                      const std::int64_t row = at / 16;
                      return (row / 13 * 2 + row % 13 / 10) * 3 + at % 16 / 7;
                  });
}

TEST_F(PackedWeights, OfMoreThanAPieceAreReadWhole) {
    configure(R"({"quant_method": "fp8", "weight_block_size": [128, 128]})", "unheard-of");
    const std::string name = "model.layers.0.big.weight";
    expect_float8(codes(name, "F8_E4M3", {300, 9001}), scales_of(name + "_scale_inv", {3, 71}),
                  [](std::int64_t at) { return at / 9001 / 128 * 71 + at % 9001 / 128; });
}

TEST_F(PackedWeights, OfMxfp4AreTransposed) {
    constexpr std::int64_t kExperts = 3;
    constexpr std::int64_t kOutputs = 5;
    constexpr std::int64_t kGroups = 2;
    constexpr std::int64_t kInputs = 32 * kGroups;
    const std::string name = "model.layers.1.mlp.experts.down_proj";
    configure(R"({"quant_method": "mxfp4"})");
    const StoredTensor blocks =
        bytes(name + "_blocks", "U8", {kExperts, kOutputs, kGroups, 16}, 0, 256);
    const StoredTensor scales =
        bytes(name + "_scales", "U8", {kExperts, kOutputs, kGroups}, 1, 250);
    replace({blocks, scales});
    expect_values(name, {kExperts, kInputs, kOutputs}, [&](std::int64_t at) {
        const std::int64_t expert = at / (kInputs * kOutputs);
        const std::int64_t input = at / kOutputs % kInputs;
        const std::int64_t row = expert * kOutputs + at % kOutputs;
        const auto byte =
            static_cast<unsigned>(blocks.bytes[static_cast<std::size_t>(row * 32 + input / 2)]);
        const unsigned code = input % 2 == 0 ? byte & 15U : byte >> 4U;
        constexpr double kE2M1[] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
        const double value = (code & 8U) != 0 ? -kE2M1[code & 7U] : kE2M1[code & 7U];
        return rounded(value * scale_at(scales, row * kGroups + input / 32));
    });
}

TEST_F(PackedWeights, WithoutScalesAreTheirValues) {
    const StoredTensor weight = codes(kUpProjection, "F8_E5M2", {24, 16});
    const StoredTensor norm = codes("model.norm.weight", "F8_E4M3", {16});
    replace({weight, norm});
    expect_values(kUpProjection, {24, 16}, [&](std::int64_t at) {
        return static_cast<float>(float8(weight.bytes[static_cast<std::size_t>(at)], weight.type));
    });
    const model::Catalogue catalogue = read();
    ASSERT_EQ(catalogue.warnings.size(), 1U);
    EXPECT_NE(catalogue.warnings[0].find("float8 without scales"), std::string::npos);
    EXPECT_EQ(catalogue.find_tensor("model.norm.weight")->type, support::ScalarType::bfloat16);
}

TEST_F(PackedWeights, LeaveNoTraceOfTheirFormInTheModel) {
    const std::string plain = config_;
    configure(kBlocksOfTenBySeven);
    const std::string attention = "model.layers.0.self_attn.";
    replace({codes(kUpProjection, "F8_E4M3", {24, 16}),
             scales_of(kUpProjection + "_scale_inv", {3, 3}),
             scales_of("model.layers.0.mlp.up_proj.input_scale", {}),
             scales_of(attention + "k_scale", {1})});
    const model::Catalogue catalogue = read();
    EXPECT_EQ(catalogue.matrices.size(), 14U);
    for (const model::TensorInfo& tensor : catalogue.tensors) {
        EXPECT_EQ(tensor.name.find("scale"), std::string::npos) << tensor.name;
    }
    EXPECT_EQ(catalogue.configuration_text.find("quantization"), std::string::npos);
    EXPECT_EQ(catalogue.configuration_text, plain);
    ASSERT_EQ(catalogue.warnings.size(), 1U);
    EXPECT_NE(
        catalogue.warnings[0].find("1 tensors are stored in 8 or 4 bits with scales (F8_E4M3, "
                                   "quant_method fp8)"),
        std::string::npos)
        << catalogue.warnings[0];
}

TEST_F(PackedWeights, OfNotANumberAreSeen) {
    configure(kBlocksOfTenBySeven);
    StoredTensor weight = codes(kUpProjection, "F8_E4M3", {24, 16});
    weight.bytes[37] = std::byte{0xFF};
    replace({weight, scales_of(kUpProjection + "_scale_inv", {3, 3})});
    const model::Catalogue catalogue = read();
    const model::TensorInfo& tensor = *catalogue.find_tensor(kUpProjection);
    std::vector<std::byte> values(tensor.bytes());
    model::WeightReader(catalogue).read_rows(tensor, {0, tensor.rows()}, values);
    const auto faults = faults_of([&] { model::require_finite(catalogue, tensor, values); });
    EXPECT_EQ(count_faults(faults, {"1 values are NaN", kUpProjection}), 1) << text_of(faults);
}

TEST_F(PackedWeights, ScaledInAnUnknownWayAreRefusedByName) {
    const StoredTensor weight = codes(kUpProjection, "F8_E4M3", {24, 16});
    const std::string module = "model.layers.0.mlp.up_proj.";
    configure(kBlocksOfTenBySeven);
    const auto before = tensors_;
    const std::vector<std::vector<StoredTensor>> unknown{
        {scales_of(kUpProjection + "_scale_inv", {3, 5})},
        {scales_of(kUpProjection + "_scale_inv", {5})},
        {bytes(kUpProjection + "_scale_inv", "I8", {3, 3}, 0, 9)},
        {scales_of(module + "scale", {})},
        {scales_of(kUpProjection + "_scale", {}), scales_of(kUpProjection + "_scale_inv", {})},
        {scales_of(kUpProjection + "_scale", {}), scales_of(kUpProjection + "_zero_point", {})}};
    for (const auto& scales : unknown) {
        tensors_ = before;
        replace({weight});
        replace(scales);
        expect_refusal({"how these weights of 8 or 4 bits are scaled",
                        kUpProjection + " F8_E4M3 [24, 16] by", scales.back().name});
    }
    const std::string experts = "model.layers.0.mlp.experts.down_proj";
    for (const Shape& shape : {Shape{2, 5}, Shape{2, 5, 3}, Shape{2, 5, 1, 1}}) {
        tensors_ = before;
        replace({bytes(experts + "_blocks", "U8", {2, 5, 1, 16}, 0, 256),
                 bytes(experts + "_scales", "U8", shape, 100, 9)});
        expect_refusal({"how these weights of 8 or 4 bits are scaled", experts + "_scales"});
    }
}

TEST_F(PackedWeights, ThatLackTheirScalesAreRefused) {
    configure(kBlocksOfTenBySeven);
    const std::string down = "model.layers.0.mlp.down_proj.weight";
    replace({codes(kUpProjection, "F8_E4M3", {24, 16}),
             scales_of(kUpProjection + "_scale_inv", {3, 3}), codes(down, "F8_E4M3", {16, 24})});
    expect_refusal({"have no scales", down});
}

TEST_F(PackedWeights, BesideThoseThatCannotBeUnpackedAreRefused) {
    configure(kBlocksOfTenBySeven);
    replace({codes(kUpProjection, "F8_E4M3", {24, 16}),
             scales_of(kUpProjection + "_scale_inv", {3, 3}),
             bytes("lm_head.weight", "I8", {32, 16}, 0, 256), scales_of("lm_head.SCB", {32})});
    expect_refusal({"quantized (fp8)", "lm_head.SCB"});
}

TEST_F(PackedWeights, OfWhichTheShardsDisagreeAreRefused) {
    configure(kBlocksOfTenBySeven);
    replace({codes(kUpProjection, "F8_E4M3", {24, 16}),
             scales_of(kUpProjection + "_scale_inv", {3, 3})});
    std::vector<std::vector<StoredTensor>> shards(2, tensors_);
    shards[0].push_back(random_tensor("only.here", support::ScalarType::float32, {3}, 1));
    write_sharded_model_folder(folder_ / "equal", config_, shards);
    EXPECT_EQ(model::read_catalogue(folder_ / "equal").matrices.size(), 14U);
    for (StoredTensor& tensor : shards[1]) {
        if (tensor.name == kUpProjection) {
            tensor.bytes[5] ^= std::byte{1};
        }
    }
    write_sharded_model_folder(folder_ / "different", config_, shards);
    const auto faults = faults_of([&] { model::read_catalogue(folder_ / "different"); });
    EXPECT_EQ(count_faults(faults, {kUpProjection, "with different contents"}), 1)
        << text_of(faults);
}

}  // namespace
}  // namespace alphaprune::test
