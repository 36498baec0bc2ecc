#include "alphaprune/checkpoint/verification.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <span>

#include "alphaprune/support/error.hpp"
#include "checkpoint/sample_checkpoint.hpp"
#include "checkpoint/tamper.hpp"
#include "support/world.hpp"

namespace alphaprune::test {
namespace {

using Lines = std::vector<std::string>;

constexpr const char* kQuery = "/tensors/model.layers.0.self_attn.q_proj.weight";

std::vector<checkpoint::ExpectedMatrix> expected_of(const SampleModel& model) {
    std::vector<checkpoint::ExpectedMatrix> expected;
    for (const model::MatrixInfo& matrix : model.catalogue.matrices) {
        const checkpoint::TensorSummary& summary =
            model.summaries[static_cast<std::size_t>(matrix.tensor)];
        expected.push_back({model.catalogue.name_of(matrix), matrix.rows, matrix.cols,
                            summary.zeros, summary.sparsity_ratio});
    }
    return expected;
}

/// A checkpoint that rank 0 may change before all verify it.
class VerificationTest : public testing::Test {
  protected:
    void write() { write_sample(world(), model_, path_); }

    template <class Change>
    void tamper(Change&& change) {
        world().barrier();
        if (world().is_root()) {
            EXPECT_NO_THROW(change());
        }
        world().barrier();
    }

    /// The problems, the same on every rank.
    Lines problems(const std::vector<checkpoint::ExpectedMatrix>& expected = {}) const {
        Lines lines = checkpoint::verify_checkpoint(world(), path_, expected).problems;
        std::string mine;
        for (const std::string& line : lines) {
            mine += line + "\n";
        }
        EXPECT_EQ(world().broadcast_text(mine), mine);
        return lines;
    }

    /// Exactly one problem, with all of these words.
    static void expect_one(const Lines& lines, const std::vector<std::string>& words) {
        ASSERT_EQ(lines.size(), 1U) << testing::PrintToString(lines);
        EXPECT_EQ(lines[0].find('\n'), std::string::npos);
        for (const std::string& word : words) {
            EXPECT_NE(lines[0].find(word), std::string::npos) << lines[0];
        }
    }

