#include "alphaprune/parallel/mailbox.hpp"

#include <gtest/gtest.h>

#include <map>
#include <numeric>

#include "support/world.hpp"

namespace alphaprune::parallel {
namespace {

using test::world;

TEST(Mailbox, EveryLetterArrivesOnceAndWhole) {
    // From rank r to rank t: `t` letters, of lengths 0, 5000, 10000, …, the subject naming both.
    std::map<std::int64_t, std::int64_t> arrived;
    Mailbox mailbox(world(), [&](std::int64_t subject, std::span<const double> values) {
        ++arrived[subject];
        EXPECT_EQ(std::ssize(values), subject % 100 * 5000);
        for (std::size_t i = 0; i < values.size(); ++i) {
            ASSERT_EQ(values[i], static_cast<double>(subject) + static_cast<double>(i));
        }
    });
    for (int to = 0; to < world().size(); ++to) {
        for (int letter = 0; letter < to + 2; ++letter) {
            const std::int64_t subject = world().rank() * 10000 + to * 100 + letter;
            std::vector<double> values(static_cast<std::size_t>(letter) * 5000);
            std::iota(values.begin(), values.end(), static_cast<double>(subject));
            mailbox.post(to, subject, values);
        }
        mailbox.collect();
    }
    mailbox.finish();
    std::size_t expected = 0;
    for (int from = 0; from < world().size(); ++from) {
        for (int letter = 0; letter < world().rank() + 2; ++letter) {
            EXPECT_EQ(arrived[from * 10000 + world().rank() * 100 + letter], 1);
            ++expected;
        }
    }
    EXPECT_EQ(arrived.size(), expected);
}

TEST(Mailbox, NobodyNeedWrite) {
    Mailbox mailbox(world(),
                    [](std::int64_t, std::span<const double>) { ADD_FAILURE() << "a letter"; });
    mailbox.collect();
    mailbox.finish();
}

TEST(Mailbox, TwoAtATimeKeepApart) {
    int first = 0;
    int second = 0;
    Mailbox one(world(), [&](std::int64_t subject, std::span<const double>) {
        EXPECT_EQ(subject, 1);
        ++first;
    });
    Mailbox other(world(), [&](std::int64_t subject, std::span<const double>) {
        EXPECT_EQ(subject, 2);
        ++second;
    });
    for (int to = 0; to < world().size(); ++to) {
        other.post(to, 2, {});
        one.post(to, 1, {});
    }
    one.finish();
    other.finish();
    EXPECT_EQ(first, world().size());
    EXPECT_EQ(second, world().size());
}

}  // namespace
}  // namespace alphaprune::parallel
