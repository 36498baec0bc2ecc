#include "alphaprune/checkpoint/checkpoint_reader.hpp"

#include <gtest/gtest.h>

#include "alphaprune/support/error.hpp"
#include "checkpoint/sample_checkpoint.hpp"
#include "checkpoint/tamper.hpp"
#include "support/model_folder.hpp"
#include "support/world.hpp"

namespace alphaprune::test {
namespace {

constexpr const char* kFinalNorm = "/tensors/model.norm.weight";

class CheckpointReaderTest : public testing::Test {
  protected:
    CheckpointReaderTest() { write_sample(world(), model_, path_); }

    /// Opening must fail, as a matter of the input, with all of these words.
    void expect_refusal(const std::vector<std::string>& words) const {
        try {
            const checkpoint::CheckpointReader reader(path_);
            ADD_FAILURE() << "opened";
        } catch (const support::Error& error) {
            EXPECT_EQ(error.status(), support::ExitStatus::bad_request);
            const std::string text = error.what();
            EXPECT_NE(text.find(path_.string()), std::string::npos) << text;
            EXPECT_NE(text.find("remedy:"), std::string::npos) << text;
            for (const std::string& word : words) {
                EXPECT_NE(text.find(word), std::string::npos) << text;
            }
        }
    }

    TemporaryFolder folder_;
    std::filesystem::path path_ = folder_ / "checkpoint.h5";
    SampleModel model_ = sample_model();
};

TEST_F(CheckpointReaderTest, ReadsAnyRangeOfRows) {
    const checkpoint::CheckpointReader reader(path_);
    for (const auto& tensor : reader.tensors()) {
        const auto& all = model_.bytes[static_cast<std::size_t>(model_.index_of(tensor.name))];
        for (std::int64_t begin = 0; begin < tensor.rows(); ++begin) {
            for (std::int64_t end = begin; end <= tensor.rows(); ++end) {
                const auto size = static_cast<std::size_t>(end - begin) * tensor.row_bytes();
                const auto first = static_cast<std::ptrdiff_t>(static_cast<std::uint64_t>(begin) *
                                                               tensor.row_bytes());
                std::vector<std::byte> bytes(size);
                reader.read_rows(tensor, {begin, end}, bytes);
                EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), all.begin() + first))
                    << tensor.name << " rows " << begin << " to " << end;
            }
        }
    }
}

TEST_F(CheckpointReaderTest, TensorsComeByName) {
    const checkpoint::CheckpointReader reader(path_);
    EXPECT_TRUE(std::is_sorted(reader.tensors().begin(), reader.tensors().end(),
                               [](const auto& a, const auto& b) { return a.name < b.name; }));
}

TEST_F(CheckpointReaderTest, RefusesWhatIsNoHdf5File) {
    write_file(path_, std::string("certainly not an HDF5 file"));
    expect_refusal({"not an HDF5 file"});
    write_file(path_, std::string());
    expect_refusal({"not an HDF5 file"});
    std::filesystem::remove(path_);
    expect_refusal({"No such file or directory"});
    std::filesystem::create_directory(path_);
    expect_refusal({"not a regular file"});
}

TEST_F(CheckpointReaderTest, RefusesATruncatedFileOfAnyLength) {
    const auto whole = contents(path_);
    for (std::size_t size = 8; size < whole.size(); size += 61) {
        replace_contents(path_, {whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)});
        expect_refusal({"opening the checkpoint failed"});
    }
    replace_contents(path_, {whole.begin(), whole.end() - 1});
    expect_refusal({"truncated file"});
}

TEST_F(CheckpointReaderTest, RefusesAnHdf5FileOfAnotherProgram) {
    make_empty_hdf5_file(path_);
    expect_refusal({"not a checkpoint of this program"});
}

TEST_F(CheckpointReaderTest, RefusesAnotherVersion) {
    set_attribute(path_, "/", "version", 3);
    expect_refusal({"version 3", "reads versions 1 and 2"});
}

TEST_F(CheckpointReaderTest, RefusesAnIncompleteCheckpoint) {
    set_attribute(path_, "/", "complete", 0);
    expect_refusal({"not complete"});
    remove_attribute(path_, "/", "complete");
    expect_refusal({"not complete"});
}

TEST_F(CheckpointReaderTest, NamesTheAttributeThatIsMissing) {
    remove_attribute(path_, kFinalNorm, "zeros");
    expect_refusal({"'zeros' is missing", kFinalNorm});
}

TEST_F(CheckpointReaderTest, NamesTheAttributeThatIsOfAnotherKind) {
    widen_attribute(path_, kFinalNorm, "sparsity", 1000);
    expect_refusal({"'sparsity' is not of the kind expected", kFinalNorm});
}

TEST_F(CheckpointReaderTest, NamesTheGroupThatIsMissing) {
    remove_link(path_, "/tensors");
    expect_refusal({"'tensors' is missing"});
}

TEST_F(CheckpointReaderTest, RefusesDatasetsOfAnotherLayout) {
    add_integers(path_, "/tensors/stranger", true);
    expect_refusal({"/tensors/stranger", "not stored as one piece"});
}

TEST_F(CheckpointReaderTest, RefusesLinksOutOfTheFile) {
    add_external_link(path_, "/tensors/stranger");
    expect_refusal({"/tensors"});
}

TEST_F(CheckpointReaderTest, DoesNotReadAnotherFileInstead) {
    const auto elsewhere = path_.parent_path() / "elsewhere.h5";
    for (const char* object : {"/tensors", "/model/config.json", "/metrics/alpha_mid"}) {
        write_sample(world(), sample_model(), path_);
        std::filesystem::copy_file(path_, elsewhere,
                                   std::filesystem::copy_options::overwrite_existing);
        rename_link(elsewhere, object, "/x");
        remove_link(path_, object);
        add_external_link(path_, object);
        try {
            checkpoint::CheckpointReader(path_).metric("alpha_mid");
            ADD_FAILURE() << object << " was read";
        } catch (const support::Error& error) {
            EXPECT_NE(std::string(error.what()).find("a link to another object or file"),
                      std::string::npos)
                << error.what();
        }
    }
}

TEST_F(CheckpointReaderTest, RefusesNumbersOfAnotherWidth) {
    narrow_attribute(path_, kFinalNorm, "position");
    expect_refusal({"'position' is not of the kind expected", kFinalNorm});
}

TEST_F(CheckpointReaderTest, RefusesAGroupThatIsNoTensorWithAMask) {
    rename_link(path_, "/spectra", "/tensors/spectra");
    expect_refusal({"the attribute 'dtype' is missing", "/tensors/spectra"});
}

TEST_F(CheckpointReaderTest, RefusesTensorsOfAnotherType) {
    remove_link(path_, kFinalNorm);
    rename_link(path_, "/model/config.json", kFinalNorm);
    expect_refusal({"/model/config.json"});
}

TEST_F(CheckpointReaderTest, SaysWhichTensorHasAForeignType) {
    add_integers(path_, "/tensors/numbers", false);
    expect_refusal({"/tensors/numbers", "not of type F32, F16 or BF16"});
}

}  // namespace
}  // namespace alphaprune::test
