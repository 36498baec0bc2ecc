#include <gtest/gtest.h>
#include <sys/mount.h>

#include <algorithm>
#include <functional>

#include "alphaprune/checkpoint/checkpoint_writer.hpp"
#include "alphaprune/checkpoint/hugging_face_writer.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/error.hpp"
#include "checkpoint/folders.hpp"
#include "support/some_ranks.hpp"
#include "support/world.hpp"

namespace alphaprune::test {
namespace {

namespace fs = std::filesystem;

const checkpoint::PartialFile kResumingFile{
    .resume = true, .keep = true, .created = "2024-01-31T12:00:00Z"};

/// A file system of one megabyte. Without the right to mount one the tests are skipped.
class FullDisk : public testing::Test {
  protected:
    FullDisk() {
        on_root([&] {
            fs::create_directory(disk_);
            mounted_ = ::mount("tmpfs", disk_.c_str(), "tmpfs", 0, "size=1m") == 0;
        });
        mounted_ = world().any(mounted_);
    }
    ~FullDisk() override {
        on_root([&] {
            if (mounted_) {
                ::umount2(disk_.c_str(), MNT_DETACH);
            }
        });
    }
    void SetUp() override {
        if (!mounted_) {
            GTEST_SKIP() << "no right to mount a file system";
        }
    }

    /// The disk has room for the rows, but not for what goes with them.
    void make_auxiliary_file_too_large() {
        model_.catalogue.auxiliary_files = {{"tokenizer.json", std::string(800'000, 'x')}};
        on_root([&] { replace_contents(disk_ / "other", std::vector<char>(500'000)); });
    }
    void make_room() const {
        on_root([&] { fs::remove(disk_ / "other"); });
    }
    void make_tensor_too_large() {
        model_.catalogue.tensors[0].shape = {4000, 300};
        model_.bytes[0].resize(model_.catalogue.tensors[0].bytes(), std::byte{1});
    }
    template <class Writer>
    void write_all(Writer& writer) const {
        parallel::run_collectively(world(), [&] {
            for (std::size_t t = 0; t < model_.bytes.size(); ++t) {
                const parallel::RowRange mine = parallel::share_of(
                    model_.catalogue.tensors[t].rows(), world().size(), world().rank());
                writer.write_rows(static_cast<int>(t), mine, bytes_of(model_, t, mine));
            }
        });
    }
    void keep_all(checkpoint::HuggingFaceWriter& writer) const {
        for (std::size_t t = 0; t < model_.bytes.size(); ++t) {
            writer.keep_rows(static_cast<int>(t),
                             parallel::share_of(model_.catalogue.tensors[t].rows(), world().size(),
                                                world().rank()));
        }
    }
    void finish(checkpoint::CheckpointWriter& writer) const {
        auto eigenvalues = model_.eigenvalues;
        if (!world().is_root()) {
            eigenvalues.assign(3, {});
        }
        writer.write_spectra(eigenvalues);
        writer.write_metric(spectrum::Metric::alpha_mid, model_.alphas);
        writer.finish(model_.summaries);
    }
    /// All ranks are told the same: no space, where, and what to do.
    static void expect_full(const std::string& where, const std::function<void()>& action) {
        try {
            action();
            ADD_FAILURE() << "no error";
        } catch (const support::Error& error) {
            const std::string text = error.what();
            EXPECT_TRUE(error.agreed());
            EXPECT_EQ(error.status(), support::ExitStatus::failed);
            EXPECT_NE(text.find("No space left on device"), std::string::npos) << text;
            EXPECT_NE(text.find("free some space"), std::string::npos) << text;
            EXPECT_NE(text.find(where), std::string::npos) << text;
        }
    }

    SharedFolder folder_{world()};
    fs::path disk_ = folder_ / "disk";
    bool mounted_ = false;
    SampleModel model_ = sample_model();
};

TEST_F(FullDisk, RowsThatDoNotFitIntoACheckpointAreNamed) {
    make_tensor_too_large();
    const fs::path path = disk_ / "checkpoint.h5";
    expect_full("checkpoint.h5.partial: /tensors/model.embed_tokens.weight", [&] {
        checkpoint::CheckpointWriter writer(world(), model_.catalogue, path);
        write_all(writer);
    });
    world().barrier();
    EXPECT_TRUE(fs::is_empty(disk_));
}

TEST_F(FullDisk, RowsThatDoNotFitIntoAFolderAreNamed) {
    make_tensor_too_large();
    expect_full(
        (disk_ / "hf.partial/model.safetensors").string() + ": tensor model.embed_tokens.weight",
        [&] {
            checkpoint::HuggingFaceWriter writer(world(), model_.catalogue, disk_ / "hf", {});
            write_all(writer);
        });
    world().barrier();
    EXPECT_TRUE(fs::is_empty(disk_));
}

TEST_F(FullDisk, ACheckpointWhoseStructuresDoNotFitIsCompletedLater) {
    make_auxiliary_file_too_large();
    const fs::path path = disk_ / "checkpoint.h5";
    expect_full("checkpoint.h5.partial", [&] {
        checkpoint::CheckpointWriter writer(world(), model_.catalogue, path, kResumingFile);
        write_all(writer);
        finish(writer);
    });
    EXPECT_FALSE(fs::exists(path));
    make_room();
    {
        checkpoint::CheckpointWriter writer(world(), model_.catalogue, path, kResumingFile);
        EXPECT_TRUE(writer.resumed());
        finish(writer);
    }
    {
        checkpoint::CheckpointWriter writer(world(), model_.catalogue, folder_ / "whole.h5",
                                            kResumingFile);
        write_all(writer);
        finish(writer);
    }
    EXPECT_TRUE(contents(path) == contents(folder_ / "whole.h5"));
}

TEST_F(FullDisk, AFolderWhoseSmallFilesDoNotFitIsCompletedLater) {
    make_auxiliary_file_too_large();
    const fs::path hf = disk_ / "hf";
    expect_full("hf.partial/tokenizer.json", [&] {
        checkpoint::HuggingFaceWriter writer(world(), model_.catalogue, hf, {}, kResumingFile);
        write_all(writer);
        writer.finish();
    });
    EXPECT_FALSE(fs::exists(hf));
    make_room();
    {
        checkpoint::HuggingFaceWriter writer(world(), model_.catalogue, hf, {}, kResumingFile);
        EXPECT_TRUE(writer.resumed());
        keep_all(writer);
        writer.finish();
    }
    {
        checkpoint::HuggingFaceWriter writer(world(), model_.catalogue, folder_ / "whole", {},
                                             kResumingFile);
        write_all(writer);
        writer.finish();
    }
    EXPECT_TRUE(files_in(hf) == files_in(folder_ / "whole"));
}

TEST_F(FullDisk, ADiskWithoutAnyRoomAtAll) {
    on_root([&] {
        replace_contents(disk_ / "other", std::vector<char>(2'000'000));  // as much as there is
    });
    expect_full("checkpoint.h5.partial", [&] {
        checkpoint::CheckpointWriter writer(world(), model_.catalogue, disk_ / "checkpoint.h5",
                                            kResumingFile);
        write_all(writer);
    });
    expect_full("hf.partial/model.safetensors", [&] {
        checkpoint::HuggingFaceWriter writer(world(), model_.catalogue, disk_ / "hf", {},
                                             kResumingFile);
    });
}

}  // namespace
}  // namespace alphaprune::test
