#include "support/rank_listener.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <vector>

namespace alphaprune::test {

void RankListener::OnTestStart(const testing::TestInfo&) {
    failures_.clear();
}

void RankListener::OnTestPartResult(const testing::TestPartResult& part) {
    if (part.failed()) {
        failures_ += fmt::format("  rank {}: {}:{}: {}\n", ranks_.rank(),
                                 part.file_name() ? part.file_name() : "?", part.line_number(),
                                 part.message());
    }
}

void RankListener::OnTestEnd(const testing::TestInfo& test) {
    const bool failed = ranks_.any(test.result()->Failed());
    const bool skipped = !failed && ranks_.any(test.result()->Skipped());
    (failed ? failed_ : skipped ? skipped_ : passed_) += 1;
    const std::vector<std::string> all = ranks_.gather_texts(failures_);
    if (!ranks_.is_root()) {
        return;
    }
    fmt::print("{} {}.{}\n",
               failed    ? "FAILED "
               : skipped ? "SKIPPED"
                         : "ok     ",
               test.test_suite_name(), test.name());
    for (const std::string& text : all) {
        fmt::print("{}", text);
    }
    std::fflush(stdout);
}

void RankListener::OnTestProgramEnd(const testing::UnitTest&) {
    if (ranks_.is_root()) {
        fmt::print("on {} ranks: {} passed, {} failed, {} skipped\n", ranks_.size(), passed_,
                   failed_, skipped_);
    }
}

}  // namespace alphaprune::test
