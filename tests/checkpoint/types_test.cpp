// A model with buffers of every type goes into a checkpoint and out of it again byte for byte.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "alphaprune/checkpoint/checkpoint_reader.hpp"
#include "alphaprune/checkpoint/verification.hpp"
#include "alphaprune/formats/safetensors.hpp"
#include "alphaprune/support/checksum.hpp"
#include "alphaprune/support/error.hpp"
#include "checkpoint/folders.hpp"
#include "checkpoint/tamper.hpp"
#include "support/many_types.hpp"
#include "support/model_folder.hpp"
#include "support/world.hpp"

namespace alphaprune::test {
namespace {

namespace fs = std::filesystem;

/// A tensor of a safetensors file.
struct Found {
    std::string type;
    std::vector<std::int64_t> shape;
    std::string bytes;
    friend bool operator==(const Found&, const Found&) = default;
};

std::map<std::string, Found> tensors_of(const fs::path& file) {
    const std::string text = support::read_text(file);
    std::map<std::string, Found> tensors;
    for (const formats::SafetensorsEntry& entry : formats::read_safetensors_header(file).tensors) {
        tensors[entry.name] = {entry.type.name(), entry.shape,
                               text.substr(entry.begin, entry.end - entry.begin)};
    }
    return tensors;
}

/// Every tensor begins at a multiple of the size of its values.
void expect_aligned(const fs::path& file) {
    for (const formats::SafetensorsEntry& entry : formats::read_safetensors_header(file).tensors) {
        const auto width = static_cast<std::uint64_t>(entry.type.bits().value_or(8)) / 8;
        EXPECT_TRUE(width == 0 || entry.begin % width == 0) << entry.name;
    }
}

class CarriedTypes : public testing::Test {
  protected:
    CarriedTypes() {
        if (world().is_root()) {
            auto tensors = llama_tensors({}, 3, support::ScalarType::bfloat16);
            const auto buffers = buffers_of_many_types("model.layers.1.self_attn.");
            tensors.insert(tensors.begin() + 5, buffers.begin(), buffers.end());
            write_model_folder(folder_ / "model", llama_config({}), tensors);
        }
        world().barrier();
        model_ = model::read_catalogue(folder_ / "model");
    }

    /// With summaries as a run writes them.
    void write_checkpoint() {
        const model::RowSource source = rows_of_folder(model_);
        std::vector<checkpoint::TensorSummary> summaries;
        for (const model::TensorInfo& tensor : model_.tensors) {
            std::vector<std::byte> bytes(tensor.bytes());
            source(tensor, {0, tensor.rows()}, bytes);
            const auto zeros = static_cast<std::int64_t>(support::count_zeros(bytes, tensor.type));
            const bool empty = bytes.empty();
            summaries.push_back(
                {empty ? 0 : support::checksum_of_rows(bytes, tensor.row_bytes(), 0), zeros, 0});
        }
        checkpoint::CheckpointWriter writer(world(), model_, checkpoint_);
        copy_rows(world(), model_, source, writer);
        writer.finish(summaries);
    }

