#include "alphaprune/model/auxiliary_files.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "model/faults.hpp"
#include "support/model_folder.hpp"
#include "support/temporary_folder.hpp"

namespace alphaprune::test {
namespace {

namespace fs = std::filesystem;

TEST(AuxiliaryFiles, AreKnownByName) {
    for (const char* name : {"tokenizer.model",
                             "tokenizer.json",
                             "tokenizer_config.json",
                             "special_tokens_map.json",
                             "generation_config.json",
                             "vocab.json",
                             "vocab.txt",
                             "merges.txt",
                             "added_tokens.json",
                             "chat_template.jinja",
                             "chat_template.json",
                             "modeling_my.py",
                             "tokenization_my.py",
                             "qwen.tiktoken",
                             "tekken.json",
                             "preprocessor_config.json",
                             "processor_config.json",
                             "params.json",
                             "README.md",
                             "LICENSE",
                             "NOTICE.txt",
                             "spiece.model",
                             "vocabulary.txt",
                             "additional_chat_templates/tool_use.jinja",
                             "code/modeling_my.py"}) {
        EXPECT_TRUE(model::is_auxiliary_file(name)) << name;
    }
    for (const char* name : {"config.json",
                             "model.safetensors",
                             "model.safetensors.index.json",
                             "model.safetensors.index.fp16.json",
                             "pytorch_model.bin",
                             "pytorch_model.bin.index.json",
                             "consolidated.00.pth",
                             "consolidated.safetensors",
                             "tf_model.h5",
                             "flax_model.msgpack",
                             "model-q4.gguf",
                             "model.onnx",
                             "optimizer.pt",
                             "training_args.bin",
                             "rng_state_0.pth",
                             "trainer_state.json",
                             "adapter_config.json",
                             ".gitattributes",
                             ".git",
                             "",
                             ".",
                             "..",
                             "tokenizer/../../.bashrc",
                             "../tokenizer.json",
                             "/etc/passwd",
                             "vocab./x",
                             "a\\b.json",
                             "original/params.json",
                             "code/.hidden.py",
                             ".cache/x.py",
                             "a//b.py",
                             "additional_chat_templates/deeper/x.jinja",
                             "x.py/",
                             "tokenizer.json.partial",
                             "1/2/3/4/5/6/7/8/9.py"}) {
        EXPECT_FALSE(model::is_auxiliary_file(name)) << name;
    }
    EXPECT_FALSE(model::is_auxiliary_file(std::string_view("tokenizer\0.json", 15)));
}

TEST(AuxiliaryFiles, OfAFolderAreReadByNameThroughLinks) {
    const TemporaryFolder folder;
    model::Catalogue catalogue;
    const fs::path cached = folder / "models--org--name";
    catalogue.folder = cached / "snapshots" / "0123abc";
    fs::create_directories(catalogue.folder / "tokenizer_files");  // not a file
    fs::create_directory(cached / "blobs");
    write_file(cached / "blobs" / "77af", std::string("linked"));
    fs::create_symlink("../../blobs/77af", catalogue.folder / "tokenizer.json");
    write_file(catalogue.folder / "merges.txt", std::string("a\0b", 3));
    write_file(catalogue.folder / "config.json", std::string("{}"));
    EXPECT_EQ(model::read_auxiliary_files(catalogue),
              (std::vector<model::AuxiliaryFile>{{"merges.txt", {"a\0b", 3}},
                                                 {"tokenizer.json", "linked"}}));
    EXPECT_EQ(model::read_auxiliary_file(catalogue, "tokenizer.json"), "linked");
    EXPECT_EQ(model::read_auxiliary_file(catalogue, "tokenizer.model"), std::nullopt);
}

TEST(AuxiliaryFiles, MayBeLinksToTheSameNameOrInsideTheFolder) {
    const TemporaryFolder folder;
    model::Catalogue catalogue;
    catalogue.folder = folder / "model";
    fs::create_directories(catalogue.folder / "original");
    write_file(folder / "merges.txt", std::string("elsewhere"));
    write_file(catalogue.folder / "original" / "spm.model", std::string("inside"));
    fs::create_symlink("../merges.txt", catalogue.folder / "merges.txt");
    fs::create_symlink("original/spm.model", catalogue.folder / "tokenizer.model");
    EXPECT_EQ(model::read_auxiliary_file(catalogue, "merges.txt"), "elsewhere");
    EXPECT_EQ(model::read_auxiliary_file(catalogue, "tokenizer.model"), "inside");
    EXPECT_EQ(model::read_auxiliary_files(catalogue).size(), 2U);
    fs::create_directory_symlink("model", folder / "by another name");
    catalogue.folder = folder / "by another name";
    EXPECT_EQ(model::read_auxiliary_file(catalogue, "tokenizer.model"), "inside");
}

TEST(AuxiliaryFiles, CarryNoOtherFileAlong) {
    const TemporaryFolder folder;
    model::Catalogue catalogue;
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
                all ? static_cast<void>(model::read_auxiliary_files(catalogue))
                    : static_cast<void>(model::read_auxiliary_file(catalogue, "tokenizer.json"));
            });
            EXPECT_EQ(count_faults(faults, {"points out of the model folder", "tokenizer.json ->",
                                            "id_rsa"}),
                      1)
                << text_of(faults);
        }
    }
}

