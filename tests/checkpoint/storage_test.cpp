#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "alphaprune/checkpoint/checkpoint_reader.hpp"
#include "alphaprune/checkpoint/verification.hpp"
#include "alphaprune/model/matrix_slices.hpp"
#include "alphaprune/support/checksum.hpp"
#include "alphaprune/support/error.hpp"
#include "checkpoint/folders.hpp"
#include "support/world.hpp"

namespace alphaprune::test {
namespace {

namespace fs = std::filesystem;
using checkpoint::Storage;

/// Of the matrices about every other value zero, some −0, some rows without any zero, some all
/// zero.
model::RowSource with_zeros(const model::Catalogue& model) {
    return [source = rows_of_folder(model)](const model::TensorInfo& tensor,
                                            parallel::RowRange rows, std::span<std::byte> out) {
        source(tensor, rows, out);
        const std::size_t size = support::size_of(tensor.scalar_type());
        const auto cols = static_cast<std::size_t>(tensor.row_length());
        for (std::size_t i = 0; tensor.matrix >= 0 && i < out.size() / size; ++i) {
            const std::size_t row = static_cast<std::size_t>(rows.begin) + i / cols;
            const std::size_t kind = (i % cols * 2654435761U + row * 40503U) >> 7 & 7;
            if (row % 5 == 1 || (row % 5 != 2 && kind < 4)) {
                std::memset(out.data() + i * size, 0, size);
            }
            if (row % 5 == 3 && kind == 4) {  // −0 is a value
                std::memset(out.data() + i * size, 0, size);
                out[i * size + size - 1] = std::byte{0x80};
            }
        }
    };
}

/// Summaries by the definition, of rows from a source.
std::vector<checkpoint::TensorSummary> summaries_of(const model::Catalogue& model,
                                                    const model::RowSource& source) {
    std::vector<checkpoint::TensorSummary> summaries;
    for (const model::TensorInfo& tensor : model.tensors) {
        std::vector<std::byte> bytes(tensor.bytes());
        source(tensor, {0, tensor.rows()}, bytes);
        summaries.push_back(summarize(tensor, bytes, 0));
    }
    return summaries;
}

void write_stored(const parallel::Communicator& ranks, const model::Catalogue& model,
                  const fs::path& file, Storage storage) {
    const model::RowSource source = with_zeros(model);
    checkpoint::CheckpointWriter writer(ranks, model, file,
                                        {.created = "then", .storage = storage});
    copy_rows(ranks, model, source, writer);
    writer.finish(summaries_of(model, source));
}

void write_stored_folder(const parallel::Communicator& ranks, const model::Catalogue& model,
                         const model::RowSource& source, const fs::path& folder, Storage storage) {
    checkpoint::HuggingFaceWriter writer(ranks, model, folder, {{"made_by", "a test"}},
                                         {.storage = storage}, model.bytes() / 3);
    copy_rows(ranks, model, source, writer);
    writer.finish();
}

class StoredModel : public testing::TestWithParam<const char*> {
  protected:
    SharedFolder folder_{world()};
    model::Catalogue model_ =
        model::read_catalogue(kRoot / "tests/data/models" / std::string(GetParam()));
};

INSTANTIATE_TEST_SUITE_P(Models, StoredModel,
                         testing::Values("tiny-llama3", "tiny-opt", "tiny-gpt2", "tiny-phi3",
                                         "tiny-qwen3_moe-fused"));

TEST_P(StoredModel, HasTheSameBytesOnAnyNumberOfRanksAndIsSound) {
    for (int ranks = 1; ranks <= world().size(); ++ranks) {
        const bool takes_part = world().rank() < ranks;
        const parallel::Communicator some = world().split(takes_part ? 0 : 1, world().rank());
        if (takes_part) {
            const std::string name = std::to_string(ranks);
            write_stored(some, model_, folder_ / (name + ".h5"), Storage::bitmask);
            write_stored_folder(some, model_, with_zeros(model_), folder_ / name, Storage::bitmask);
        }
        world().barrier();
        EXPECT_TRUE(contents(folder_ / (std::to_string(ranks) + ".h5")) ==
                    contents(folder_ / "1.h5"));
        EXPECT_TRUE(files_in(folder_ / std::to_string(ranks)) == files_in(folder_ / "1"));
    }
    const auto found = checkpoint::verify_checkpoint(world(), folder_ / "1.h5", {});
    EXPECT_TRUE(found.problems.empty()) << found.problems.front();
    EXPECT_EQ(found.bytes, model_.bytes());
}

TEST_P(StoredModel, ComesBackBitForBit) {
    const fs::path dense = folder_ / "dense";
    write_stored_folder(world(), model_, with_zeros(model_), dense, Storage::dense);
    write_stored_folder(world(), model_, with_zeros(model_), folder_ / "masked", Storage::bitmask);
    write_stored(world(), model_, folder_ / "masked.h5", Storage::bitmask);
    const auto expected = files_in(dense);
    const auto expect_same = [&](const model::Catalogue& stored, const std::string& name) {
        const auto masked = std::ranges::count_if(
            stored.tensors, [](const model::TensorInfo& tensor) { return bool{tensor.bitmask}; });
        EXPECT_GT(masked, 0) << name;
        write_stored_folder(world(), stored, rows_of_folder(stored), folder_ / name,
                            Storage::dense);
        EXPECT_TRUE(files_in(folder_ / name) == expected) << name;
        world().barrier();
    };
    expect_same(model::deserialize_catalogue(
                    model::serialize(checkpoint::catalogue_of_checkpoint(folder_ / "masked.h5"))),
                "from-checkpoint");
    const model::Catalogue read = model::read_catalogue(folder_ / "masked");
    EXPECT_EQ(read.warnings, model::read_catalogue(dense).warnings);
    expect_same(read, "from-folder");
}

/// Rows and columns as linear algebra asks for them, and rows of experts.
TEST_P(StoredModel, GivesAnyPart) {
    write_stored(world(), model_, folder_ / "masked.h5", Storage::bitmask);
    const model::Catalogue stored = checkpoint::catalogue_of_checkpoint(folder_ / "masked.h5");
    const model::RowSource source = with_zeros(model_);
    model::WeightReader reader(stored);
    for (std::size_t t = 0; t < stored.tensors.size(); ++t) {
        if (!stored.tensors[t].bitmask) {
            continue;
        }
        std::vector<std::byte> whole(model_.tensors[t].bytes());
        source(model_.tensors[t], {0, model_.tensors[t].rows()}, whole);
        const std::size_t size = support::size_of(stored.tensors[t].scalar_type());
        for (const model::TensorInfo& tensor :
             {stored.tensors[t], model::as_matrix_rows(stored.tensors[t])}) {
            const std::int64_t rows = tensor.rows();
            const std::int64_t cols = tensor.row_length();
            for (const linalg::Rectangle& part :
                 {linalg::Rectangle{rows / 3, rows, cols / 4, cols / 2 + 1},
                  linalg::Rectangle{rows - 1, rows, 0, cols},
                  linalg::Rectangle{rows / 2, rows, cols - 1, cols},
                  linalg::Rectangle{rows / 2, rows / 2, 0, cols}}) {
                std::vector<std::byte> out(static_cast<std::size_t>(part.size()) * size);
                reader.read_part(tensor, part, out);
                std::vector<std::byte> expected;
                for (std::int64_t row = part.row_begin; row < part.row_end; ++row) {
                    const auto first = static_cast<std::size_t>(row * cols + part.col_begin) * size;
                    const auto bytes = std::span(whole).subspan(
                        first, static_cast<std::size_t>(part.cols()) * size);
                    expected.insert(expected.end(), bytes.begin(), bytes.end());
                }
                EXPECT_TRUE(out == expected) << tensor.name;
            }
        }
    }
}

/// Masks and tensors without of odd sizes come before values of two bytes and offsets of eight.
TEST(OddSizes, BeginAtMultiplesOfTheirValues) {
    std::vector<model::TensorInfo> tensors;
    const auto add = [&](const char* name, support::StoredType type,
                         std::vector<std::int64_t> shape) {
        model::TensorInfo& tensor = tensors.emplace_back();
        tensor.name = name;
        tensor.type = type;
        tensor.shape = std::move(shape);
    };
    add("model.layers.0.a.weight", support::ScalarType::bfloat16, {3, 5});
    add("model.layers.0.b.weight", support::ScalarType::bfloat16, {37, 9});
    add("flags", support::StoredType("U8"), {3});
    add("norm", support::ScalarType::bfloat16, {5});
    add("scales", support::ScalarType::float32, {3});
    model::Catalogue model =
        model::make_catalogue("nowhere/odd", "odd", "{\"model_type\": \"odd\"}\n", tensors);
    model.auxiliary_files.emplace();
    ASSERT_EQ(model.matrices.size(), 2U);
    const model::RowSource source = [](const model::TensorInfo& tensor, parallel::RowRange rows,
                                       std::span<std::byte> out) {
        for (std::size_t i = 0; i < out.size(); ++i) {
            const std::size_t at = i + static_cast<std::size_t>(rows.begin) * tensor.row_bytes();
            out[i] = static_cast<std::byte>(at / 2 % 3 == 0 ? 0 : at * 7 + 1);
        }
    };
    const SharedFolder folder(world());
    checkpoint::HuggingFaceWriter writer(world(), model, folder / "odd", {},
                                         {.storage = Storage::bitmask});
    copy_rows(world(), model, source, writer);
    writer.finish();
    const model::Catalogue stored = model::read_catalogue(folder / "odd");
    ASSERT_EQ(stored.tensors.size(), model.tensors.size());
    model::WeightReader reader(stored);
    for (const model::TensorInfo& tensor : stored.tensors) {
        EXPECT_EQ(tensor.offset % (static_cast<std::uint64_t>(*tensor.type.bits()) / 8), 0U)
            << tensor.name;
        EXPECT_EQ(tensor.bitmask ? tensor.bitmask->rows_offset % 8 : 0, 0U) << tensor.name;
        std::vector<std::byte> expected(tensor.bytes());
        std::vector<std::byte> rows(tensor.bytes());
        source(tensor, {0, tensor.rows()}, expected);
        reader.read_rows(tensor, {0, tensor.rows()}, rows);
        EXPECT_TRUE(rows == expected) << tensor.name;
    }
}

/// Of any number of tensors that an attempt on other ranks has left, some damaged.
class Interrupted : public StoredModel {
  protected:
    const checkpoint::PartialFile partial_{
        .resume = true, .keep = true, .created = "then", .storage = Storage::bitmask};
    const model::RowSource source_ = with_zeros(model_);
    const std::vector<int> order_ = order_of_writing(model_);

