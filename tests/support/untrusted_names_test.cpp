#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <functional>

#include "alphaprune/support/error.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/file_system.hpp"
#include "alphaprune/support/log.hpp"
#include "support/plain_errors.hpp"
#include "support/temporary_folder.hpp"

// What stands under the names that files are read from and written to may be made to harm.

namespace alphaprune::support {
namespace {

namespace fs = std::filesystem;

std::string text_of(const std::function<void()>& act) {
    try {
        act();
    } catch (const Error& error) {
        return error.what();
    }
    return {};
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// A folder with a precious file beside it.
class UntrustedNames : public testing::Test {
  protected:
    UntrustedNames() {
        write_text_atomically(precious_, "keep");
        fs::create_directory(output_);
    }
    ~UntrustedNames() override { EXPECT_EQ(read_text(precious_), "keep"); }

    test::TemporaryFolder folder_;
    fs::path precious_ = folder_ / "precious";
    fs::path output_ = folder_ / "output";
};

TEST_F(UntrustedNames, APipeIsRefusedWithoutWaitingForItsOtherEnd) {
    const auto pipe = output_ / "pipe";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0666), 0);
    EXPECT_TRUE(has(text_of([&] { File::open_for_reading(pipe); }), "not a regular file"));
    EXPECT_TRUE(has(text_of([&] { read_text(pipe); }), "not a regular file"));
    EXPECT_FALSE(text_of([&] { File::open_for_writing(pipe); }).empty());
    EXPECT_FALSE(text_of([&] { File::open_for_appending(pipe); }).empty());
    const int reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
    EXPECT_TRUE(has(text_of([&] { File::open_for_writing(pipe); }), "not a regular file"));
    ::close(reader);
}

TEST_F(UntrustedNames, DevicesAreRefused) {
    for (const char* device : {"/dev/zero", "/dev/tty", "/dev/full"}) {
        EXPECT_FALSE(text_of([&] { read_text(device); }).empty()) << device;
    }
    EXPECT_TRUE(has(text_of([] { File::open_for_writing("/dev/null"); }), "not a regular file"));
}

TEST_F(UntrustedNames, ANewFileTakesThePlaceOfWhatStoodThere) {
    fs::create_symlink(precious_, output_ / "link");
    fs::create_symlink(output_ / "nothing", output_ / "dangling");
    fs::create_hard_link(precious_, output_ / "other name");
    ASSERT_EQ(::mkfifo((output_ / "pipe").c_str(), 0666), 0);
    for (const char* name : {"link", "dangling", "other name", "pipe"}) {
        const std::string_view text = "new";
        File::create(output_ / name).write(std::as_bytes(std::span(text)));
        EXPECT_EQ(fs::symlink_status(output_ / name).type(), fs::file_type::regular) << name;
        EXPECT_EQ(read_text(output_ / name), "new") << name;
    }
    EXPECT_FALSE(fs::exists(output_ / "nothing"));
}

TEST_F(UntrustedNames, AReportIsWrittenBesideTheLinksInItsWay) {
    fs::create_symlink(precious_, output_ / "report.json");
    fs::create_symlink(precious_, output_ / "report.json.partial");
    write_text_atomically(output_ / "report.json", "{}");
    EXPECT_EQ(fs::symlink_status(output_ / "report.json").type(), fs::file_type::regular);
    EXPECT_EQ(read_text(output_ / "report.json"), "{}");
}

TEST_F(UntrustedNames, AFileIsNotContinuedThroughALink) {
    fs::create_symlink(precious_, output_ / "link");
    const std::string text = text_of([&] { File::open_for_appending(output_ / "link"); });
    EXPECT_TRUE(has(text, "remedy: this is a symbolic link")) << text;
    const std::string_view more = "+";
    for (int time = 0; time < 2; ++time) {
        File::open_for_appending(output_ / "log").write(std::as_bytes(std::span(more)));
    }
    EXPECT_EQ(read_text(output_ / "log"), "++");
}

TEST_F(UntrustedNames, AFolderIsNotTakenForOneThroughALink) {
    make_own_folder(output_ / "metrics");
    make_own_folder(output_ / "metrics");  // it is there
    fs::create_directory(folder_ / "elsewhere");
    fs::create_directory_symlink(folder_ / "elsewhere", output_ / "link");
    EXPECT_TRUE(has(text_of([&] { make_own_folder(output_ / "link"); }), "symbolic link"));
    EXPECT_TRUE(has(text_of([&] { make_own_folder(precious_); }), "remove it"));
    EXPECT_FALSE(text_of([&] { make_own_folder(output_ / "absent" / "deep"); }).empty());
}

TEST_F(UntrustedNames, FilesAndFoldersGetWhatTheUmaskLeaves) {
    const mode_t former = ::umask(027);
    write_text_atomically(output_ / "report.json", "{}");
    File::open_for_appending(output_ / "run.log");
    make_own_folder(output_ / "metrics");
    ::umask(former);
    const auto bits = [&](const char* name) {
        return static_cast<unsigned>(fs::status(output_ / name).permissions());
    };
    EXPECT_EQ(bits("report.json"), 0640U);
    EXPECT_EQ(bits("run.log"), 0640U);
    EXPECT_EQ(bits("metrics"), 0750U);
}

TEST_F(UntrustedNames, TheLogIsNotWrittenThroughALink) {
    start_log(true, LogLevel::error);
    fs::create_symlink(precious_, output_ / "run.log");
    EXPECT_TRUE(has(text_of([&] { open_log_file(output_ / "run.log", LogFile::continued); }),
                    "symbolic link"));
    open_log_file(output_ / "run.log");
    log_info("first");
    close_log_file();
    open_log_file(output_ / "run.log", LogFile::continued);
    log_to_file("second\x1B[2J");
    close_log_file();
    start_log(false, LogLevel::info);
    const std::string text = read_text(output_ / "run.log");
    EXPECT_TRUE(has(text, " info first\n")) << text;
    EXPECT_TRUE(has(text, " info second?[2J\n")) << text;
}

TEST(ControlCharacters, DoNotReachTheTerminal) {
    EXPECT_EQ(without_control_characters("a\x1B[31m\r\n\tb\x7F\xC2\x9B!\xC3\x9C"),
              "a?[31m?\n\tb?\xC2?!\xC3\x9C");
    const std::string text = bad_request("tensor \x1B]0;x\x07", "wh\bere", "rem\x1B[0medy").what();
    EXPECT_EQ(text.find_first_of("\x1B\x07\b"), std::string::npos) << text;
}

}  // namespace
}  // namespace alphaprune::support
