#include <gtest/gtest.h>
#include <sentencepiece_processor.h>

#include <string>

#include "alphaprune/model/tokens.hpp"
#include "model/token_files.hpp"
#include "support/temporary_folder.hpp"

namespace alphaprune::test {
namespace {

/// Text, encoded by the program and decoded by the library: nothing is lost.
TEST(RoundTrip, TextComesBack) {
    const TemporaryFolder folder;
    const model::Catalogue books = model::read_catalogue(kBooks);
    sentencepiece::SentencePieceProcessor processor;
    ASSERT_TRUE(processor.Load(kBooks + "/tokenizer.model").ok());
    for (const std::string text :
         {"Dorothea glanced quickly at her uncle.\n\n\tChapter XII\n", "  spaces  kept  ",
          "ünïcödé — 日本語 🙂 \r\n", "x", "1 + 1 = 2; <s> </s> <0x0A>"}) {
        write_file(folder / "text", text);
        const model::TokenFile file = model::read_tokens(folder / "text", books);
        ASSERT_EQ(file.ids.front(), processor.bos_id());
        const std::vector<int> pieces(file.ids.begin() + 1, file.ids.end());
        std::string decoded;
        ASSERT_TRUE(processor.Decode(pieces, &decoded).ok());
        EXPECT_EQ(decoded, text);
    }
}

}  // namespace
}  // namespace alphaprune::test
