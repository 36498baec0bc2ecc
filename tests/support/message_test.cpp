#include "alphaprune/support/message.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

namespace alphaprune::support {
namespace {

const BadRequest<std::string, int> kShortFile{"test.short-file", "{} has only {} bytes",
                                              "it was cut off while it was copied",
                                              "copy {0} again"};
const Failure<> kNoRoom{"test.no-room", "there is no room", "the disk is full", "free some space"};
const Warning<int> kOdd{"test.odd", "{} is an odd number", "somebody chose it", "choose another"};

TEST(Message, BecomesAnErrorWithPlaceRemedyAndId) {
    const Error error = kShortFile("w.safetensors", "the header", 7);
    EXPECT_EQ(error.status(), ExitStatus::bad_request);
    ASSERT_EQ(error.faults().size(), 1);
    EXPECT_STREQ(error.what(),
                 "error: the header has only 7 bytes\n"
                 "  where:  w.safetensors\n"
                 "  remedy: copy the header again\n"
                 "  more:   alphaprune_mpi help errors test.short-file\n");
}

TEST(Message, AFailureNamesItsRank) {
    set_rank_name("2 on host n1");
    const Error error = kNoRoom("");
    set_rank_name("");
    EXPECT_EQ(error.status(), ExitStatus::failed);
    EXPECT_EQ(error.faults().front().rank, "2 on host n1");
}

TEST(Message, AWarningIsASentence) {
    EXPECT_EQ(kOdd(3), "3 is an odd number");
    EXPECT_EQ(kOdd.status(), ExitStatus::done);
}

TEST(Message, TheCatalogueIsSortedAndHasEachIdOnce) {
    std::set<std::string_view> ids;
    for (const Message* message : all_messages()) {
        EXPECT_TRUE(ids.insert(message->id()).second) << message->id();
        EXPECT_FALSE(message->text().empty()) << message->id();
        EXPECT_FALSE(message->cause().empty()) << message->id();
        EXPECT_FALSE(message->remedy().empty()) << message->id();
    }
    EXPECT_TRUE(ids.contains("test.odd"));
    EXPECT_TRUE(std::ranges::is_sorted(all_messages(), {}, &Message::id));
}

}  // namespace
}  // namespace alphaprune::support
