#include <gtest/gtest.h>

#include <functional>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/formats/npy.hpp"
#include "alphaprune/formats/safetensors.hpp"
#include "alphaprune/support/file.hpp"
#include "faults_of.hpp"

namespace alphaprune::test {
namespace {

/// The fuzzers' seeds: those named valid-* must be read, those named broken-* refused.
void check_corpus(const std::string& format,
                  const std::function<void(std::span<const std::byte>)>& parse) {
    const auto corpus = std::filesystem::path(ALPHAPRUNE_SOURCE_DIR) / "tests/fuzz/corpus" / format;
    int valid = 0;
    int broken = 0;
    for (const auto& entry : std::filesystem::directory_iterator(corpus)) {
        const std::string content = support::read_text(entry.path());
        const auto bytes = std::as_bytes(std::span(content));
        const std::string name = entry.path().filename();
        if (name.starts_with("valid-")) {
            ++valid;
            EXPECT_NO_THROW(parse(bytes)) << name;
        } else if (name.starts_with("broken-")) {
            ++broken;
            EXPECT_FALSE(faults_of([&] { parse(bytes); }).empty()) << name;
        }
    }
    EXPECT_GT(valid, 0);
    EXPECT_GT(broken, 0);
}

TEST(Corpus, Safetensors) {
    check_corpus("safetensors", [](std::span<const std::byte> bytes) {
        formats::parse_safetensors_header(bytes, bytes.size(), "seed");
    });
}

TEST(Corpus, Npy) {
    check_corpus("npy", [](std::span<const std::byte> bytes) {
        try {
            formats::parse_npy_numbers(bytes, "seed");
        } catch (const support::Error&) {
            formats::parse_npy_tokens(bytes, "seed");
        }
    });
}

TEST(Corpus, Json) {
    check_corpus("json", [](std::span<const std::byte> bytes) {
        formats::Json::parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, "seed");
    });
}

}  // namespace
}  // namespace alphaprune::test
