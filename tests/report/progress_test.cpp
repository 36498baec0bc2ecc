#include "alphaprune/report/progress.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <string>

#include "alphaprune/support/file.hpp"
#include "alphaprune/support/log.hpp"
#include "support/temporary_folder.hpp"

namespace alphaprune::report {
namespace {

/// Standard error is a terminal while this object lives; what was written to it can be read.
class FakeTerminal {
  public:
    FakeTerminal() : kept_(dup(STDERR_FILENO)) {
        if (openpty(&master_, &slave_, nullptr, nullptr, nullptr) != 0) {
            throw std::runtime_error("no pseudo terminal");
        }
        dup2(slave_, STDERR_FILENO);
    }
    ~FakeTerminal() {
        dup2(kept_, STDERR_FILENO);
        close(kept_);
        close(master_);
        close(slave_);
    }
    /// All that was written so far. A terminal hands it over when it likes, but in order: a mark
    /// behind it says that nothing is outstanding.
    std::string seen() const {
        const std::string mark = "<end>";
        EXPECT_EQ(write(slave_, mark.data(), mark.size()), static_cast<ssize_t>(mark.size()));
        std::string text;
        while (!text.ends_with(mark)) {
            pollfd ready{master_, POLLIN, 0};
            std::array<char, 4096> buffer{};
            const ssize_t got =
                poll(&ready, 1, 10'000) == 1 ? read(master_, buffer.data(), buffer.size()) : -1;
            if (got <= 0) {
                ADD_FAILURE() << "the terminal is silent after: " << text;
                return text;
            }
            text.append(buffer.data(), static_cast<std::size_t>(got));
        }
        return text.substr(0, text.size() - mark.size());
    }

  private:
    int kept_;
    int master_ = -1;
    int slave_ = -1;
};

TEST(ProgressText, SaysRateAndTimeLeft) {
    EXPECT_EQ(progress_text("spectrum", "matrices", 12, 56, 12 / 8.1),
              "spectrum: 12/56 matrices, 8.1/s, 5.4 s left");
    EXPECT_EQ(progress_text("prune", "tensors", 500, 1000, 10),
              "prune: 500/1000 tensors, 50/s, 10 s left");
    EXPECT_EQ(progress_text("spectrum", "matrices", 10, 70, 60),
              "spectrum: 10/70 matrices, 10.0/min, 6 min 00 s left");
    EXPECT_EQ(progress_text("spectrum", "matrices", 1, 3, 1800),
              "spectrum: 1/3 matrices, 2.0/h, 1 h 00 min left");
}

TEST(ProgressText, BeginningAndEnd) {
    EXPECT_EQ(progress_text("spectrum", "matrices", 0, 56, 3), "spectrum: 0/56 matrices");
    EXPECT_EQ(progress_text("spectrum", "matrices", 1, 56, 0), "spectrum: 1/56 matrices");
    EXPECT_EQ(progress_text("spectrum", "matrices", 56, 56, 7),
              "spectrum: 56/56 matrices in 7.0 s");
    EXPECT_EQ(progress_text("spectrum", "matrices", 0, 0, 0), "spectrum: 0/0 matrices in 0.0 s");
}

TEST(ProgressLine, OnATerminalOneLiveLineClearedAtTheEnd) {
    const test::TemporaryFolder folder;
    std::string seen;
    {
        const FakeTerminal terminal;
        support::start_log(true, support::LogLevel::info);
        support::open_log_file(folder / "run.log");
        {
            ProgressLine line("spectrum", "matrices", true);
            line.update(0, 2);
            line.update(2, 2);
            line.update(2, 2);
        }
        seen = terminal.seen();
        support::start_log(false, support::LogLevel::info);
    }
    EXPECT_TRUE(seen.starts_with("\r\033[Kspectrum: 0/2 matrices\r\033[Kspectrum: 2/2 matrices in"))
        << seen;
    EXPECT_TRUE(seen.ends_with("\r\033[K")) << seen;
    EXPECT_EQ(seen.find('\n'), std::string::npos) << seen;
    const std::string logged = support::read_text(folder / "run.log");
    EXPECT_NE(logged.find("2/2 matrices"), std::string::npos);
    EXPECT_EQ(logged.find("2/2 matrices"), logged.rfind("2/2 matrices")) << logged;
}

TEST(ProgressLine, ElsewherePlainLines) {
    testing::internal::CaptureStderr();
    support::start_log(true, support::LogLevel::info);
    {
        ProgressLine line("spectrum", "matrices", true);
        line.update(1, 2);  // too soon to say
        line.update(2, 2);
    }
    support::start_log(false, support::LogLevel::info);
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "spectrum: 2/2 matrices in 0.0 s\n");
}

TEST(ProgressLine, OtherRanksAreSilent) {
    testing::internal::CaptureStderr();
    support::start_log(true, support::LogLevel::info);
    ProgressLine("spectrum", "matrices", false).update(2, 2);
    support::start_log(false, support::LogLevel::info);
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace alphaprune::report
