#include "alphaprune/support/file.hpp"

#include <gtest/gtest.h>

#include "alphaprune/support/checksum.hpp"
#include "alphaprune/support/clock.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/machine.hpp"
#include "support/temporary_folder.hpp"

namespace alphaprune::support {
namespace {

TEST(File, ReadsExactlyWhatIsAsked) {
    const test::TemporaryFolder folder;
    const auto path = folder.path() / "digits";
    write_text_atomically(path, "0123456789");
    const File file = File::open_for_reading(path);
    EXPECT_EQ(file.size(), 10U);
    std::string middle(4, ' ');
    file.read_at(3, std::as_writable_bytes(std::span(middle)));
    EXPECT_EQ(middle, "3456");
}

TEST(File, WritesAtAnyPlaceAndKeepsTheRest) {
    const test::TemporaryFolder folder;
    const auto path = folder.path() / "digits";
    write_text_atomically(path, "0123456789");
    {
        File file = File::open_for_writing(path);
        file.write_at(8, std::as_bytes(std::span(std::string_view("ABCD"))));
        file.write_at(2, std::as_bytes(std::span(std::string_view("xy"))));
        file.write_at(0, {});
    }
    EXPECT_EQ(read_text(path), "01xy4567ABCD");
}

TEST(File, StreamsMuchToAnyPlace) {
    const test::TemporaryFolder folder;
    const auto path = folder.path() / "much";
    std::string much((std::size_t{17} << 20) + 5, ' ');
    for (std::size_t i = 0; i < much.size(); ++i) {
        much[i] = static_cast<char>('a' + i % 23);
    }
    write_text_atomically(path, "0123456789");
    {
        File file = File::open_for_writing(path);
        file.stream_at(7, std::as_bytes(std::span(much)));
        file.stream_at(1, std::as_bytes(std::span(std::string_view("xy"))));
        file.stream_at(0, {});
        file.sync();
    }
    EXPECT_TRUE(read_text(path) == "0xy3456" + much);
}

TEST(File, WhatIsWrittenToMustExistAndBeNoLink) {
    const test::TemporaryFolder folder;
    write_text_atomically(folder.path() / "target", "kept");
    std::filesystem::create_symlink("target", folder.path() / "link");
    EXPECT_THROW(File::open_for_writing(folder.path() / "link"), Error);
    EXPECT_THROW(File::open_for_writing(folder.path() / "absent"), Error);
    EXPECT_EQ(read_text(folder.path() / "target"), "kept");
}

TEST(File, AFileThatEndsEarlyIsNamedWithThePlace) {
    const test::TemporaryFolder folder;
    const auto path = folder.path() / "short";
    write_text_atomically(path, "0123456789");
    const File file = File::open_for_reading(path);
    std::string beyond(5, ' ');
    try {
        file.read_at(8, std::as_writable_bytes(std::span(beyond)));
        ADD_FAILURE() << "no error";
    } catch (const Error& error) {
        EXPECT_EQ(error.faults()[0].what, "the file ends at byte 10, 3 bytes early");
        EXPECT_EQ(error.faults()[0].where, path.string());
        EXPECT_EQ(error.status(), ExitStatus::failed);
    }
}

TEST(File, MissingFilesAndFoldersAreRefused) {
    const test::TemporaryFolder folder;
    EXPECT_THROW(File::open_for_reading(folder.path() / "absent"), Error);
    EXPECT_THROW(File::open_for_reading(folder.path()), Error);
    EXPECT_THROW(read_text(folder.path() / "absent"), Error);
}

TEST(File, TextOverTheLimitIsRefusedBeforeItIsRead) {
    const test::TemporaryFolder folder;
    write_text_atomically(folder.path() / "long", std::string(100, 'x'));
    EXPECT_EQ(read_text(folder.path() / "long", 100).size(), 100U);
    EXPECT_THROW(read_text(folder.path() / "long", 99), Error);
}

TEST(File, WhatIsWrittenAppearsWholeAndLeavesNoPartialFile) {
    const test::TemporaryFolder folder;
    const auto path = folder.path() / "result";
    write_text_atomically(path, "first");
    write_text_atomically(path, "second");
    EXPECT_EQ(read_text(path), "second");
    EXPECT_FALSE(std::filesystem::exists(partial_name(path)));
}

TEST(Checksum, PartsOfATensorAddUp) {
    std::vector<std::byte> rows(7 * 24);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        rows[i] = static_cast<std::byte>(i * 31 % 251);
    }
    const std::span<const std::byte> all(rows);
    const std::uint64_t whole = checksum_of_rows(all, 24, 0);
    EXPECT_EQ(
        checksum_of_rows(all.first(3 * 24), 24, 0) + checksum_of_rows(all.subspan(3 * 24), 24, 3),
        whole);
    std::swap_ranges(rows.begin(), rows.begin() + 24, rows.begin() + 24);  // rows 0 and 1
    EXPECT_NE(checksum_of_rows(all, 24, 0), whole);
}

TEST(Human, DurationsAndSizes) {
    EXPECT_EQ(human_duration(0.44), "0.4 s");
    EXPECT_EQ(human_duration(59.6), "1 min 00 s");
    EXPECT_EQ(human_duration(185), "3 min 05 s");
    EXPECT_EQ(human_duration(7800), "2 h 10 min");
    EXPECT_EQ(human_bytes(812), "812 B");
    EXPECT_EQ(human_bytes(3'400'000), "3.4 MB");
    EXPECT_EQ(human_bytes(999'950'000), "1.0 GB");
}

TEST(Human, TheClockCanBeFixed) {
    setenv("SOURCE_DATE_EPOCH", "86400", 1);
    EXPECT_EQ(utc_timestamp(), "1970-01-02T00:00:00Z");
    unsetenv("SOURCE_DATE_EPOCH");
    EXPECT_EQ(utc_timestamp().size(), 20U);
}

}  // namespace
}  // namespace alphaprune::support
