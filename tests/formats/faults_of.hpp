#pragma once

#include <gtest/gtest.h>

#include <string>

#include "alphaprune/support/error.hpp"

namespace alphaprune::test {

/// The text of the bad_request that `action` throws; a test failure when it throws none.
template <class Action>
std::string faults_of(Action action) {
    try {
        action();
    } catch (const support::Error& error) {
        EXPECT_EQ(error.status(), support::ExitStatus::bad_request);
        for (const support::Fault& fault : error.faults()) {
            EXPECT_FALSE(fault.where.empty()) << fault.what;
            EXPECT_FALSE(fault.remedy.empty()) << fault.what;
        }
        return error.what();
    }
    ADD_FAILURE() << "nothing was thrown";
    return "";
}

inline bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace alphaprune::test
