#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "alphaprune/checkpoint/hugging_face_writer.hpp"
#include "alphaprune/support/error.hpp"
#include "checkpoint/folders.hpp"
#include "support/some_ranks.hpp"
#include "support/world.hpp"

namespace alphaprune::test {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kShardBytes = 200;  // several shards
const checkpoint::PartialFile kResumingFolder{.resume = true, .keep = true};

/// Exports that are interrupted and resumed, against a folder that was written in one go.
class ResumeFolder : public testing::Test {
  protected:
    ResumeFolder() {
        model_.catalogue.auxiliary_files = {{"additional_chat_templates/tool.jinja", "{{ x }}"},
                                            {"merges.txt", "a b"},
                                            {"tokenizer.json", "{}"}};
        checkpoint::HuggingFaceWriter writer(world(), model_.catalogue, folder_ / "whole",
                                             kMetadata, {}, kShardBytes);
        write_tensors(world(), writer, 0);
        writer.finish();
        world().barrier();
        whole_ = files_in(folder_ / "whole");
    }

    void write_tensors(const parallel::Communicator& ranks, checkpoint::HuggingFaceWriter& writer,
                       std::size_t begin, std::size_t end = SIZE_MAX) const {
        for (std::size_t t = begin; t < std::min(end, model_.bytes.size()); ++t) {
            const parallel::RowRange mine =
                parallel::share_of(model_.catalogue.tensors[t].rows(), ranks.size(), ranks.rank());
            writer.write_rows(static_cast<int>(t), mine, bytes_of(model_, t, mine));
        }
        writer.sync_rows();
    }
    /// By `count` ranks: an export that ends after the tensors before `end`.
    void interrupt(int count, std::size_t end) const {
        on_ranks(count, [&](const parallel::Communicator& some) {
            checkpoint::HuggingFaceWriter writer(some, model_.catalogue, hf_, kMetadata,
                                                 kResumingFolder, kShardBytes);
            write_tensors(some, writer, 0, end);
            some.barrier();
        });
        EXPECT_FALSE(fs::exists(hf_));
        EXPECT_TRUE(fs::exists(partial_));
    }
    /// By `count` ranks: one that writes the tensors from `begin` on and completes the folder.
    void complete(int count, std::size_t begin, bool resumed = true) const {
        on_ranks(count, [&](const parallel::Communicator& some) {
            checkpoint::HuggingFaceWriter writer(some, model_.catalogue, hf_, kMetadata,
                                                 kResumingFolder, kShardBytes);
            EXPECT_EQ(writer.resumed(), resumed);
            for (std::size_t t = 0; t < begin; ++t) {
                writer.keep_rows(static_cast<int>(t),
                                 parallel::share_of(model_.catalogue.tensors[t].rows(), some.size(),
                                                    some.rank()));
            }
            write_tensors(some, writer, begin);
            writer.finish();
        });
        EXPECT_TRUE(files_in(hf_) == whole_);
        EXPECT_FALSE(fs::exists(partial_));
    }
    void expect_precious() const {
        EXPECT_EQ(contents(folder_ / "precious/file").size(), 4U);
        EXPECT_EQ(files_in(folder_ / "precious").size(), 1U);
    }

    inline static const std::vector<std::pair<std::string, std::string>> kMetadata{{"ratio", "1"}};