    SharedFolder folder_{world()};
    fs::path checkpoint_ = folder_ / "checkpoint.h5";
    model::Catalogue model_;
};

TEST_F(CarriedTypes, AreExportedByteForByte) {
    export_model(world(), model_, rows_of_folder(model_), folder_ / "direct", 5'000'000'000);
    const auto before = tensors_of(folder_ / "model/model.safetensors");
    EXPECT_TRUE(tensors_of(folder_ / "direct/model.safetensors") == before);
    expect_aligned(folder_ / "direct/model.safetensors");
    write_checkpoint();
    const model::Catalogue stored = checkpoint::catalogue_of_checkpoint(checkpoint_);
    export_model(world(), stored, rows_of_folder(stored), folder_ / "later", 5'000'000'000);
    const auto after = tensors_of(folder_ / "later/model.safetensors");
    ASSERT_EQ(after.size(), before.size());
    for (const auto& [name, tensor] : before) {
        EXPECT_TRUE(after.at(name) == tensor) << name;
    }
    EXPECT_TRUE(files_in(folder_ / "direct") == files_in(folder_ / "later"));
}

/// Weights in float8 with scales are written as what they are read as, and nothing tells of scales.
TEST_F(CarriedTypes, OfPackedWeightsTheResultIsBfloat16) {
    const std::string name = "model.layers.1.mlp.up_proj.weight";
    const std::string config = llama_config({});
    if (world().is_root()) {
        auto tensors = llama_tensors({}, 3, support::ScalarType::bfloat16);
        for (StoredTensor& tensor : tensors) {
            if (tensor.name == name) {
                tensor = buffer(name, "F8_E5M2", {24, 16}, 384);
                std::ranges::fill(tensor.bytes, std::byte{0xC4});  // -4
            }
        }
        const std::vector<float> scales{0.25F, 0.5F, 0.75F, 1.0F, 1.25F, 1.5F};
        tensors.push_back(
            make_tensor(name + "_scale_inv", support::ScalarType::float32, {3, 2}, scales));
        write_model_folder(
            folder_ / "packed",
            R"({"quantization_config": {"weight_block_size": [10, 9]},)" + config.substr(1),
            tensors);
        write_file(folder_ / "packed/hf_quant_config.json", "{}");
    }
    world().barrier();
    const model::Catalogue packed = model::read_catalogue(folder_ / "packed");
    export_model(world(), packed, rows_of_folder(packed), folder_ / "direct", 5'000'000'000);
    checkpoint_model(world(), packed, rows_of_folder(packed), checkpoint_);
    const model::Catalogue stored = checkpoint::catalogue_of_checkpoint(checkpoint_);
    export_model(world(), stored, rows_of_folder(stored), folder_ / "later", 5'000'000'000);
    EXPECT_TRUE(files_in(folder_ / "direct") == files_in(folder_ / "later"));
    EXPECT_EQ(support::read_text(folder_ / "direct/config.json"), config);
    EXPECT_FALSE(fs::exists(folder_ / "direct/hf_quant_config.json"));
    const auto tensors = tensors_of(folder_ / "direct/model.safetensors");
    EXPECT_EQ(tensors.count(name + "_scale_inv"), 0U);
    const Found& found = tensors.at(name);
    EXPECT_EQ(found.type, "BF16");
    ASSERT_EQ(found.bytes.size(), 768U);
    for (std::size_t i = 0; i < 384; ++i) {
        std::uint16_t bits = 0;
        std::memcpy(&bits, found.bytes.data() + 2 * i, 2);
        const std::size_t scale = i / 16 / 10 * 2 + i % 16 / 9;
        ASSERT_EQ(support::bfloat16_to_float(bits), -static_cast<float>(scale + 1)) << i;
    }
}

TEST_F(CarriedTypes, AreCoveredByTheChecksums) {
    write_checkpoint();
    EXPECT_EQ(checkpoint::verify_checkpoint(world(), checkpoint_, {}).problems,
              std::vector<std::string>{});
    for (const char* name : {"C64.matrix", "F6_E3M2.odd_rows", "unknown.odd", "deep"}) {
        const std::string tensor = std::string("model.layers.1.self_attn.") + name;
        const auto flip = [&] {
            world().barrier();
            if (world().is_root()) {
                flip_byte(checkpoint_, offset_of(checkpoint_, "/tensors/" + tensor) + 4);
            }
            world().barrier();
        };
        flip();
        const auto problems = checkpoint::verify_checkpoint(world(), checkpoint_, {}).problems;
        ASSERT_EQ(problems.size(), 1U) << name;
        EXPECT_NE(problems[0].find(tensor + "': its bytes have the checksum"), std::string::npos);
        flip();
    }
}

TEST_F(CarriedTypes, ADatasetThatIsNotAsItSaysIsRefused) {
    write_checkpoint();
    world().barrier();
    if (!world().is_root()) {
        return;
    }
    const std::string folder = "/tensors/model.layers.1.self_attn.";
    const std::vector<std::pair<std::string, std::string>> damages{{"I32.matrix", "dtype"},
                                                                   {"F4.matrix", "dtype"},
                                                                   {"unknown.odd", "dtype"},
                                                                   {"F4.odd_rows", "shape"}};
    for (const auto& [tensor, attribute] : damages) {
        const auto copy = folder_ / "damaged.h5";
        fs::copy_file(checkpoint_, copy, fs::copy_options::overwrite_existing);
        remove_attribute(copy, folder + tensor, attribute);
        try {
            const checkpoint::CheckpointReader reader(copy);
            ADD_FAILURE() << tensor;
        } catch (const support::Error& error) {
            EXPECT_EQ(error.status(), support::ExitStatus::bad_request);
            EXPECT_NE(std::string(error.what()).find(tensor), std::string::npos) << error.what();
        }
    }
}

TEST_F(CarriedTypes, AFileWithoutTheNameOfTheTypeIsReadAsBefore) {
    write_checkpoint();
    world().barrier();
    const std::string name = "model.norm.weight";
    if (world().is_root()) {
        remove_attribute(checkpoint_, "/tensors/" + name, "dtype");
    }
    world().barrier();
    const checkpoint::CheckpointReader reader(checkpoint_);
    const auto found =
        std::ranges::find(reader.tensors(), name, &alphaprune::checkpoint::StoredTensor::name);
    ASSERT_NE(found, reader.tensors().end());
    EXPECT_EQ(found->type, support::ScalarType::bfloat16);
}

/// Writes the model anew with `value` at the beginning of a tensor.
std::vector<std::string> problems_with(const parallel::Communicator& ranks,
                                       const SharedFolder& folder, const std::string& name,
                                       support::ScalarType type, std::vector<std::int64_t> shape,
                                       float value) {
    if (ranks.is_root()) {
        auto tensors = llama_tensors({}, 3, support::ScalarType::bfloat16);
        std::erase_if(tensors, [&](const StoredTensor& tensor) { return tensor.name == name; });
        std::size_t size = 1;
        for (const std::int64_t extent : shape) {
            size *= static_cast<std::size_t>(extent);
        }
        std::vector<float> values(size, 0.5F);
        values[0] = value;
        tensors.push_back(make_tensor(name, type, std::move(shape), values));
        write_model_folder(folder / "model", llama_config({}), tensors);
    }
    ranks.barrier();
    const model::Catalogue model = model::read_catalogue(folder / "model");
    checkpoint_model(ranks, model, rows_of_folder(model), folder / "checkpoint.h5");
    std::vector<std::string> problems =
        checkpoint::verify_checkpoint(ranks, folder / "checkpoint.h5", {}).problems;
    std::erase_if(problems, [](const std::string& line) {  // the summaries were left out
        return line.find("NaN") == std::string::npos;
    });
    return problems;
}

TEST(VerifiedValues, MustBeFiniteWhereTheForwardPassUsesThem) {
    const SharedFolder folder(world());
    const float infinity = std::numeric_limits<float>::infinity();
    const auto carried = problems_with(world(), folder, "model.layers.0.self_attn.bias",
                                       support::ScalarType::float32, {1, 1, 4, 4}, -infinity);
    EXPECT_EQ(carried, std::vector<std::string>{});
    const auto norm =
        problems_with(world(), folder, "model.norm.weight", support::ScalarType::bfloat16, {16},
                      std::numeric_limits<float>::quiet_NaN());
    ASSERT_EQ(norm.size(), 1U);
    EXPECT_NE(norm[0].find("'model.norm.weight': 1 of its values"), std::string::npos) << norm[0];
    const auto embedding = problems_with(world(), folder, "model.embed_tokens.weight",
                                         support::ScalarType::float16, {32, 16}, infinity);
    EXPECT_EQ(embedding.size(), 1U);
}

}  // namespace
}  // namespace alphaprune::test
