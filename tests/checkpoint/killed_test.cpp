#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "checkpoint/folders.hpp"
#include "support/temporary_folder.hpp"

namespace alphaprune::test {
namespace {

namespace fs = std::filesystem;

/// The exit status of the writer on so many ranks. @param microseconds  until it is killed; 0:
/// never
int write_with(int ranks, const fs::path& folder, long microseconds) {
    return std::system(fmt::format("timeout -s KILL 60 '{}' -n {} '{}' '{}' {} 2>>'{}'",
                                   std::getenv("MPIEXEC"), ranks, KILLED_WRITER, folder.string(),
                                   microseconds, (folder / "stderr").string())
                           .c_str());
}

TEST(KilledWriter, LeavesWhatALaterOneCompletesToTheSameBytes) {
    const TemporaryFolder folder;
    fs::create_directory(folder / "whole");
    ASSERT_EQ(write_with(1, folder / "whole", 0), 0) << support::read_text(folder / "whole/stderr");
    std::mt19937 engine(7);
    int killed = 0;
    for (int round = 0; round < 2; ++round) {
        const fs::path place = folder / std::to_string(round);
        fs::create_directory(place);
        for (int attempt = 0; attempt < 2; ++attempt) {
            const int ranks = 1 + static_cast<int>(engine() % 3);
            killed += write_with(ranks, place, 1 + static_cast<long>(engine() % 150'000)) != 0;
        }
        ASSERT_EQ(write_with(2, place, 0), 0) << support::read_text(place / "stderr");
        EXPECT_TRUE(support::read_text(place / "checkpoint.h5") ==
                    support::read_text(folder / "whole/checkpoint.h5"));
        EXPECT_TRUE(files_in(place / "hf") == files_in(folder / "whole/hf"));
        EXPECT_FALSE(fs::exists(place / "checkpoint.h5.partial"));
        EXPECT_FALSE(fs::exists(place / "hf.partial"));
    }
    EXPECT_GT(killed, 0);  // or the test would show nothing
}

}  // namespace
}  // namespace alphaprune::test