    SharedFolder folder_{world()};
    SampleModel model_ = sample_model();
    fs::path hf_ = folder_ / "hf";
    fs::path partial_ = folder_ / "hf.partial";
    std::map<std::string, std::string> whole_;
};

TEST_F(ResumeFolder, TheFilesAreThoseOfOneExportWhereverItIsInterrupted) {
    EXPECT_GT(whole_.size(), 6U);
    for (std::size_t done = 0; done <= model_.bytes.size(); ++done) {
        interrupt(world().size(), done);
        complete(1 + static_cast<int>(done) % world().size(), done);
        on_root([&] { fs::remove_all(hf_); });
    }
}

TEST_F(ResumeFolder, RowsAreReadBackFromWhatWasLeft) {
    interrupt(world().size(), model_.bytes.size());
    const checkpoint::HuggingFaceWriter writer(world(), model_.catalogue, hf_, kMetadata,
                                               kResumingFolder, kShardBytes);
    for (std::size_t t = 0; t < model_.bytes.size(); ++t) {
        const parallel::RowRange rows{0, model_.catalogue.tensors[t].rows()};
        std::vector<std::byte> bytes(model_.bytes[t].size());
        writer.read_rows(static_cast<int>(t), rows, bytes);
        EXPECT_EQ(bytes, model_.bytes[t]) << t;
    }
}

TEST_F(ResumeFolder, HeadsSizesAndSmallFilesAreMadeAgain) {
    interrupt(world().size(), model_.bytes.size());
    on_root([&] {
        for (const auto& [name, text] : whole_) {
            if (name.ends_with(".safetensors")) {
                auto bytes = contents(partial_ / name);
                std::fill_n(bytes.begin(), 60, '\xa5');
                bytes.resize(bytes.size() + 1000, '\xa5');
                replace_contents(partial_ / name, bytes);
            }
        }
        replace_contents(partial_ / "config.json", {'x'});
        replace_contents(partial_ / "merges.txt.partial", {'x'});
        fs::create_directory(partial_ / "additional_chat_templates");
        replace_contents(partial_ / "additional_chat_templates/tool.jinja.partial", {'x'});
    });
    complete(world().size(), model_.bytes.size());
}

TEST_F(ResumeFolder, APublishedFolderIsTakenBack) {
    complete(world().size(), 0, false);
    complete(1, model_.bytes.size());
}

TEST_F(ResumeFolder, AFolderWithoutAShardIsNotTakenOver) {
    interrupt(world().size(), 3);
    on_root([&] { fs::remove(partial_ / "model-00001-of-00004.safetensors"); });
    complete(world().size(), 0, false);
}

TEST_F(ResumeFolder, AFolderWithSomethingForeignIsNotTakenOver) {
    on_root([&] {
        fs::create_directory(folder_ / "precious");
        replace_contents(folder_ / "precious/file", {'m', 'i', 'n', 'e'});
    });
    const std::string shard = "model-00001-of-00004.safetensors";
    const std::vector<std::function<void()>> faults{
        [&] { replace_contents(partial_ / "notes", {'x'}); },
        [&] { replace_contents(partial_ / "vocab.json", {'x'}); },  // not of this model
        [&] {
            fs::create_directory(partial_ / "additional_chat_templates");
            replace_contents(partial_ / "additional_chat_templates/mine.jinja", {'x'});
        },
        [&] { fs::create_directory(partial_ / "tokenizer.json"); },
        [&] { fs::create_symlink(folder_ / "precious/file", partial_ / "config.json"); },
        [&] {
            fs::remove(partial_ / shard);
            fs::create_symlink(folder_ / "precious/file", partial_ / shard);
        },
        [&] {
            fs::remove_all(partial_);
            fs::create_symlink(folder_ / "precious", partial_);
        }};
    for (const auto& fault : faults) {
        interrupt(world().size(), 3);
        on_root(fault);
        complete(world().size(), 0, false);
        expect_precious();
        on_root([&] { fs::remove_all(hf_); });
    }
}

TEST_F(ResumeFolder, RowsNeitherWrittenNorKeptAreMissed) {
    interrupt(world().size(), model_.bytes.size());
    EXPECT_THROW(
        {
            checkpoint::HuggingFaceWriter writer(world(), model_.catalogue, hf_, kMetadata,
                                                 kResumingFolder, kShardBytes);
            write_tensors(world(), writer, 1);
            writer.finish();
        },
        support::Error);
    world().barrier();
    EXPECT_TRUE(fs::exists(partial_));  // the next run can go on
    complete(world().size(), model_.bytes.size());
}

}  // namespace
}  // namespace alphaprune::test