    checkpoint::CheckpointWriter open_file(const parallel::Communicator& ranks) {
        return {ranks, model_, folder_ / "file.h5", partial_};
    }
    checkpoint::HuggingFaceWriter open_folder(const parallel::Communicator& ranks) {
        return {ranks,
                model_,
                folder_ / "folder",
                {{"made_by", "a test"}},
                partial_,
                model_.bytes() / 3};
    }

    /// The first ones in the order, by rank 0.
    template <class Writer>
    void write_first(std::size_t count, const parallel::Communicator& root, Writer writer) {
        for (std::size_t i = 0; i < count; ++i) {
            copy_tensor(root, model_, order_[i], source_, writer);
        }
    }

    /// What is read of the first ones is what was written, whoever reads.
    template <class Writer>
    void expect_first(std::size_t count, const Writer& writer) {
        for (std::size_t i = 0; i < count; ++i) {
            const model::TensorInfo& tensor = tensor_of(order_[i]);
            const auto mine = parallel::share_of(tensor.rows(), world().size(), world().rank());
            std::vector<std::byte> bytes(static_cast<std::size_t>(mine.size()) *
                                         tensor.row_bytes());
            source_(tensor, mine, bytes);
            std::vector<std::byte> back(bytes.size(), std::byte{1});
            writer.read_rows(order_[i], mine, back);
            EXPECT_TRUE(back == bytes) << tensor.name;
        }
    }

