#include "alphaprune/checkpoint/checkpoint_writer.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "alphaprune/checkpoint/checkpoint_reader.hpp"
#include "alphaprune/support/error.hpp"
#include "checkpoint/sample_checkpoint.hpp"
#include "checkpoint/short_files.hpp"
#include "support/world.hpp"

namespace alphaprune::test {
namespace {

namespace fs = std::filesystem;

fs::path partial(const fs::path& path) {
    return path.string() + ".partial";
}

std::string error_of(const std::function<void()>& action) {
    try {
        action();
    } catch (const support::Error& error) {
        EXPECT_TRUE(error.agreed());
        return error.what();
    }
    return "no error";
}

TEST(CheckpointWriter, WhatIsWrittenIsReadBackBitByBit) {
    const SharedFolder folder(world());
    const SampleModel model = sample_model();
    write_sample(world(), model, folder / "checkpoint.h5");
    EXPECT_FALSE(fs::exists(partial(folder / "checkpoint.h5")));

    const checkpoint::CheckpointReader reader(folder / "checkpoint.h5");
    EXPECT_EQ(reader.model_name(), "sample");
    EXPECT_EQ(reader.configuration_text(), model.catalogue.configuration_text);
    EXPECT_EQ(reader.declared_tensors(), 12);
    ASSERT_EQ(reader.tensors().size(), 12U);
    for (const auto& tensor : reader.tensors()) {
        SCOPED_TRACE(tensor.name);
        const int index = model.index_of(tensor.name);
        ASSERT_GE(index, 0);
        const auto t = static_cast<std::size_t>(index);
        EXPECT_EQ(tensor.type, model.catalogue.tensors[t].type);
        EXPECT_EQ(tensor.shape, model.catalogue.tensors[t].shape);
        EXPECT_EQ(tensor.summary.checksum, model.summaries[t].checksum);
        EXPECT_EQ(tensor.summary.zeros, model.summaries[t].zeros);
        EXPECT_EQ(tensor.summary.sparsity_ratio, model.summaries[t].sparsity_ratio);
        const auto values =
            static_cast<double>(model.bytes[t].size() / support::size_of(tensor.scalar_type()));
        EXPECT_EQ(tensor.sparsity,
                  values == 0 ? 0.0 : static_cast<double>(model.summaries[t].zeros) / values);
        std::vector<std::byte> bytes(model.bytes[t].size());
        reader.read_rows(tensor, {0, tensor.rows()}, bytes);
        EXPECT_EQ(bytes, model.bytes[t]);
    }
}

TEST(CheckpointWriter, SpectraAndMetricsAreReadBack) {
    const SharedFolder folder(world());
    const SampleModel model = sample_model();
    write_sample(world(), model, folder / "checkpoint.h5");
    const checkpoint::CheckpointReader reader(folder / "checkpoint.h5");
    EXPECT_EQ(reader.spectrum("model.layers.0.self_attn.q_proj.weight"), model.eigenvalues[0]);
    EXPECT_EQ(reader.spectrum("model.layers.0.mlp.up_proj.weight"), model.eigenvalues[1]);
    EXPECT_EQ(reader.spectrum("model.layers.1.self_attn.q_proj.weight"), std::nullopt);
    EXPECT_EQ(reader.spectrum("no/such"), std::nullopt);
    EXPECT_EQ(reader.metric("alpha_mid"), model.alphas);
    EXPECT_EQ(reader.metric("alpha_peak"), std::nullopt);
}

TEST(CheckpointWriter, TheBytesOfTheFileDoNotDependOnTheNumberOfRanks) {
    ::setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
    const SharedFolder folder(world());
    const SampleModel model = sample_model();
    for (int ranks = 1; ranks <= world().size(); ++ranks) {
        const bool takes_part = world().rank() < ranks;
        const parallel::Communicator some = world().split(takes_part ? 0 : 1, world().rank());
        if (takes_part) {
            write_sample(some, model, folder / std::to_string(ranks));
        }
        world().barrier();
        const auto whole = contents(folder / std::to_string(ranks));
        EXPECT_GT(whole.size(), 1000U);
        EXPECT_TRUE(whole == contents(folder / "1")) << ranks << " ranks";
    }
    ::unsetenv("SOURCE_DATE_EPOCH");
}

TEST(CheckpointWriter, RowsMayComeInAnyOrderAndAnyPieces) {
    ::setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
    const SharedFolder folder(world());
    const SampleModel model = sample_model();
    write_sample(world(), model, folder / "in-order");
    {
        checkpoint::CheckpointWriter writer(world(), model.catalogue, folder / "backwards");
        for (int t = static_cast<int>(model.bytes.size()) - 1; t >= 0; --t) {
            const auto at = static_cast<std::size_t>(t);
            const model::TensorInfo& tensor = model.catalogue.tensors[at];
            for (std::int64_t row = tensor.rows() - 1; row >= 0; --row) {
                if ((row + t) % world().size() == world().rank()) {
                    writer.write_rows(
                        t, {row, row + 1},
                        std::span(model.bytes[at])
                            .subspan(static_cast<std::size_t>(row) * tensor.row_bytes(),
                                     tensor.row_bytes()));
                }
            }
        }
        auto eigenvalues = model.eigenvalues;
        if (!world().is_root()) {
            eigenvalues.assign(3, {});
        }
        writer.write_spectra(eigenvalues);
        writer.write_metric(spectrum::Metric::alpha_mid, model.alphas);
        writer.finish(model.summaries);
    }
    EXPECT_TRUE(contents(folder / "in-order") == contents(folder / "backwards"));
    ::unsetenv("SOURCE_DATE_EPOCH");
}

TEST(CheckpointWriter, AnUnfinishedFileDisappears) {
    const SharedFolder folder(world());
    const SampleModel model = sample_model();
    {
        checkpoint::CheckpointWriter writer(world(), model.catalogue, folder / "checkpoint.h5");
        write_rows_of(world(), model, writer);
        EXPECT_TRUE(fs::exists(partial(folder / "checkpoint.h5")));
        world().barrier();
    }
    world().barrier();
    EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(CheckpointWriter, AFileOfAnEarlierRunIsKeptUntilTheNewOneIsWhole) {
    const SharedFolder folder(world());
    const SampleModel model = sample_model();
    write_sample(world(), model, folder / "checkpoint.h5");
    const auto before = contents(folder / "checkpoint.h5");
    {
        const checkpoint::CheckpointWriter writer(world(), model.catalogue,
                                                  folder / "checkpoint.h5");
    }
    world().barrier();
    EXPECT_TRUE(contents(folder / "checkpoint.h5") == before);
}

TEST(CheckpointWriter, AFailedWriteIsAnErrorOnThatRankAndHoldsNobodyUp) {
    const SharedFolder folder(world());
    const SampleModel model = sample_model();
    const std::string text = error_of([&] {
        checkpoint::CheckpointWriter writer(world(), model.catalogue, folder / "checkpoint.h5");
        fail_on_the_last_rank([&] { writer.write_rows(0, {0, 7}, model.bytes[0]); });
    });
    EXPECT_NE(text.find("writing rows 0 to 6 failed"), std::string::npos) << text;
    EXPECT_NE(text.find("checkpoint.h5.partial: /tensors/model.embed_tokens.weight"),
              std::string::npos)
        << text;
    world().barrier();
    EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(CheckpointWriter, AFolderThatDoesNotExistIsNamedOnEveryRank) {
    const SharedFolder folder(world());
    const SampleModel model = sample_model();
    const std::string text = error_of([&] {
        const checkpoint::CheckpointWriter writer(world(), model.catalogue,
                                                  folder / "absent/checkpoint.h5");
    });
    EXPECT_NE(text.find("No such file or directory"), std::string::npos) << text;
    EXPECT_NE(text.find("absent/checkpoint.h5.partial"), std::string::npos) << text;
}

TEST(CheckpointWriter, NamesThatHdf5WouldTakeForPathsAreRefused) {
    const SharedFolder folder(world());
    for (const std::string& name :
         {std::string("a/b"), std::string("."), std::string(), std::string("zero\0byte", 9)}) {
        SampleModel model = sample_model();
        model.catalogue.tensors[4].name = name;
        const std::string text = error_of([&] {
            const checkpoint::CheckpointWriter writer(world(), model.catalogue,
                                                      folder / "checkpoint.h5");
        });
        EXPECT_NE(text.find("cannot be a name in an HDF5 file"), std::string::npos) << text;
        EXPECT_NE(text.find("/models/sample"), std::string::npos) << text;
    }
    EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(CheckpointWriter, NamesWithDotsAndSpacesAndLettersAreKept) {
    const SharedFolder folder(world());
    SampleModel model = sample_model();
    model.catalogue.tensors[4].name = "..";
    model.catalogue.tensors[5].name = "x .y…\\z";
    write_sample(world(), model, folder / "checkpoint.h5");
    const checkpoint::CheckpointReader reader(folder / "checkpoint.h5");
    for (const auto& tensor : reader.tensors()) {
        const int index = model.index_of(tensor.name);
        ASSERT_GE(index, 0) << tensor.name;
        const auto& expected = model.bytes[static_cast<std::size_t>(index)];
        std::vector<std::byte> bytes(expected.size());
        reader.read_rows(tensor, {0, tensor.rows()}, bytes);
        EXPECT_EQ(bytes, expected) << tensor.name;
    }
}

TEST(CheckpointWriter, AModelWithoutMatricesAndConfigurationIsWritten) {
    const SharedFolder folder(world());
    SampleModel model = sample_model();
    model.catalogue.matrices.clear();
    model.catalogue.configuration_text.clear();
    model.catalogue.model_name.clear();
    model.eigenvalues.clear();
    model.alphas.clear();
    write_sample(world(), model, folder / "checkpoint.h5");
    const checkpoint::CheckpointReader reader(folder / "checkpoint.h5");
    EXPECT_EQ(reader.configuration_text(), "");
    EXPECT_EQ(reader.model_name(), "");
    EXPECT_EQ(reader.metric("alpha_mid"), std::vector<double>{});
}

}  // namespace
}  // namespace alphaprune::test
