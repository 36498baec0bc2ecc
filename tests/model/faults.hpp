#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/support/error.hpp"

namespace alphaprune::test {

/// The faults of the bad_request that `action` must throw; each must say where it is and what to
/// do.
template <class Action>
std::vector<support::Fault> faults_of(Action action) {
    try {
        action();
    } catch (const support::Error& error) {
        EXPECT_EQ(error.status(), support::ExitStatus::bad_request) << error.what();
        for (const support::Fault& fault : error.faults()) {
            EXPECT_FALSE(fault.where.empty()) << fault.what;
            EXPECT_FALSE(fault.remedy.empty()) << fault.what;
        }
        return error.faults();
    }
    ADD_FAILURE() << "nothing was thrown";
    return {};
}

/// How many of the faults mention all of those words, in the message or the place.
inline int count_faults(const std::vector<support::Fault>& faults,
                        const std::vector<std::string_view>& words) {
    int count = 0;
    for (const support::Fault& fault : faults) {
        const std::string text = fault.what + "\n" + fault.where;
        bool all = true;
        for (const std::string_view word : words) {
            all = all && text.find(word) != std::string::npos;
        }
        count += all ? 1 : 0;
    }
    return count;
}

/// For the output of a failing expectation.
inline std::string text_of(const std::vector<support::Fault>& faults) {
    std::string text;
    for (const support::Fault& fault : faults) {
        text += support::to_text(fault);
    }
    return text;
}

}  // namespace alphaprune::test
