#include <gtest/gtest.h>

#include <functional>

#include "alphaprune/checkpoint/hugging_face_writer.hpp"
#include "alphaprune/support/error.hpp"
#include "checkpoint/folders.hpp"
#include "checkpoint/short_files.hpp"
#include "support/model_folder.hpp"
#include "support/some_ranks.hpp"
#include "support/world.hpp"

namespace alphaprune::test {
namespace {

namespace fs = std::filesystem;

/// What all ranks are told.
std::string error_of(support::ExitStatus status, const std::function<void()>& action) {
    try {
        action();
    } catch (const support::Error& error) {
        EXPECT_TRUE(error.agreed());
        EXPECT_EQ(error.status(), status) << error.what();
        return error.what();
    }
    return "no error";
}

class ExportFaults : public testing::Test {
  protected:
    void write_all(checkpoint::HuggingFaceWriter& writer) const {
        for (std::size_t t = 0; t < model_.bytes.size(); ++t) {
            const model::TensorInfo& tensor = model_.catalogue.tensors[t];
            const parallel::RowRange mine =
                parallel::share_of(tensor.rows(), world().size(), world().rank());
            writer.write_rows(
                static_cast<int>(t), mine,
                std::span(model_.bytes[t])
                    .subspan(static_cast<std::size_t>(mine.begin) * tensor.row_bytes(),
                             static_cast<std::size_t>(mine.size()) * tensor.row_bytes()));
        }
    }
    void write_folder(const fs::path& place) const {
        checkpoint::HuggingFaceWriter writer(world(), model_.catalogue, place, {}, {}, 100);
        write_all(writer);
        writer.finish();
    }

    SharedFolder folder_{world()};
    SampleModel model_ = sample_model();
};

TEST_F(ExportFaults, AnUnfinishedFolderDisappears) {
    {
        checkpoint::HuggingFaceWriter writer(world(), model_.catalogue, folder_ / "hf", {}, {},
                                             100);
        write_all(writer);
        EXPECT_TRUE(fs::exists(folder_ / "hf.partial"));
        EXPECT_FALSE(fs::exists(folder_ / "hf"));
        world().barrier();
    }
    world().barrier();
    EXPECT_TRUE(fs::is_empty(folder_.path()));
}

TEST_F(ExportFaults, WhatAKilledRunHasLeftIsReplaced) {
    on_root([&] {
        fs::create_directories(folder_ / "hf.partial/folder");
        write_file(folder_ / "hf.partial/model-00009-of-00009.safetensors", std::string("old"));
        fs::create_directory(folder_ / "hf");  // empty: nothing is lost
    });
    write_folder(folder_ / "hf/");
    EXPECT_FALSE(fs::exists(folder_ / "hf.partial"));
    EXPECT_TRUE(fs::exists(folder_ / "hf/config.json"));
    EXPECT_FALSE(fs::exists(folder_ / "hf/folder"));
    EXPECT_FALSE(fs::exists(folder_ / "hf/model-00009-of-00009.safetensors"));
}

TEST_F(ExportFaults, AFolderWithFilesInItIsNeverReplaced) {
    on_root([&] {
        fs::create_directory(folder_ / "hf");
        write_file(folder_ / "hf/model.safetensors", std::string("dense"));
        write_file(folder_ / "file", std::string("mine"));
    });
    for (const char* name : {"hf", "file"}) {
        const std::string text =
            error_of(support::ExitStatus::bad_request, [&] { write_folder(folder_ / name); });
        EXPECT_NE(text.find("exists already"), std::string::npos) << text;
        EXPECT_NE(text.find((folder_ / name).string()), std::string::npos) << text;
        EXPECT_NE(text.find("remedy:"), std::string::npos) << text;
    }
    EXPECT_EQ(contents(folder_ / "hf/model.safetensors").size(), 5U);
    EXPECT_FALSE(fs::exists(folder_ / "hf.partial"));
}

TEST_F(ExportFaults, AFolderThatCannotBeMadeIsNamedOnEveryRank) {
    const std::string text =
        error_of(support::ExitStatus::failed, [&] { write_folder(folder_ / "absent/hf"); });
    EXPECT_NE(text.find("No such file or directory"), std::string::npos) << text;
    EXPECT_NE(text.find("absent/hf.partial"), std::string::npos) << text;
}

TEST_F(ExportFaults, AFailedWriteNamesTheTensorAndHoldsNobodyUp) {
    const std::string text = error_of(support::ExitStatus::failed, [&] {
        checkpoint::HuggingFaceWriter writer(world(), model_.catalogue, folder_ / "hf", {});
        fail_on_the_last_rank([&] { writer.write_rows(0, {0, 7}, model_.bytes[0]); });
    });
    EXPECT_NE(text.find("File too large"), std::string::npos) << text;
    EXPECT_NE(text.find("writing rows 0 to 6 failed"), std::string::npos) << text;
    EXPECT_NE(text.find(": tensor model.embed_tokens.weight"), std::string::npos) << text;
    EXPECT_NE(text.find("hf.partial/model.safetensors"), std::string::npos) << text;
    world().barrier();
    EXPECT_TRUE(fs::is_empty(folder_.path()));
}

TEST_F(ExportFaults, AModelOfWhichRowsAreMissingIsNotPublished) {
    const std::string text = error_of(support::ExitStatus::failed, [&] {
        checkpoint::HuggingFaceWriter writer(world(), model_.catalogue, folder_ / "hf", {}, {},
                                             100);
        if (world().is_root()) {
            writer.write_rows(1, {0, 8}, std::span(model_.bytes[1]).first(8 * 12));
        }
        writer.finish();
    });
    EXPECT_NE(text.find("96 of the model's"), std::string::npos) << text;
    world().barrier();
    EXPECT_TRUE(fs::is_empty(folder_.path()));
}

}  // namespace
}  // namespace alphaprune::test
