#include <gtest/gtest.h>

#include <algorithm>

#include "alphaprune/checkpoint/checkpoint_writer.hpp"
#include "alphaprune/support/error.hpp"
#include "checkpoint/sample_checkpoint.hpp"
#include "checkpoint/tamper.hpp"
#include "support/some_ranks.hpp"
#include "support/world.hpp"

namespace alphaprune::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFirstRun = "2024-01-31T12:00:00Z";

/// Runs that are interrupted and resumed by the first ranks of the world, a different number each
/// time, against a file that was written in one go.
class Resume : public testing::Test {
  protected:
    Resume() {
        on_root([&] {
            const parallel::Communicator self = parallel::view(MPI_COMM_SELF);
            checkpoint::CheckpointWriter writer(self, model_.catalogue, folder_ / "whole.h5",
                                                {.created = kFirstRun});
            write_rows_of(self, model_, writer);
            writer.write_spectra(model_.eigenvalues);
            writer.write_metric(spectrum::Metric::alpha_mid, model_.alphas);
            writer.finish(model_.summaries);
        });
        whole_ = contents(folder_ / "whole.h5");
    }

    static checkpoint::PartialFile resuming() {
        return {.resume = true, .keep = true, .created = kFirstRun};
    }
    void write_tensors(const parallel::Communicator& ranks, checkpoint::CheckpointWriter& writer,
                       std::size_t begin, std::size_t end) const {
        for (std::size_t t = begin; t < end; ++t) {
            const model::TensorInfo& tensor = model_.catalogue.tensors[t];
            const parallel::RowRange mine =
                parallel::share_of(tensor.rows(), ranks.size(), ranks.rank());
            writer.write_rows(static_cast<int>(t), mine, bytes_of(model_, t, mine));
        }
        writer.sync_rows();
    }
    void write_rest(const parallel::Communicator& ranks,
                    checkpoint::CheckpointWriter& writer) const {
        auto eigenvalues = model_.eigenvalues;
        if (!ranks.is_root()) {
            eigenvalues.assign(3, {});
        }
        writer.write_spectra(eigenvalues);
        writer.write_metric(spectrum::Metric::alpha_mid, model_.alphas);
    }
    /// A run that ends after the tensors before `end`. @param spectra  whether it comes that far
    void interrupt(int ranks, std::size_t end, bool spectra = false) const {
        on_ranks(ranks, [&](const parallel::Communicator& some) {
            checkpoint::CheckpointWriter writer(some, model_.catalogue, path_, resuming());
            write_tensors(some, writer, 0, end);
            if (spectra) {
                write_rest(some, writer);
            }
            some.barrier();
        });
        EXPECT_TRUE(fs::exists(partial_));
        EXPECT_FALSE(fs::exists(path_));
    }
    /// A run that writes the tensors from `begin` on and completes the file.
    void complete(int ranks, std::size_t begin, bool resumed = true) const {
        on_ranks(ranks, [&](const parallel::Communicator& some) {
            checkpoint::CheckpointWriter writer(some, model_.catalogue, path_, resuming());
            EXPECT_EQ(writer.resumed(), resumed);
            write_tensors(some, writer, begin, tensors_);
            write_rest(some, writer);
            writer.finish(model_.summaries);
        });
        EXPECT_TRUE(contents(path_) == whole_);
        EXPECT_FALSE(fs::exists(partial_));
    }

    SharedFolder folder_{world()};
    SampleModel model_ = sample_model();
    fs::path path_ = folder_ / "checkpoint.h5";
    fs::path partial_ = folder_ / "checkpoint.h5.partial";
    std::size_t tensors_ = model_.bytes.size();
    std::vector<char> whole_;
};

TEST_F(Resume, TheBytesAreThoseOfOneRunWhereverItIsInterrupted) {
    EXPECT_GT(whole_.size(), 1000U);
    for (const bool spectra : {false, true}) {
        for (std::size_t done = 0; done <= tensors_; ++done) {
            interrupt(world().size(), done, spectra);
            complete(1 + static_cast<int>(done) % world().size(), done);
        }
    }
}

TEST_F(Resume, OnceAndAgain) {
    interrupt(1, 2);
    on_ranks(world().size(), [&](const parallel::Communicator& some) {
        checkpoint::CheckpointWriter writer(some, model_.catalogue, path_, resuming());
        write_tensors(some, writer, 2, 5);
        write_rest(some, writer);
        some.barrier();
    });
    interrupt(world().size(), 0);
    complete(world().size(), 5);
}