TEST(AuxiliaryFiles, OfFoldersAreTemplatesAndTheCodeThatIsNamed) {
    const TemporaryFolder folder;
    model::Catalogue catalogue;
    catalogue.folder = folder.path();
    catalogue.configuration_text = R"({"auto_map": {"AutoConfig": "code/configuration_my.My",
        "AutoModel": "other/repository--modeling.My"}, "x": NaN})";
    for (const char* inner :
         {"code", "tokens", "other", "additional_chat_templates", "../outside"}) {
        fs::create_directories(folder / inner);
        write_file(folder / inner / "helper.py", std::string(inner));
        write_file(folder / inner / "notes.txt", std::string("no"));
        write_file(folder / inner / "tool.jinja", std::string("{{ tools }}"));
    }
    write_file(folder / "tokenizer_config.json",
               std::string(R"({"auto_map": {"AutoTokenizer": ["tokens/my.Slow", null,
                               "../outside/my.Fast"]}})"));
    write_file(folder / "processor_config.json", std::string("not json"));
    EXPECT_EQ(model::names_of_auxiliary_files(catalogue),
              (std::vector<std::string>{"additional_chat_templates/helper.py",
                                        "additional_chat_templates/tool.jinja", "code/helper.py",
                                        "processor_config.json", "tokenizer_config.json",
                                        "tokens/helper.py"}));
    EXPECT_EQ(model::read_auxiliary_file(catalogue, "code/helper.py"), "code");
    EXPECT_TRUE(model::check_auxiliary_files(catalogue).empty());
}

TEST(AuxiliaryFiles, AllFaultsAreFoundBeforeTheWork) {
    const TemporaryFolder folder;
    model::Catalogue catalogue;
    catalogue.folder = folder / "model";
    fs::create_directories(catalogue.folder);
    write_file(folder / "id_rsa", std::string("secret"));
    write_file(catalogue.folder / "merges.txt", std::string("fine"));
    fs::create_symlink("../id_rsa", catalogue.folder / "tokenizer.json");
    fs::create_symlink("../id_rsa", catalogue.folder / "id_rsa");  // the name is no excuse
    fs::create_symlink("nowhere", catalogue.folder / "LICENSE");
    const auto faults = faults_of([&] { model::check_auxiliary_files(catalogue); });
    EXPECT_EQ(faults.size(), 3U) << text_of(faults);
    EXPECT_EQ(count_faults(faults, {"points to nothing", "LICENSE -> nowhere"}), 1)
        << text_of(faults);
    EXPECT_EQ(count_faults(faults, {"points out of the model folder", "tokenizer.json ->"}), 1);
    EXPECT_EQ(count_faults(faults, {"points out of the model folder", "model/id_rsa ->"}), 1);
    EXPECT_NE(faults[0].remedy.find("remove the link"), std::string::npos);
}

