#include "alphaprune/support/file_system.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cerrno>
#include <vector>

#include "alphaprune/support/file.hpp"
#include "support/temporary_folder.hpp"

namespace alphaprune::support {
namespace {

namespace fs = std::filesystem;

template <class Action>
ExitStatus status_after(Action action) {
    try {
        action();
    } catch (const Error& error) {
        return error.status();
    }
    return ExitStatus::done;
}

TEST(FileSystem, TellsAWrongPathFromASystemThatFails) {
    for (const int reason : {ENOENT, EACCES, EISDIR, ENOTDIR, ELOOP, ENAMETOOLONG}) {
        EXPECT_EQ(path_error("cannot open the file", "f", reason).status(), ExitStatus::bad_request)
            << reason;
    }
    for (const int reason : {EIO, ESTALE, EMFILE, ENFILE, EAGAIN, ETIMEDOUT, ENOSPC, EDQUOT, ENOMEM,
                             EINTR, ENOTCONN, EREMOTEIO, EBUSY}) {
        const Error error = path_error("cannot open the file", "f", reason);
        EXPECT_EQ(error.status(), ExitStatus::failed) << reason;
        EXPECT_FALSE(error.faults()[0].remedy.empty()) << reason;
    }
}

TEST(FileSystem, SaysWhichLimitIsReached) {
    EXPECT_NE(std::string(system_failure("opening", "f", EMFILE).what()).find("ulimit -n"),
              std::string::npos);
}

TEST(FileSystem, FilesThatAreNotThereAreAWrongRequest) {
    const test::TemporaryFolder folder;
    write_text_atomically(folder / "file", "text");
    fs::create_symlink("circle", folder / "circle");
    for (const fs::path& path : {folder / "absent", folder / "file/below", folder / "circle",
                                 folder.path(), folder / std::string(300, 'n')}) {
        EXPECT_EQ(status_after([&] { read_text(path); }), ExitStatus::bad_request) << path;
    }
}

TEST(FileSystem, LooksAtWhatIsThere) {
    const test::TemporaryFolder folder;
    write_text_atomically(folder / "file", "text");
    fs::create_symlink("file", folder / "link");
    fs::create_symlink("nothing", folder / "dangling");
    fs::create_symlink("circle", folder / "circle");
    EXPECT_TRUE(fs::is_regular_file(status_of(folder / "link")));
    EXPECT_TRUE(fs::is_symlink(link_status_of(folder / "link")));
    EXPECT_TRUE(fs::is_symlink(link_status_of(folder / "dangling")));
    for (const fs::path& path : {folder / "absent", folder / "dangling", folder / "file/below",
                                 folder / std::string(300, 'n')}) {
        EXPECT_FALSE(fs::exists(status_of(path))) << path;
    }
    EXPECT_EQ(status_after([&] { status_of(folder / "circle"); }), ExitStatus::bad_request);
}

TEST(FileSystem, TheDeepestExistingAncestorIsFound) {
    const test::TemporaryFolder folder;
    const fs::path there = fs::absolute(folder.path()).lexically_normal();
    EXPECT_EQ(existing_ancestor(there), there);
    EXPECT_EQ(existing_ancestor(there / ""), there);
    EXPECT_EQ(existing_ancestor(there / "a" / "b"), there);
    EXPECT_EQ(existing_ancestor(there / "a" / ".." / "b" / ""), there);
    write_text_atomically(folder / "file", "text");
    EXPECT_EQ(existing_ancestor(there / "file" / "below"), there / "file");
    EXPECT_TRUE(fs::equivalent(existing_ancestor("surely not there"), fs::current_path()));
}

/// For its life, no file more can be opened.
class NoMoreFiles {
  public:
    NoMoreFiles() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        rlimit none = before_;
        none.rlim_cur = 3;
        ::setrlimit(RLIMIT_NOFILE, &none);
    }
    NoMoreFiles(const NoMoreFiles&) = delete;
    NoMoreFiles& operator=(const NoMoreFiles&) = delete;
    ~NoMoreFiles() { ::setrlimit(RLIMIT_NOFILE, &before_); }

  private:
    rlimit before_{};
};

TEST(FileSystem, TooManyOpenFilesAreAFailure) {
    const test::TemporaryFolder folder;
    write_text_atomically(folder / "file", "text");
    const NoMoreFiles limit;
    EXPECT_EQ(status_after([&] { read_text(folder / "file"); }), ExitStatus::failed);
}

}  // namespace
}  // namespace alphaprune::support
