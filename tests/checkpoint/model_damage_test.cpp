#include <gtest/gtest.h>

#include "alphaprune/checkpoint/checkpoint_reader.hpp"
#include "alphaprune/checkpoint/verification.hpp"
#include "alphaprune/support/error.hpp"
#include "checkpoint/folders.hpp"
#include "checkpoint/tamper.hpp"
#include "support/world.hpp"

namespace alphaprune::test {
namespace {

constexpr const char* kNorm = "/tensors/model.norm.weight";

class ModelDamage : public testing::Test {
  protected:
    ModelDamage() {
        model_.auxiliary_files = {{"tokenizer.json", "some tokenizer"}, {"vocab.json", "{}"}};
        checkpoint_model(world(), model_, rows_of_folder(model_), path_);
    }

    void expect_refusal(const std::vector<std::string>& words) const {
        try {
            checkpoint::catalogue_of_checkpoint(path_);
            ADD_FAILURE() << "catalogued";
        } catch (const support::Error& error) {
            EXPECT_EQ(error.status(), support::ExitStatus::bad_request);
            const std::string text = error.what();
            EXPECT_NE(text.find("remedy:"), std::string::npos) << text;
            EXPECT_NE(text.find(path_.string()), std::string::npos) << text;
            for (const std::string& word : words) {
                EXPECT_NE(text.find(word), std::string::npos) << text;
            }
        }
    }

    TemporaryFolder folder_;
    std::filesystem::path path_ = folder_ / "checkpoint.h5";
    model::Catalogue model_ = model::read_catalogue(kRoot / "tests/data/models/tiny-qwen2");
};

TEST_F(ModelDamage, ADamagedAuxiliaryFileIsFound) {
    flip_byte(path_, offset_of(path_, "/model/tokenizer.json") + 3);
    expect_refusal({"/model/tokenizer.json", "checksum"});
    const auto problems = checkpoint::verify_checkpoint(world(), path_, {}).problems;
    ASSERT_FALSE(problems.empty());
    EXPECT_EQ(problems.front().rfind("model file 'tokenizer.json': its bytes have", 0), 0U)
        << problems.front();
}

TEST_F(ModelDamage, FilesThatDoNotBelongBesideTheWeightsAreLeftAlone) {
    std::string name = "/model/vocab.json";
    for (const char* other : {"/model/model.safetensors", "/model/..\\evil.py", "/model/\\evil.py",
                              "/model/code\\..\\..\\evil.py", "/model/.bashrc"}) {
        rename_link(path_, name, other);
        name = other;
        const model::Catalogue stored = checkpoint::catalogue_of_checkpoint(path_);
        EXPECT_EQ(stored.auxiliary_files->size(), 1U) << other;
        EXPECT_EQ(stored.auxiliary_files->front().name, "tokenizer.json");
    }
}

TEST_F(ModelDamage, AnAuxiliaryFileOfAnotherKindIsRefused) {
    add_integers(path_, "/model/vocab.txt", true);
    expect_refusal({"/model/vocab.txt", "not stored as one piece"});
}

TEST_F(ModelDamage, AMissingTensorIsNoticed) {
    remove_link(path_, kNorm);
    expect_refusal({"declares 38 tensors and holds 37"});
}

TEST_F(ModelDamage, PositionsThatCannotBeAreRefused) {
    for (const double position : {-1.0, 38.0, 3.0}) {
        set_attribute(path_, kNorm, "position", position);
        expect_refusal({"has the position", "is impossible"});
    }
}

}  // namespace
}  // namespace alphaprune::test