    SharedFolder folder_{world()};
    std::filesystem::path path_ = folder_ / "checkpoint.h5";
    SampleModel model_ = sample_model();
};

TEST_F(VerificationTest, ASoundCheckpointHasNoProblems) {
    write();
    const checkpoint::Verification result =
        checkpoint::verify_checkpoint(world(), path_, expected_of(model_));
    EXPECT_EQ(result.problems, Lines{});
    EXPECT_EQ(result.tensors, 12);
    std::int64_t values = 0;
    std::int64_t zeros = 0;
    std::uint64_t bytes = 0;
    for (std::size_t t = 0; t < model_.bytes.size(); ++t) {
        bytes += model_.bytes[t].size();
        zeros += model_.summaries[t].zeros;
        values += static_cast<std::int64_t>(
            model_.bytes[t].size() / support::size_of(model_.catalogue.tensors[t].scalar_type()));
    }
    EXPECT_EQ(result.values, values);
    EXPECT_EQ(result.zeros, zeros);
    EXPECT_EQ(result.bytes, bytes);
}

TEST_F(VerificationTest, OneDamagedByteIsFoundAndItsTensorNamed) {
    write();
    // The lowest mantissa bit of a value that is not zero: nothing but the checksum notices.
    std::size_t value = 0;
    while (model_.bytes[4][4 * value + 3] == std::byte{0}) {
        ++value;
    }
    tamper(
        [&] { flip_byte(path_, offset_of(path_, "/tensors/model.norm.weight") + 4 * value, 1); });
    expect_one(problems(), {"model.norm.weight", "checksum"});
}

TEST_F(VerificationTest, SwappedRowsAreFound) {
    model_.bytes[1][0] = std::byte{0x11};
    const model::TensorInfo& tensor = model_.catalogue.tensors[1];
    model_.summaries[1] = summarize(tensor, model_.bytes[1], 0.1);
    const auto row = static_cast<std::ptrdiff_t>(tensor.row_bytes());
    auto& bytes = model_.bytes[1];
    std::swap_ranges(bytes.begin(), bytes.begin() + row, bytes.begin() + row);
    write();
    expect_one(problems(), {"model.layers.0.self_attn.q_proj.weight", "checksum"});
}

TEST_F(VerificationTest, WrongAttributesAreFound) {
    write();
    tamper([&] { set_attribute(path_, kQuery, "zeros", 1000); });
    expect_one(problems(), {"q_proj", "are zero, recorded are 1000"});
    tamper([&] {
        set_attribute(path_, kQuery, "zeros", static_cast<double>(model_.summaries[1].zeros));
        set_attribute(path_, kQuery, "sparsity", 0.5 + 1e-11);
    });
    expect_one(problems(), {"q_proj", "its sparsity is", "recorded is 0.50000000001"});
}

TEST_F(VerificationTest, ARatioThatIsNoShareIsFound) {
    write();
    for (const double ratio : {-0.1, 1.1, std::numeric_limits<double>::quiet_NaN()}) {
        tamper([&] { set_attribute(path_, kQuery, "sparsity_ratio", ratio); });
        expect_one(problems(), {"q_proj", "not in [0, 1]"});
    }
}

TEST_F(VerificationTest, NotANumberAndInfinityAreCounted) {
    auto& bytes = model_.bytes[1];  // bfloat16
    bytes[3] = std::byte{0x7F};
    bytes[2] = std::byte{0xC0};
    bytes[101] = std::byte{0xFF};
    bytes[100] = std::byte{0x80};
    model_.summaries[1] = summarize(model_.catalogue.tensors[1], bytes, 0.1);
    write();
    expect_one(problems(), {"q_proj", "2 of its values are NaN or infinite"});
}

TEST_F(VerificationTest, ATensorThatIsGoneIsMissed) {
    write();
    tamper([&] { remove_link(path_, "/tensors/lm_head.weight"); });
    expect_one(problems(), {"declares 12 tensors and holds 11"});
    tamper([&] { remove_link(path_, kQuery); });
    const Lines lines = problems(expected_of(model_));
    ASSERT_EQ(lines.size(), 2U);
    expect_one({lines[1]}, {"'model.layers.0.self_attn.q_proj.weight'", "is not in the file"});
}

TEST_F(VerificationTest, DisagreementWithTheReportIsFound) {
    write();
    auto expected = expected_of(model_);
    expected[1].cols = 12;
    expect_one(problems(expected), {"up_proj", "shape is 4 x 11, the report says 4 x 12"});
    expected = expected_of(model_);
    expected[0].zeros += 1;
    expect_one(problems(expected), {"q_proj", "the report says"});
    expected = expected_of(model_);
    expected[0].sparsity_ratio += 3e-12;
    expect_one(problems(expected), {"q_proj", "sparsity ratio is 0.1"});
    expected = expected_of(model_);
    expected[0].sparsity_ratio += 3e-13;
    EXPECT_EQ(problems(expected), Lines{});
    expected.pop_back();
    expect_one(problems(expected), {"model.layers.1.self_attn.q_proj.weight", "not in the report"});
}

/// Rows 0 and 2 of each expert, or row 1.
TEST_F(VerificationTest, SlicesOfATensorAreCountedOneByOne) {
    const int t = model_.index_of("model.experts.gate_up");  // 5 × 3 × 4
    const auto number = static_cast<std::size_t>(t);
    constexpr std::int64_t kRow = 4;
    std::vector<checkpoint::ExpectedMatrix> slices;
    for (int expert = 0; expert < 5; ++expert) {
        const auto zeros = [&](std::int64_t row) {
            const auto rows =
                std::span(model_.bytes[number])
                    .subspan(static_cast<std::size_t>((3 * expert + row) * kRow * 2), kRow * 2);
            return static_cast<std::int64_t>(
                support::count_zeros(rows, support::ScalarType::bfloat16));
        };
        const std::string name = "model.experts.gate_up[" + std::to_string(expert);
        slices.push_back({name + ".gate]",
                          2,
                          kRow,
                          zeros(0) + zeros(2),
                          0.3,
                          "model.experts.gate_up",
                          {t, 0, 2, kRow, false, {0, 1, 2}, expert, name + ".gate]"}});
        slices.push_back({name + ".up]",
                          1,
                          kRow,
                          zeros(1),
                          0.6,
                          "model.experts.gate_up",
                          {t, 0, 1, kRow, false, {1, 1, 1}, expert, name + ".up]"}});
    }
    model_.summaries[number].sparsity_ratio = 0.4;
    write();
    auto expected = expected_of(model_);
    expected.insert(expected.end(), slices.begin(), slices.end());
    EXPECT_EQ(problems(expected), Lines{});
    ++expected.back().zeros;
    expect_one(problems(expected), {"gate_up[4.up]", "the report says"});
    expected.back() = slices.back();
    expected.back().sparsity_ratio = 0.61;
    expect_one(problems(expected), {"gate_up'", "sparsity ratio is 0.4, the report says 0.40"});
    for (const model::OutputPattern& pattern :
         {model::OutputPattern{3, 1, 1}, model::OutputPattern{1, 4, 4},
          model::OutputPattern{-1, 1, 1}, model::OutputPattern{1, 0, 0}}) {
        expected.back() = slices.back();
        expected.back().slice.pattern = pattern;
        const Lines lines = problems(expected);
        ASSERT_FALSE(lines.empty());
        expect_one({lines[0]}, {"gate_up[4.up]", "shape is 5 x 3 x 4"});
    }
    expected.back() = slices.back();
    expected.back().slice.expert = 5;
    EXPECT_FALSE(problems(expected).empty());
}

TEST_F(VerificationTest, AFileThatCannotBeReadIsOneErrorOnAllRanks) {
    tamper([&] { make_empty_hdf5_file(path_); });
    try {
        checkpoint::verify_checkpoint(world(), path_, {});
        ADD_FAILURE() << "verified";
    } catch (const support::Error& error) {
        EXPECT_TRUE(error.agreed());
        EXPECT_EQ(error.faults().size(), 1U);
    }
}

TEST_F(VerificationTest, SeveralProblemsAreAllListed) {
    write();
    tamper([&] {
        flip_byte(path_, offset_of(path_, "/tensors/lm_head.weight"), 0x01);
        flip_byte(path_, offset_of(path_, "/tensors/model.experts.gate_up") + 70, 0x01);
    });
    const Lines lines = problems();
    ASSERT_EQ(lines.size(), 2U);
    expect_one({lines[0]}, {"lm_head.weight"});
    expect_one({lines[1]}, {"model.experts.gate_up"});
}

}  // namespace
}  // namespace alphaprune::test
