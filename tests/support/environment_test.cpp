#include "alphaprune/support/environment.hpp"

#include <gtest/gtest.h>

#include "alphaprune/support/error.hpp"

namespace alphaprune::support {
namespace {

std::optional<bool> read(const std::string& value) {
    return switch_in([&](const std::string&) { return std::optional(value); }, "A_VARIABLE");
}

TEST(Environment, ASwitchIsOnOffOrNotThere) {
    EXPECT_EQ(switch_in([](const std::string&) { return std::nullopt; }, "A_VARIABLE"),
              std::nullopt);
    EXPECT_EQ(read(""), std::nullopt);
    for (const char* yes : {"1", "true", "yes", "on"}) {
        EXPECT_EQ(read(yes), true) << yes;
    }
    for (const char* no : {"0", "false", "no", "off"}) {
        EXPECT_EQ(read(no), false) << no;
    }
}

TEST(Environment, ASwitchThatSaysSomethingElseIsRefused) {
    try {
        read("perhaps");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.status(), ExitStatus::bad_request);
        EXPECT_NE(std::string(error.what()).find("A_VARIABLE says neither yes nor no: 'perhaps'"),
                  std::string::npos);
    }
}

}  // namespace
}  // namespace alphaprune::support
