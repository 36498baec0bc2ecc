#include "alphaprune/model/companions.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "model/faults.hpp"
#include "support/model_folder.hpp"
#include "support/temporary_folder.hpp"

namespace alphaprune::test {
namespace {

namespace fs = std::filesystem;

TEST(Companions, AreKnownByName) {
    for (const char* name :
         {"tokenizer.model", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
          "generation_config.json", "vocab.json", "vocab.txt", "merges.txt", "added_tokens.json",
          "chat_template.jinja", "chat_template.json"}) {
        EXPECT_TRUE(is_companion(name)) << name;
    }
    for (const char* name :
         {"config.json", "model.safetensors", "model.safetensors.index.json", "README.md", "", "..",
          "vocabulary.txt", "xtokenizer.json", "tokenizer/../../.bashrc", "vocab./x"}) {
        EXPECT_FALSE(is_companion(name)) << name;
    }
    EXPECT_FALSE(is_companion(std::string_view("tokenizer\0.json", 15)));
}

TEST(Companions, OfAFolderAreReadByNameThroughLinks) {
    const TemporaryFolder folder;
    Catalogue catalogue;
    const fs::path cached = folder / "models--org--name";
    catalogue.folder = cached / "snapshots" / "0123abc";
    fs::create_directories(catalogue.folder / "tokenizer_files");  // not a file
    fs::create_directory(cached / "blobs");
    write_file(cached / "blobs" / "77af", std::string("linked"));
    fs::create_symlink("../../blobs/77af", catalogue.folder / "tokenizer.json");
    write_file(catalogue.folder / "merges.txt", std::string("a\0b", 3));
    write_file(catalogue.folder / "config.json", std::string("{}"));
    EXPECT_EQ(read_companions(catalogue),
              (std::vector<Companion>{{"merges.txt", {"a\0b", 3}}, {"tokenizer.json", "linked"}}));
    EXPECT_EQ(read_companion(catalogue, "tokenizer.json"), "linked");
    EXPECT_EQ(read_companion(catalogue, "tokenizer.model"), std::nullopt);
}

TEST(Companions, MayBeLinksToTheSameNameOrInsideTheFolder) {
    const TemporaryFolder folder;
    Catalogue catalogue;
    catalogue.folder = folder / "model";
    fs::create_directories(catalogue.folder / "original");
    write_file(folder / "merges.txt", std::string("elsewhere"));
    write_file(catalogue.folder / "original" / "spm.model", std::string("inside"));
    fs::create_symlink("../merges.txt", catalogue.folder / "merges.txt");
    fs::create_symlink("original/spm.model", catalogue.folder / "tokenizer.model");
    EXPECT_EQ(read_companion(catalogue, "merges.txt"), "elsewhere");
    EXPECT_EQ(read_companion(catalogue, "tokenizer.model"), "inside");
    EXPECT_EQ(read_companions(catalogue).size(), 2U);
    fs::create_directory_symlink("model", folder / "by another name");
    catalogue.folder = folder / "by another name";
    EXPECT_EQ(read_companion(catalogue, "tokenizer.model"), "inside");
}

TEST(Companions, CarryNoOtherFileAlong) {
    const TemporaryFolder folder;
    Catalogue catalogue;
    catalogue.folder = folder / "model";
    fs::create_directories(catalogue.folder);
    fs::create_directory(folder / "model2");
    write_file(folder / "id_rsa", std::string("secret"));
    write_file(folder / "model2" / "id_rsa", std::string("secret"));
    for (const char* target : {"../id_rsa", "../model2/id_rsa"}) {
        fs::remove(catalogue.folder / "tokenizer.json");
        fs::create_symlink(target, catalogue.folder / "tokenizer.json");
        for (const bool all : {true, false}) {
            const auto faults = faults_of([&] {
                all ? static_cast<void>(read_companions(catalogue))
                    : static_cast<void>(read_companion(catalogue, "tokenizer.json"));
            });
            EXPECT_EQ(count_faults(
                          faults, {"leads out of the model folder", "tokenizer.json ->", "id_rsa"}),
                      1)
                << text_of(faults);
        }
    }
}

TEST(Companions, ThatArePipesDoNotMakeAnybodyWait) {
    const TemporaryFolder folder;
    Catalogue catalogue;
    catalogue.folder = folder.path();
    ASSERT_EQ(::mkfifo((folder / "tokenizer.json").c_str(), 0666), 0);
    EXPECT_TRUE(read_companions(catalogue).empty());
}

TEST(Companions, OfAModelThatIsNoFolderTravelWithTheCatalogue) {
    Catalogue catalogue;
    catalogue.folder = fs::path(ALPHAPRUNE_SOURCE_DIR) / "data/books-7m";
    catalogue.companions = {{"merges.txt", "m"}, {"vocab.json", std::string("\0\xFF", 2)}};
    const Catalogue arrived = deserialize_catalogue(serialize(catalogue));
    EXPECT_EQ(read_companions(arrived), *catalogue.companions);
    EXPECT_EQ(read_companion(arrived, "vocab.json"), std::string("\0\xFF", 2));
    EXPECT_EQ(read_companion(arrived, "tokenizer.model"), std::nullopt) << "not from the folder";
}

TEST(Companions, AFolderThatIsGoneHasNone) {
    Catalogue catalogue;
    catalogue.folder = "/no/such/folder";
    EXPECT_TRUE(read_companions(catalogue).empty());
}

TEST(MadeCatalogue, IsThatOfTheFolder) {
    const fs::path models = fs::path(ALPHAPRUNE_SOURCE_DIR) / "tests/data/models";
    for (const char* name : {"tiny-llama3", "tiny-mistral", "tiny-opt", "tiny-qwen2"}) {
        const Catalogue folder = read_catalogue(models / name);
        auto tensors = folder.tensors;
        for (TensorInfo& tensor : tensors) {
            tensor.matrix = 77;
        }
        const Catalogue made =
            make_catalogue("/x/y.h5", name, folder.configuration_text, std::move(tensors));
        EXPECT_EQ(made.family, folder.family);
        EXPECT_EQ(made.model_name, name);
        EXPECT_EQ(made.folder, "/x");
        EXPECT_EQ(made.shards, std::vector<std::string>{"y.h5"});
        ASSERT_EQ(made.matrices.size(), folder.matrices.size());
        for (std::size_t m = 0; m < made.matrices.size(); ++m) {
            EXPECT_EQ(made.name_of(made.matrices[m]), folder.name_of(folder.matrices[m]));
            EXPECT_EQ(made.matrices[m].block, folder.matrices[m].block);
        }
        for (std::size_t t = 0; t < made.tensors.size(); ++t) {
            EXPECT_EQ(made.tensors[t].matrix, folder.tensors[t].matrix);
        }
    }
}

}  // namespace
}  // namespace alphaprune::test
