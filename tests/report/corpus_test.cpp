#include <gtest/gtest.h>

#include <filesystem>

#include "alphaprune/report/run_report.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::test {
namespace {

/// The fuzzer's seeds: those named valid-* must be read, those named broken-* refused.
TEST(Corpus, Reports) {
    int valid = 0;
    int broken = 0;
    const auto corpus = std::filesystem::path(ALPHAPRUNE_SOURCE_DIR) / "tests/fuzz/corpus/report";
    for (const auto& entry : std::filesystem::directory_iterator(corpus)) {
        const std::string name = entry.path().filename();
        if (name.starts_with("valid-")) {
            ++valid;
            EXPECT_NO_THROW(report::read_run_report(entry.path())) << name;
        } else if (name.starts_with("broken-")) {
            ++broken;
            EXPECT_THROW(report::read_run_report(entry.path()), support::Error) << name;
        }
    }
    EXPECT_GT(valid, 0);
    EXPECT_GT(broken, 0);
}

}  // namespace
}  // namespace alphaprune::test
