#include "alphaprune/checkpoint/hugging_face_writer.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "alphaprune/formats/safetensors.hpp"
#include "alphaprune/support/error.hpp"
#include "checkpoint/folders.hpp"
#include "support/world.hpp"

namespace alphaprune::test {
namespace {

namespace fs = std::filesystem;

std::vector<std::byte> whole_tensor(const model::RowSource& source,
                                    const model::TensorInfo& tensor) {
    std::vector<std::byte> bytes(tensor.bytes());
    source(tensor, {0, tensor.rows()}, bytes);
    return bytes;
}

/// Read back by the program: the same model, tensor by tensor.
void expect_same_model(const model::Catalogue& model, const fs::path& folder) {
    const model::Catalogue exported = model::read_catalogue(folder);
    const model::RowSource before = rows_of_folder(model);
    const model::RowSource after = rows_of_folder(exported);
    EXPECT_EQ(exported.configuration_text, model.configuration_text);
    ASSERT_EQ(exported.tensors.size(), model.tensors.size());
    for (const model::TensorInfo& tensor : model.tensors) {
        const model::TensorInfo* found = exported.find_tensor(tensor.name);
        ASSERT_NE(found, nullptr) << tensor.name;
        EXPECT_EQ(found->type, tensor.type);
        EXPECT_EQ(found->shape, tensor.shape);
        EXPECT_TRUE(whole_tensor(after, *found) == whole_tensor(before, tensor)) << tensor.name;
    }
    ASSERT_EQ(exported.matrices.size(), model.matrices.size());
    for (std::size_t m = 0; m < model.matrices.size(); ++m) {
        EXPECT_EQ(exported.name_of(exported.matrices[m]), model.name_of(model.matrices[m]));
    }
}

/// Read back by a program that shares no code with this one.
void expect_accepted(const fs::path& folder, const fs::path& model) {
    if (world().is_root()) {
        const std::string command = std::string("'") + ALPHAPRUNE_PYTHON + "' '" +
                                    (kRoot / "tests/oracle/check_export.py").string() + "' '" +
                                    folder.string() + "' '" + model.string() + "' --unchanged >&2";
        EXPECT_EQ(std::system(command.c_str()), 0);
    }
}

class ExportedModel : public testing::TestWithParam<const char*> {};

TEST_P(ExportedModel, IsTheModelWhateverTheSizeOfTheShards) {
    const SharedFolder folder(world());
    const fs::path source = kRoot / GetParam();
    const model::Catalogue model = model::read_catalogue(source);
    const std::uint64_t whole = model.bytes();
    for (const auto& [shard_bytes, shards] :
         std::map<std::uint64_t, int>{{whole, 1}, {whole - 1, 2}, {whole / 2, 0}, {whole / 7, 0}}) {
        const fs::path exported = folder / std::to_string(shard_bytes);
        export_model(world(), model, rows_of_folder(model), exported, shard_bytes);
        expect_same_model(model, exported);
        expect_accepted(exported, source);
        const auto count = static_cast<int>(model::read_catalogue(exported).shards.size());
        EXPECT_TRUE(shards == 0 ? count > 1 : count == shards) << count;
        EXPECT_FALSE(fs::exists(exported.string() + ".partial"));
    }
}

INSTANTIATE_TEST_SUITE_P(, ExportedModel,
                         testing::Values("data/books-7m", "tests/data/models/tiny-llama3",
                                         "tests/data/models/tiny-mistral",
                                         "tests/data/models/tiny-opt",
                                         "tests/data/models/tiny-qwen2"));

TEST(HuggingFaceWriter, TheBytesDoNotDependOnTheNumberOfRanks) {
    const SharedFolder folder(world());
    const model::Catalogue model = model::read_catalogue(kRoot / "tests/data/models/tiny-qwen2");
    for (int ranks = 1; ranks <= world().size(); ++ranks) {
        const bool takes_part = world().rank() < ranks;
        const parallel::Communicator some = world().split(takes_part ? 0 : 1, world().rank());
        if (takes_part) {
            export_model(some, model, rows_of_folder(model), folder / std::to_string(ranks),
                         100'000);
        }
        world().barrier();
        const auto files = files_in(folder / std::to_string(ranks));
        EXPECT_GT(files.size(), 5U);
        EXPECT_TRUE(files == files_in(folder / "1")) << ranks << " ranks";
    }
}

TEST(HuggingFaceWriter, TensorsOfEveryKindInAnyOrderOfRows) {
    const SharedFolder folder(world());
    const SampleModel model = sample_model();
    {
        checkpoint::HuggingFaceWriter writer(world(), model.catalogue, folder / "hf",
                                             {{"ratio", "0.5"}});
        for (int t = static_cast<int>(model.bytes.size()) - 1; t >= 0; --t) {
            const auto at = static_cast<std::size_t>(t);
            const model::TensorInfo& tensor = model.catalogue.tensors[at];
            for (std::int64_t row = tensor.rows() - 1; row >= 0; --row) {
                if ((row + t) % world().size() == world().rank()) {
                    writer.write_rows(
                        t, {row, row + 1},
                        std::span(model.bytes[at])
                            .subspan(static_cast<std::size_t>(row) * tensor.row_bytes(),
                                     tensor.row_bytes()));
                }
            }
        }
        writer.finish();
    }
    const auto header = formats::read_safetensors_header(folder / "hf/model.safetensors");
    EXPECT_EQ(header.metadata, (std::vector<std::pair<std::string, std::string>>{
                                   {"format", "pt"}, {"ratio", "0.5"}}));
    ASSERT_EQ(header.tensors.size(), model.bytes.size());
    const auto file = contents(folder / "hf/model.safetensors");
    for (const formats::SafetensorsEntry& entry : header.tensors) {
        const auto t = static_cast<std::size_t>(model.index_of(entry.name));
        const model::TensorInfo& tensor = model.catalogue.tensors[t];
        EXPECT_EQ(entry.type, tensor.type);
        EXPECT_EQ(entry.shape, tensor.shape);
        EXPECT_EQ(entry.begin % support::size_of(*entry.type.scalar()), 0U) << entry.name;
        const auto bytes = std::as_bytes(std::span(file)).subspan(entry.begin);
        EXPECT_TRUE(std::equal(model.bytes[t].begin(), model.bytes[t].end(), bytes.begin(),
                               bytes.begin() + static_cast<std::ptrdiff_t>(entry.end) -
                                   static_cast<std::ptrdiff_t>(entry.begin)))
            << entry.name;
    }
    const auto configuration = contents(folder / "hf/config.json");
    EXPECT_EQ(std::string(configuration.begin(), configuration.end()),
              model.catalogue.configuration_text);
}

TEST(HuggingFaceWriter, AuxiliaryFilesAreCopiedAsPlainFiles) {
    const SharedFolder folder(world());
    model::Catalogue model = model::read_catalogue(kRoot / "tests/data/models/tiny-opt");
    model.auxiliary_files = {{"code/inner/modeling.py", "x = 1\n"},
                             {"merges.txt", ""},
                             {"tokenizer.json", std::string("a\0b", 3)}};
    export_model(world(), model, rows_of_folder(model), folder / "hf", 5'000'000'000);
    const auto files = files_in(folder / "hf");
    EXPECT_EQ(files.size(), 5U);
    EXPECT_EQ(files.at("code/inner/modeling.py"), "x = 1\n");
    EXPECT_EQ(files.at("merges.txt"), "");
    EXPECT_EQ(files.at("tokenizer.json"), std::string("a\0b", 3));
}

}  // namespace
}  // namespace alphaprune::test
