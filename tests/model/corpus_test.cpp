#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <functional>
#include <regex>
#include <span>
#include <string>
#include <vector>

#include "alphaprune/formats/safetensors.hpp"
#include "alphaprune/linalg/matrix_source.hpp"
#include "alphaprune/model/bitmask_form.hpp"
#include "alphaprune/model/tokens.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/file.hpp"
#include "folder/folder_reading.hpp"
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

/// A safetensors file of header, a line of dashes and data: all tensors in it that have masks.
void read_masked_tensors(const fs::path& seed) {
    const std::string contents = support::read_text(seed);
    const std::string between = "\n---\n";
    const std::uint64_t length = contents.find(between);
    std::string file(sizeof length, '\0');
    std::memcpy(file.data(), &length, sizeof length);
    file += contents.substr(0, length) + contents.substr(length + between.size());
    const auto bytes = std::as_bytes(std::span(file));
    const auto header = formats::parse_safetensors_header(bytes, bytes.size(), "the file");
    std::vector<model::TensorInfo> stored;
    for (const formats::SafetensorsEntry& entry : header.tensors) {
        stored.push_back(
            {entry.name, entry.type, entry.shape, 0, entry.begin, -1, entry.end - entry.begin});
    }
    const auto read = [&](int, std::uint64_t at, std::span<std::byte> out) {
        std::ranges::copy(bytes.subspan(at, out.size()), out.begin());
    };
    for (const auto& tensor : model::put_bitmasks_together(header, stored, "the file")) {
        if (tensor.bitmask) {
            std::vector<std::byte> all(tensor.bytes());
            model::read_bitmask(tensor, "tensor " + tensor.name + " in the file",
                                {0, tensor.rows(), 0, tensor.row_length()}, read, all);
        }
    }
}

TEST(Corpus, Bitmask) {
    check_corpus("bitmask", [](const fs::path& seed) {
        try {
            read_masked_tensors(seed);
        } catch (const support::Error& error) {
            const std::string& where = error.faults().front().where;
            const std::string text = error.what();
            EXPECT_NE(where.find("the file"), where.npos) << text;
            const std::regex names("tensor a in|: (a|b|bitmask_tensors)");
            EXPECT_TRUE(std::regex_search(text, names)) << text;
            throw;
        }
    });
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