TEST(AuxiliaryFiles, MayLieInStoresThatNameFilesByDigests) {
    const TemporaryFolder folder;
    model::Catalogue catalogue;
    catalogue.folder = folder / "model";
    fs::create_directories(catalogue.folder);
    const std::vector<std::string> stored{
        "files/md5/ab/0123456789abcdef0123456789abcd",
        "lfs/objects/01/23/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "annex/MD5E-s6--0123456789abcdef0123456789abcdef.json"};
    for (const std::string& store : stored) {
        fs::create_directories((folder / store).parent_path());
        write_file(folder / store, std::string("stored"));
        fs::remove(catalogue.folder / "tokenizer.json");
        fs::create_symlink("../" + store, catalogue.folder / "tokenizer.json");
        EXPECT_EQ(model::read_auxiliary_file(catalogue, "tokenizer.json"), "stored") << store;
    }
    fs::create_directories(folder / "files/md5/ab");
    write_file(folder / "files/md5/ab/cdef", std::string("stored"));
    fs::remove(catalogue.folder / "tokenizer.json");
    fs::create_symlink("../files/md5/ab/cdef", catalogue.folder / "tokenizer.json");
    EXPECT_EQ(faults_of([&] { model::check_auxiliary_files(catalogue); }).size(), 1U);
}

TEST(AuxiliaryFiles, OfAnotherModelMayBeLinkedUnderTheirNames) {
    const TemporaryFolder folder;
    model::Catalogue catalogue;
    catalogue.folder = folder / "model";
    for (const char* inner : {"model", "former", "other"}) {
        fs::create_directories(folder / inner);
        write_file(folder / inner / "config.json", std::string("{}"));
        write_file(folder / inner / "generation_config.json", std::string("{}"));
    }
    fs::remove(folder / "other" / "generation_config.json");
    for (const char* inner : {"former", "other"}) {
        write_file(folder / inner / "modeling_my.py", std::string("code"));
    }
    fs::create_symlink("../former/modeling_my.py", catalogue.folder / "modeling_my.py");
    EXPECT_TRUE(model::check_auxiliary_files(catalogue).empty());
    fs::remove(catalogue.folder / "modeling_my.py");
    fs::create_symlink("../other/modeling_my.py", catalogue.folder / "modeling_my.py");
    EXPECT_EQ(faults_of([&] { model::check_auxiliary_files(catalogue); }).size(), 1U);
}

TEST(AuxiliaryFiles, ThatAreTooLargeAreLeftOutAndSaid) {
    const TemporaryFolder folder;
    model::Catalogue catalogue;
    catalogue.folder = folder.path();
    write_file(folder / "merges.txt", std::string("small"));
    write_file(folder / "adapter_config.json", std::string("{}"));
    constexpr std::uint64_t kMegabyte = std::uint64_t{1} << 20;
    const auto make = [&](const std::string& name, std::uint64_t bytes) {
        write_file(folder / name, std::string());
        fs::resize_file(folder / name, bytes);  // a hole
    };
    make("film.mp4", 128 * kMegabyte + 1);
    const auto carried = model::names_of_auxiliary_files(catalogue);
    EXPECT_EQ(carried, std::vector<std::string>{"merges.txt"});
    const auto warnings = model::check_auxiliary_files(catalogue);
    ASSERT_EQ(warnings.size(), 2U);
    EXPECT_NE(warnings[0].find("film.mp4"), std::string::npos) << warnings[0];
    EXPECT_NE(warnings[1].find("adapter"), std::string::npos) << warnings[1];
    for (int number = 0; number < 5; ++number) {
        make("part" + std::to_string(number), 120 * kMegabyte);
    }
    EXPECT_EQ(model::names_of_auxiliary_files(catalogue).size(), 5U) << "512 MiB in all";
}

TEST(AuxiliaryFiles, FoldersOfThemHoldNothingElse) {
    const TemporaryFolder folder;
    fs::create_directories(folder / "code" / "inner");
    write_file(folder / "code" / "inner" / "a.py", std::string("x"));
    EXPECT_TRUE(model::is_folder_of_auxiliary_files(folder.path(), "code"));
    write_file(folder / "code" / "notes.txt", std::string("x"));
    EXPECT_FALSE(model::is_folder_of_auxiliary_files(folder.path(), "code"));
    fs::remove(folder / "code" / "notes.txt");
    fs::create_symlink("/etc/passwd", folder / "code" / "b.py");
    EXPECT_FALSE(model::is_folder_of_auxiliary_files(folder.path(), "code"));
    fs::create_directory_symlink("code/inner", folder / "link");
    EXPECT_FALSE(model::is_folder_of_auxiliary_files(folder.path(), "link"));
}

TEST(AuxiliaryFiles, ThatArePipesDoNotMakeAnybodyWait) {
    const TemporaryFolder folder;
    model::Catalogue catalogue;
    catalogue.folder = folder.path();
    ASSERT_EQ(::mkfifo((folder / "tokenizer.json").c_str(), 0666), 0);
    EXPECT_TRUE(model::read_auxiliary_files(catalogue).empty());
}

TEST(AuxiliaryFiles, OfAModelThatIsNoFolderTravelWithTheCatalogue) {
    model::Catalogue catalogue;
    catalogue.folder = fs::path(ALPHAPRUNE_SOURCE_DIR) / "data/books-7m";
    catalogue.auxiliary_files = {{"merges.txt", "m"}, {"vocab.json", std::string("\0\xFF", 2)}};
    const model::Catalogue arrived = model::deserialize_catalogue(model::serialize(catalogue));
    EXPECT_EQ(model::read_auxiliary_files(arrived), *catalogue.auxiliary_files);
    EXPECT_EQ(model::read_auxiliary_file(arrived, "vocab.json"), std::string("\0\xFF", 2));
    EXPECT_EQ(model::read_auxiliary_file(arrived, "tokenizer.model"), std::nullopt)
        << "not from the folder";
}

TEST(AuxiliaryFiles, AFolderThatIsGoneHasNone) {
    model::Catalogue catalogue;
    catalogue.folder = "/no/such/folder";
    EXPECT_TRUE(model::read_auxiliary_files(catalogue).empty());
}

TEST(MadeCatalogue, IsThatOfTheFolder) {
    const fs::path models = fs::path(ALPHAPRUNE_SOURCE_DIR) / "tests/data/models";
    for (const char* name : {"tiny-llama3", "tiny-mistral", "tiny-opt", "tiny-qwen2"}) {
        const model::Catalogue folder = model::read_catalogue(models / name);
        auto tensors = folder.tensors;
        for (model::TensorInfo& tensor : tensors) {
            tensor.matrix = 77;
        }
        const model::Catalogue made =
            model::make_catalogue("/x/y.h5", name, folder.configuration_text, std::move(tensors));
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
