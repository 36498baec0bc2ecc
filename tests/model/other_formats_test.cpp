#include "alphaprune/model/find_model.hpp"

#include <gtest/gtest.h>

#include "alphaprune/model/catalogue.hpp"
#include "model/faults.hpp"
#include "support/model_folder.hpp"
#include "support/temporary_folder.hpp"

namespace alphaprune::test {
namespace {

struct Example {
    const char* file;
    const char* what;
    const char* remedy;
};

TEST(OtherFormats, OfFoldersAreNamedWithAWayOut) {
    for (const auto& [file, what, remedy] : std::vector<Example>{
             {"pytorch_model.bin", "pickled (pytorch_model.bin)", "save_pretrained"},
             {"pytorch_model.bin.index.json", "pickled", "from_pretrained"},
             {"pytorch_model-00001-of-00002.bin", "pickled", "from_pretrained"},
             {"consolidated.00.pth", "Meta's own layout", "-hf"},
             {"consolidated.safetensors", "Mistral's own layout", "model*.safetensors"},
             {"model.Q4_K_M.gguf", "GGUF", "gguf_file=\"model.Q4_K_M.gguf\""},
             {"tf_model.h5", "TensorFlow", "from_tf=True"},
             {"flax_model.msgpack", "Flax", "from_flax=True"},
             {"adapter_model.safetensors", "adapter", "merge_and_unload"},
             {"model.onnx", "ONNX", "exported from"},
             {"model.fp16.safetensors", "of another name", "rename it to model.safetensors"},
             {"weights.pt", "pickled", "save_file"},
             {"last.ckpt", "pickled", "save_file"}}) {
        const TemporaryFolder folder;
        write_file(folder / "config.json", llama_config({}));
        write_file(folder / "training_args.bin", std::string("x"));  // no weights
        write_file(folder / "optimizer.pt", std::string("x"));
        write_file(folder / file, std::string("x"));
        const auto faults = faults_of([&] { model::read_catalogue(folder.path()); });
        ASSERT_EQ(faults.size(), 1U) << text_of(faults);
        EXPECT_NE(faults[0].what.find(what), std::string::npos) << faults[0].what;
        EXPECT_NE(faults[0].remedy.find(remedy), std::string::npos) << faults[0].remedy;
        EXPECT_EQ(faults[0].remedy.find('{'),
                  file == std::string("weights.pt") || file == std::string("last.ckpt")
                      ? faults[0].remedy.find("{\"format\"")
                      : std::string::npos)
            << faults[0].remedy;
    }
}

TEST(OtherFormats, StatesOfATrainingAreNoWeights) {
    const TemporaryFolder folder;
    write_file(folder / "config.json", llama_config({}));
    write_file(folder / "training_args.bin", std::string("x"));
    const auto faults = faults_of([&] { model::read_catalogue(folder.path()); });
    EXPECT_EQ(count_faults(faults, {"neither model.safetensors"}), 1) << text_of(faults);
}

TEST(OtherFormats, OfFilesAreNamed) {
    const TemporaryFolder folder;
    const auto refuse = [&](const std::string& name, const std::string& begin) {
        write_file(folder / name, begin);
        const auto faults = faults_of([&] { model::refuse_other_format(folder / name); });
        return faults.empty() ? support::Fault{} : faults.front();
    };
    EXPECT_NE(refuse("llama.gguf", "GGUF").what.find("GGUF"), std::string::npos);
    EXPECT_NE(refuse("called-anything", "GGUF\3").what.find("GGUF"), std::string::npos);
    EXPECT_NE(refuse("anything-else", "PK\3\4x").what.find("pickled"), std::string::npos);
    EXPECT_NE(refuse("pytorch_model.bin", "x").remedy.find("from_pretrained"), std::string::npos);
    EXPECT_NE(refuse("model.safetensors", "x").remedy.find("name the folder"), std::string::npos);
    EXPECT_NE(refuse("tf_model.h5", "\x89HDF").what.find("TensorFlow"), std::string::npos);
}

TEST(OtherFormats, CheckpointsAreLeftToTheirReader) {
    const TemporaryFolder folder;
    for (const char* name : {"checkpoint.h5", "checkpoint", "notes.txt"}) {
        write_file(folder / name, std::string("\x89HDF"));
        EXPECT_NO_THROW(model::refuse_other_format(folder / name));
        write_file(folder / name, std::string());
        EXPECT_NO_THROW(model::refuse_other_format(folder / name));
    }
}

}  // namespace
}  // namespace alphaprune::test