TEST_F(Resume, NothingOutsideTheRowsIsTrusted) {
    interrupt(world().size(), tensors_, true);
    on_root([&] {
        std::vector<char> garbage(whole_.size() + 100'000, '\xa5');
        const auto before = contents(partial_);
        for (std::size_t t = 0; t < tensors_; ++t) {
            if (const auto bytes = static_cast<std::ptrdiff_t>(model_.bytes[t].size()); bytes > 0) {
                const auto first = static_cast<std::ptrdiff_t>(offset_of(
                    folder_ / "whole.h5", "/tensors/" + model_.catalogue.tensors[t].name));
                std::copy_n(before.begin() + first, bytes, garbage.begin() + first);
            }
        }
        replace_contents(partial_, garbage);
    });
    complete(world().size(), tensors_);
}

TEST_F(Resume, RowsAreReadBackFromWhatWasLeft) {
    interrupt(world().size(), 5);
    const checkpoint::CheckpointWriter writer(world(), model_.catalogue, path_, resuming());
    for (std::size_t t = 0; t < 5; ++t) {
        const std::int64_t rows = model_.catalogue.tensors[t].rows();
        for (const parallel::RowRange part :
             {parallel::RowRange{0, rows}, parallel::RowRange{rows / 2, rows},
              parallel::RowRange{0, 0}}) {
            const auto expected = bytes_of(model_, t, part);
            std::vector<std::byte> bytes(expected.size());
            writer.read_rows(static_cast<int>(t), part, bytes);
            EXPECT_TRUE(std::ranges::equal(bytes, expected)) << t;
        }
    }
}

TEST_F(Resume, AFileThatIsGoneIsNamedWithTheRows) {
    const checkpoint::CheckpointWriter writer(world(), model_.catalogue, path_, {});
    on_root([&] { fs::remove(partial_); });
    std::vector<std::byte> bytes(model_.bytes[0].size());
    try {
        writer.read_rows(0, {0, 7}, bytes);
        ADD_FAILURE() << "the rows were read";
    } catch (const support::Error& error) {
        const std::string text = error.what();
        EXPECT_EQ(error.status(), support::ExitStatus::failed);
        EXPECT_NE(text.find("reading rows 0 to 6 failed"), std::string::npos) << text;
        EXPECT_NE(text.find(partial_.string() + ": /tensors/model.embed_tokens.weight"),
                  std::string::npos)
            << text;
    }
}

TEST_F(Resume, AFileThatWasCutIsExtended) {
    interrupt(world().size(), 3);
    on_root([&] { fs::resize_file(partial_, 10); });
    complete(world().size(), 0);
}

TEST_F(Resume, APublishedFileIsTakenBack) {
    interrupt(world().size(), tensors_);
    complete(world().size(), tensors_);
    interrupt(world().size(), 0);
    complete(1, tensors_);
}

TEST_F(Resume, WhereThereIsNothingTheRunBeginsAnew) {
    complete(world().size(), 0, false);
}

TEST_F(Resume, WhatIsNoPlainFileIsNotTakenOver) {
    on_root([&] {
        replace_contents(folder_ / "precious", {'m', 'i', 'n', 'e'});
        fs::create_symlink(folder_ / "precious", partial_);
    });
    complete(world().size(), 0, false);
    EXPECT_EQ(contents(folder_ / "precious").size(), 4U);
    on_root([&] {
        fs::remove(path_);
        fs::create_symlink(folder_ / "precious", path_);  // nor taken back
    });
    complete(world().size(), 0, false);
    EXPECT_EQ(contents(folder_ / "precious").size(), 4U);
    on_root([&] { fs::create_directory(partial_); });
    complete(world().size(), 0, false);
}

TEST_F(Resume, WithoutBeingKeptAFileTakenOverGoesToo) {
    interrupt(world().size(), 3);
    {
        const checkpoint::CheckpointWriter writer(world(), model_.catalogue, path_,
                                                  {.resume = true});
    }
    world().barrier();
    EXPECT_FALSE(fs::exists(partial_));
}

TEST_F(Resume, AFileIsOnlyTakenOverWhenThatIsAskedFor) {
    interrupt(world().size(), 3);
    const checkpoint::CheckpointWriter writer(world(), model_.catalogue, path_, {.keep = true});
    EXPECT_FALSE(writer.resumed());
    std::vector<std::byte> bytes(model_.bytes[0].size(), std::byte{7});
    writer.read_rows(0, {0, 7}, bytes);
    EXPECT_EQ(bytes, std::vector<std::byte>(bytes.size()));
}

}  // namespace
}  // namespace alphaprune::test