    /// All but those that stay. @return which do
    template <class Writer>
    std::vector<bool> write_rest(const std::vector<bool>& wanted, Writer& writer) {
        const std::vector<bool> kept = writer.keep(wanted);
        for (const int t : order_) {
            const model::TensorInfo& tensor = tensor_of(t);
            if (!kept[static_cast<std::size_t>(t)]) {
                copy_tensor(world(), model_, t, source_, writer);
            } else if constexpr (requires { writer.keep_rows(t, {0, 1}); }) {
                writer.keep_rows(t,
                                 parallel::share_of(tensor.rows(), world().size(), world().rank()));
            }
        }
        world().barrier();
        return kept;
    }

    const model::TensorInfo& tensor_of(int number) const {
        return model_.tensors[static_cast<std::size_t>(number)];
    }

    void expect_the_same_as_at_once() {
        write_stored(world(), model_, folder_ / "at-once.h5", Storage::bitmask);
        write_stored_folder(world(), model_, source_, folder_ / "at-once", Storage::bitmask);
        EXPECT_TRUE(contents(folder_ / "file.h5") == contents(folder_ / "at-once.h5"));
        EXPECT_TRUE(files_in(folder_ / "folder") == files_in(folder_ / "at-once"));
    }
};
INSTANTIATE_TEST_SUITE_P(Models, Interrupted, testing::Values("tiny-llama3", "tiny-phi3"));

/// Rows that an attempt on other ranks left are there, and the result is the same.
TEST_P(Interrupted, GoesOnFromTheRowsThatAreThere) {
    const std::size_t first = order_.size() / 3;
    const parallel::Communicator root = world().split(world().is_root() ? 0 : 1, 0);
    if (world().is_root()) {
        write_first(first, root, open_file(root));
        write_first(first, root, open_folder(root));
    }
    world().barrier();
    checkpoint::CheckpointWriter file = open_file(world());
    checkpoint::HuggingFaceWriter folder = open_folder(world());
    ASSERT_TRUE(file.resumed() && folder.resumed());
    expect_first(first, file);
    expect_first(first, folder);
    std::vector<bool> wanted(model_.tensors.size());
    for (std::size_t i = 0; i < first; ++i) {
        wanted[static_cast<std::size_t>(order_[i])] = true;
    }
    EXPECT_EQ(write_rest(wanted, file), wanted);
    EXPECT_EQ(write_rest(wanted, folder), wanted);
    file.finish(summaries_of(model_, source_));
    folder.finish();
    expect_the_same_as_at_once();
}

/// A finished output of another run is in the way: other values, so that all places differ.
TEST_P(Interrupted, KeepsNothingThatIsNotWanted) {
    {
        checkpoint::CheckpointWriter file = open_file(world());
        checkpoint::HuggingFaceWriter folder = open_folder(world());
        const model::RowSource dense = rows_of_folder(model_);
        copy_rows(world(), model_, dense, file);
        copy_rows(world(), model_, dense, folder);
        file.finish(summaries_of(model_, dense));
        folder.finish();
    }
    checkpoint::CheckpointWriter file = open_file(world());
    checkpoint::HuggingFaceWriter folder = open_folder(world());
    ASSERT_TRUE(file.resumed() && folder.resumed());
    copy_rows(world(), model_, source_, file);  // without keep()
    copy_rows(world(), model_, source_, folder);
    file.finish(summaries_of(model_, source_));
    folder.finish();
    expect_the_same_as_at_once();
}

/// Behind a tensor that does not stay none does; it may have other values than before.
TEST_P(Interrupted, KeepsWhatComesBeforeTheFirstThatIsNotWanted) {
    const std::size_t masked = checkpoint::masked_order(model_).size();
    ASSERT_GT(masked, 4U);
    const model::RowSource other = [&](const model::TensorInfo& tensor, parallel::RowRange rows,
                                       std::span<std::byte> out) {
        tensor.name == tensor_of(order_[2]).name ? rows_of_folder(model_)(tensor, rows, out)
                                                 : source_(tensor, rows, out);
    };
    {
        checkpoint::CheckpointWriter file = open_file(world());
        checkpoint::HuggingFaceWriter folder = open_folder(world());
        copy_rows(world(), model_, other, file);
        copy_rows(world(), model_, other, folder);
    }
    world().barrier();
    checkpoint::CheckpointWriter file = open_file(world());
    checkpoint::HuggingFaceWriter folder = open_folder(world());
    ASSERT_TRUE(file.resumed() && folder.resumed());
    std::vector<bool> wanted(model_.tensors.size(), true);
    wanted[static_cast<std::size_t>(order_[2])] = false;
    std::vector<bool> expected(model_.tensors.size(), true);
    for (std::size_t i = 2; i < masked; ++i) {
        expected[static_cast<std::size_t>(order_[i])] = false;
    }
    EXPECT_EQ(write_rest(wanted, file), expected);
    EXPECT_EQ(write_rest(wanted, folder), expected);
    file.finish(summaries_of(model_, source_));
    folder.finish();
    expect_the_same_as_at_once();
}

class Damaged : public StoredModel {};
INSTANTIATE_TEST_SUITE_P(Models, Damaged, testing::Values("tiny-llama3"));

/// Whatever byte of a masked tensor changes, it is noticed; nothing is read outside the file.
TEST_P(Damaged, IsNoticed) {
    write_stored(world(), model_, folder_ / "file.h5", Storage::bitmask);
    const model::Catalogue stored = checkpoint::catalogue_of_checkpoint(folder_ / "file.h5");
    const std::vector<char> whole = contents(folder_ / "file.h5");
    const auto found = std::ranges::find_if(
        stored.tensors, [](const model::TensorInfo& tensor) { return bool{tensor.bitmask}; });
    ASSERT_NE(found, stored.tensors.end());
    const std::uint64_t places[] = {found->bitmask->mask_offset + 5,
                                    found->bitmask->rows_offset + 9,
                                    found->bitmask->rows_offset + 15, found->offset + 11};
    for (const std::uint64_t place : places) {
        world().barrier();
        if (world().is_root()) {
            std::vector<char> bytes = whole;
            bytes[place] = static_cast<char>(bytes[place] ^ 0x40);
            replace_contents(folder_ / "file.h5", bytes);
        }
        world().barrier();
        // A row offset matters where a rank begins in the middle.
        model::WeightReader reader(stored);
        bool noticed =
            !checkpoint::verify_checkpoint(world(), folder_ / "file.h5", {}).problems.empty();
        std::vector<std::byte> rows(found->row_bytes() * 2);
        std::vector<std::byte> expected(rows.size());
        with_zeros(model_)(
            *std::ranges::find(model_.tensors, found->name, &model::TensorInfo::name), {17, 19},
            expected);
        try {
            reader.read_rows(*found, {17, 19}, rows);
            noticed = noticed || rows != expected;
        } catch (const support::Error&) {
            noticed = true;
        }
        EXPECT_TRUE(noticed) << place;
    }
}

}  // namespace
}  // namespace alphaprune::test
