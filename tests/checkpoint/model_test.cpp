#include <gtest/gtest.h>

#include <array>
#include <cstdlib>

#include "alphaprune/checkpoint/checkpoint_reader.hpp"
#include "alphaprune/model/auxiliary_files.hpp"
#include "alphaprune/model/tokens.hpp"
#include "alphaprune/support/file.hpp"
#include "checkpoint/folders.hpp"
#include "support/model_folder.hpp"
#include "support/world.hpp"

namespace alphaprune::test {
namespace {

namespace fs = std::filesystem;

const char* const kModels[] = {"data/books-7m", "tests/data/models/tiny-llama3",
                               "tests/data/models/tiny-mistral", "tests/data/models/tiny-opt",
                               "tests/data/models/tiny-qwen2"};

void expect_same_catalogue(const model::Catalogue& checkpoint, const model::Catalogue& folder) {
    EXPECT_EQ(checkpoint.model_name, folder.model_name);
    EXPECT_EQ(checkpoint.family, folder.family);
    EXPECT_EQ(checkpoint.configuration_text, folder.configuration_text);
    EXPECT_EQ(model::read_auxiliary_files(checkpoint), model::read_auxiliary_files(folder));
    ASSERT_EQ(checkpoint.tensors.size(), folder.tensors.size());
    for (std::size_t t = 0; t < folder.tensors.size(); ++t) {
        EXPECT_EQ(checkpoint.tensors[t].name, folder.tensors[t].name);
        EXPECT_EQ(checkpoint.tensors[t].type, folder.tensors[t].type);
        EXPECT_EQ(checkpoint.tensors[t].shape, folder.tensors[t].shape);
        EXPECT_EQ(checkpoint.tensors[t].matrix, folder.tensors[t].matrix);
    }
    ASSERT_EQ(checkpoint.matrices.size(), folder.matrices.size());
    for (std::size_t m = 0; m < folder.matrices.size(); ++m) {
        EXPECT_EQ(checkpoint.matrices[m].tensor, folder.matrices[m].tensor);
        EXPECT_EQ(checkpoint.matrices[m].block, folder.matrices[m].block);
    }
}

TEST(CheckpointModel, IsCataloguedAndExportedAsTheFolderIs) {
    const SharedFolder folder(world());
    for (const char* name : kModels) {
        SCOPED_TRACE(name);
        const model::Catalogue model = model::read_catalogue(kRoot / name);
        const std::string place = fs::path(name).filename().string();
        const fs::path checkpoint = folder / (place + ".h5");
        checkpoint_model(world(), model, rows_of_folder(model), checkpoint);
        const model::Catalogue stored = checkpoint::catalogue_of_checkpoint(checkpoint);
        expect_same_catalogue(stored, model);
        export_model(world(), model, rows_of_folder(model), folder / (place + "-direct"),
                     model.bytes() / 3);
        export_model(world(), stored, rows_of_folder(stored), folder / (place + "-later"),
                     model.bytes() / 3);
        EXPECT_TRUE(files_in(folder / (place + "-direct")) ==
                    files_in(folder / (place + "-later")));
    }
}

TEST(CheckpointModel, TheOrderOfAnUnknownArchitectureIsThatOfItsFiles) {
    const SharedFolder folder(world());
    if (world().is_root()) {
        const std::array<float, 4> values{1, 2, 3, 4};
        std::vector<StoredTensor> tensors;
        for (const char* name : {"h.1.z.weight", "h.0.up.weight", "h.0.a.weight", "h.1.b.weight"}) {
            tensors.push_back(make_tensor(name, support::ScalarType::float32, {2, 2}, values));
        }
        write_model_folder(folder / "model", R"({"model_type": "unheard-of"})", tensors);
    }
    world().barrier();
    const model::Catalogue model = model::read_catalogue(folder / "model");
    ASSERT_EQ(model.family, "generic");
    EXPECT_EQ(model.name_of(model.matrices.front()), "h.0.up.weight");
    checkpoint_model(world(), model, rows_of_folder(model), folder / "checkpoint.h5");
    expect_same_catalogue(checkpoint::catalogue_of_checkpoint(folder / "checkpoint.h5"), model);
}

TEST(CheckpointModel, TextIsEncodedWithTheTokenizerInTheCheckpoint) {
    const SharedFolder folder(world());
    const model::Catalogue model = model::read_catalogue(kRoot / "data/books-7m");
    checkpoint_model(world(), model, rows_of_folder(model), folder / "checkpoint.h5");
    if (world().is_root()) {
        support::write_text_atomically(folder / "text", "It was the best of times.");
    }
    world().barrier();
    const model::Catalogue stored = checkpoint::catalogue_of_checkpoint(folder / "checkpoint.h5");
    const model::Catalogue arrived = model::deserialize_catalogue(model::serialize(stored));
    EXPECT_EQ(model::read_tokens(folder / "text", arrived).ids,
              model::read_tokens(folder / "text", model).ids);
}

TEST(CheckpointModel, TheBytesOfACheckpointWithAuxiliaryFilesDoNotDependOnTheNumberOfRanks) {
    ::setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
    const SharedFolder folder(world());
    model::Catalogue model = model::read_catalogue(kRoot / "tests/data/models/tiny-qwen2");
    model.auxiliary_files = {{"code/modeling_my.py", "class My: pass\n"},
                             {"merges.txt", ""},
                             {"tokenizer.json", std::string(70'000, 'x')},
                             {"vocab.json", std::string("\0\xFF", 2)}};
    for (int ranks = 1; ranks <= world().size(); ++ranks) {
        const bool takes_part = world().rank() < ranks;
        const parallel::Communicator some = world().split(takes_part ? 0 : 1, world().rank());
        if (takes_part) {
            checkpoint_model(some, model, rows_of_folder(model), folder / std::to_string(ranks));
        }
        world().barrier();
        EXPECT_TRUE(contents(folder / std::to_string(ranks)) == contents(folder / "1")) << ranks;
    }
    const checkpoint::CheckpointReader reader(folder / "1");
    EXPECT_EQ(reader.auxiliary_files(),
              (std::vector<std::string>{"code/modeling_my.py", "merges.txt", "tokenizer.json",
                                        "vocab.json"}));
    for (const model::AuxiliaryFile& auxiliary_file : *model.auxiliary_files) {
        EXPECT_EQ(reader.auxiliary_file(auxiliary_file.name), auxiliary_file.contents);
    }
    ::unsetenv("SOURCE_DATE_EPOCH");
}

}  // namespace
}  // namespace alphaprune::test
