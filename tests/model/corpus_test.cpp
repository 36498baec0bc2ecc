#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>

#include "alphaprune/model/tokens.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/file.hpp"
#include "model/token_files.hpp"
#include "support/temporary_folder.hpp"

namespace alphaprune::test {
namespace {

namespace fs = std::filesystem;

/// The fuzzers' seeds: those named valid-* must be read, those named broken-* refused.
void check_corpus(const std::string& input, const std::function<void(const fs::path&)>& read) {
    int valid = 0;
    int broken = 0;
    for (const auto& seed :
         fs::directory_iterator(fs::path(ALPHAPRUNE_SOURCE_DIR) / "tests/fuzz/corpus" / input)) {
        const std::string name = seed.path().filename();
        if (name.starts_with("valid-")) {
            ++valid;
            EXPECT_NO_THROW(read(seed.path())) << name;
        } else if (name.starts_with("broken-")) {
            ++broken;
            EXPECT_THROW(read(seed.path()), support::Error) << name;
        }
    }
    EXPECT_GT(valid, 0);
    EXPECT_GT(broken, 0);
}

TEST(Corpus, Tokens) {
    model::Catalogue catalogue;
    catalogue.folder = kBooks;
    catalogue.configuration.vocabulary = 4096;
    check_corpus("tokens", [&](const fs::path& seed) { model::read_tokens(seed, catalogue); });
}

TEST(Corpus, Tokenizer) {
    const TemporaryFolder folder;
    write_file(folder / "text", std::string("The cat's \xC3\xA4 12\n"));
    check_corpus("tokenizer", [&](const fs::path& seed) {
        const std::string text = support::read_text(seed);
        const std::string between = "\n---\n";
        const auto end = text.find(between);
        model::Catalogue catalogue;
        catalogue.auxiliary_files = {{"tokenizer.model", text.substr(end + between.size())},
                                     {"tokenizer_config.json", text.substr(0, end)}};
        model::read_tokens(folder / "text", catalogue);
    });
}

TEST(Corpus, TokenizerJson) {
    const TemporaryFolder folder;
    check_corpus("tokenizer_json", [&](const fs::path& seed) {
        const std::string contents = support::read_text(seed);
        const std::string between = "\n---\n";
        const auto end = contents.find(between);
        model::Catalogue catalogue;
        catalogue.auxiliary_files = {{"tokenizer.json", contents.substr(end + between.size())}};
        write_file(folder / "text", contents.substr(0, end));
        EXPECT_FALSE(model::read_tokens(folder / "text", catalogue).ids.empty());
    });
}

}  // namespace
}  // namespace alphaprune::test
