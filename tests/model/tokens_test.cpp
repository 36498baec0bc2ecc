#include "alphaprune/model/tokens.hpp"

#include <gtest/gtest.h>

#include <string>

#include "alphaprune/support/file.hpp"
#include "model/faults.hpp"
#include "model/token_files.hpp"
#include "support/temporary_folder.hpp"

namespace alphaprune::test {
namespace {

using Ids = std::vector<std::int32_t>;

class TokensTest : public testing::Test {
  protected:
    std::filesystem::path text_file(const std::string& text) const {
        write_file(folder_ / "text.txt", text);
        return folder_ / "text.txt";
    }
    /// The model books-7m with these settings of the tokenizer, or with another tokenizer.
    model::Catalogue books_with(std::vector<model::AuxiliaryFile> auxiliary_files) const {
        model::Catalogue catalogue = books_;
        catalogue.auxiliary_files = std::move(auxiliary_files);
        return catalogue;
    }
    model::AuxiliaryFile tokenizer() const {
        return {"tokenizer.model", support::read_text(kBooks + "/tokenizer.model")};
    }

    TemporaryFolder folder_;
    model::Catalogue books_ = model::read_catalogue(kBooks);
};

TEST_F(TokensTest, ReadsStreamsAndSamplesOfEveryType) {
    const model::Catalogue model = catalogue_with(70000, 512);
    const model::TokenFile stream = model::read_tokens(
        write_ids<std::uint16_t>(folder_ / "a.npy", "<u2", "(3,)", {0, 65535, 7}), model);
    EXPECT_EQ(stream.ids, (Ids{0, 65535, 7}));
    EXPECT_EQ(stream.sample_length, 0);
    EXPECT_EQ(stream.where, (folder_ / "a.npy").string());
    const model::TokenFile samples = model::read_tokens(
        write_ids<std::int32_t>(folder_ / "b.npy", "<i4", "(2, 3)", {1, 2, 3, 4, 5, 69999}), model);
    EXPECT_EQ(samples.ids, (Ids{1, 2, 3, 4, 5, 69999}));
    EXPECT_EQ(samples.sample_length, 3);
    const model::TokenFile wide = model::read_tokens(
        write_ids<std::int64_t>(folder_ / "c.npy", "<i8", "(1, 2)", {9, 8}), model);
    EXPECT_EQ(wide.ids, (Ids{9, 8}));
    EXPECT_EQ(wide.sample_length, 2);
}

TEST_F(TokensTest, ReadsTheSampleDataOfBooks7m) {
    const model::TokenFile calibration = model::read_tokens(kBooks + "/calibration.npy", books_);
    EXPECT_EQ(calibration.sample_length, 512);
    EXPECT_EQ(calibration.ids.size(), 128U * 512U);
    const model::TokenFile evaluation = model::read_tokens(kBooks + "/eval.npy", books_);
    EXPECT_EQ(evaluation.sample_length, 0);
    EXPECT_EQ(evaluation.ids.size(), (369642U - 128U) / 2U);
}

TEST_F(TokensTest, IdsOutsideTheVocabularyAreCountedAndTheFirstIsNamed) {
    const model::Catalogue model = catalogue_with(10, 512);
    const auto path =
        write_ids<std::int64_t>(folder_ / "a.npy", "<i8", "(5,)", {9, 3, 10, -1, 5'000'000'000});
    const auto faults = faults_of([&] { model::read_tokens(path, model); });
    ASSERT_EQ(faults.size(), 1U);
    EXPECT_EQ(faults[0].what,
              "3 of 5 token ids are not in the model's vocabulary of 10; the first is 10, token 2 "
              "(counted from 0)");
    EXPECT_EQ(faults[0].where, path.string());
}

TEST_F(TokensTest, AForeignIdInASampleIsNamedBySample) {
    const auto path =
        write_ids<std::int32_t>(folder_ / "a.npy", "<i4", "(2, 3)", {0, 1, 2, 3, -4, 5});
    const auto faults = faults_of([&] { model::read_tokens(path, catalogue_with(10, 512)); });
    EXPECT_EQ(count_faults(faults, {"1 of 6", "the first is -4, token 1 of sample 1"}), 1)
        << text_of(faults);
}

TEST_F(TokensTest, WithoutAKnownVocabularyIdsMustStillBeIds) {
    const auto path =
        write_ids<std::int64_t>(folder_ / "a.npy", "<i8", "(2,)", {2'000'000'000, 4'000'000'000});
    const auto faults = faults_of([&] { model::read_tokens(path, catalogue_with(0, 0)); });
    EXPECT_EQ(count_faults(faults, {"1 of 2", "4000000000, token 1"}), 1) << text_of(faults);
}

// The expected ids were made with the Python package sentencepiece 0.2.3 from data/books-7m's
// tokenizer.model; 1 is the beginning of a sequence.
TEST_F(TokensTest, TextIsEncodedAsSentencePieceDoes) {
    const auto path = text_file(
        "It is a truth universally acknowledged, that a single man in possession of a good "
        "fortune, must be in want of a wife.");
    const model::TokenFile file = model::read_tokens(path, books_);
    EXPECT_EQ(file.ids, (Ids{1,    634,  346,  261, 2042, 3470, 774,  569, 261,  3665, 780,
                             1339, 4011, 322,  261, 1762, 477,  293,  994, 1976, 283,  261,
                             677,  2756, 4011, 717, 303,  293,  1000, 283, 261,  983,  4013}));
    EXPECT_EQ(file.sample_length, 0);
    EXPECT_EQ(file.where, path.string());
}

TEST_F(TokensTest, LettersOutsideTheVocabularyBecomeBytes) {
    const model::TokenFile file = model::read_tokens(
        text_file("Naïve façade — 日本語, “quoted” and\n\n  two  spaces\tand a tab."), books_);
    EXPECT_EQ(file.ids,
              (Ids{1,   515,  3994, 198,  178, 320,  563, 198,  170, 639, 3674, 3991, 233, 154,
                   168, 233,  159,  175,  235, 173,  161, 4011, 323, 401, 3244, 4021, 285, 13,
                   13,  3991, 697,  3991, 653, 3395, 12,  420,  261, 259, 579,  4013}));
}

TEST_F(TokensTest, ZeroBytesAndNamesOfControlTokensAreOrdinaryText) {
    EXPECT_EQ(model::read_tokens(text_file(std::string("a\0b", 3)), books_).ids,
              (Ids{1, 261, 3, 4012}));
    EXPECT_EQ(model::read_tokens(text_file("</s> <s>"), books_).ids,
              (Ids{1, 1043, 4042, 3998, 4074, 1043, 3998, 4074}));
    EXPECT_EQ(model::read_tokens(text_file(""), books_).ids, Ids{1});
}

TEST_F(TokensTest, TheBeginningCanBeTurnedOff) {
    const auto path = text_file("\n");
    const auto ids = [&](const std::string& settings) {
        return model::read_tokens(path,
                                  books_with({tokenizer(), {"tokenizer_config.json", settings}}))
            .ids;
    };
    EXPECT_EQ(ids(R"({"add_bos_token": false})"), (Ids{3991, 13}));
    EXPECT_EQ(ids(R"({"add_bos_token": true})"), (Ids{1, 3991, 13}));
    EXPECT_EQ(ids(R"({"add_bos_token": null})"), (Ids{1, 3991, 13}));
    EXPECT_EQ(ids("{}"), (Ids{1, 3991, 13}));
    EXPECT_EQ(count_faults(faults_of([&] { ids("{"); }), {"tokenizer_config.json"}), 1);
}

TEST_F(TokensTest, TextThatIsNotUtf8IsRefusedWithThePlace) {
    const auto path = text_file("first line\nna\xEFve\n");
    const auto faults = faults_of([&] { model::read_tokens(path, books_); });
    EXPECT_EQ(count_faults(faults, {"not UTF-8: byte 13 (0xEF, in line 2)", path.string()}), 1)
        << text_of(faults);
}

TEST_F(TokensTest, AModelWithoutTokenizerTakesNoText) {
    const auto faults =
        faults_of([&] { model::read_tokens(text_file("text"), catalogue_with(10, 512)); });
    EXPECT_EQ(count_faults(faults, {"has none", "/no/such/model/tokenizer.model"}), 1)
        << text_of(faults);
    EXPECT_NE(faults.at(0).remedy.find(".npy"), std::string::npos);
}

TEST_F(TokensTest, ADamagedTokenizerIsRefused) {
    const auto damaged = books_with({{"tokenizer.model", tokenizer().contents.substr(0, 1000)}});
    const auto faults = faults_of([&] { model::read_tokens(text_file("text"), damaged); });
    EXPECT_EQ(count_faults(faults, {"not a SentencePiece model", "tokenizer.model"}), 1)
        << text_of(faults);
}

TEST_F(TokensTest, ATokenizerOfAnotherModelIsNoticed) {
    model::Catalogue smaller = books_;
    smaller.configuration.vocabulary = 1000;
    const auto faults =
        faults_of([&] { model::read_tokens(text_file("text, and more"), smaller); });
    EXPECT_EQ(count_faults(faults, {"not in the model's vocabulary of 1000"}), 1)
        << text_of(faults);
    EXPECT_NE(faults.at(0).remedy.find("tokenizer.model"), std::string::npos);
}

TEST_F(TokensTest, AFileThatIsNotThereIsNamed) {
    for (const char* name : {"absent.txt", "absent.npy"}) {
        const auto faults = faults_of([&] { model::read_tokens(folder_ / name, books_); });
        EXPECT_EQ(count_faults(faults, {"No such file", name}), 1) << text_of(faults);
    }
}

}  // namespace
}  // namespace alphaprune::test
