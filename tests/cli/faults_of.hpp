#pragma once

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <string>
#include <vector>

#include "alphaprune/cli/options.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::test {

using Words = std::vector<std::string>;

inline cli::Options parsed(const Words& arguments) {
    return cli::parse_options(arguments, {});
}

/// The faults that parsing finds, each as "what | where | remedy".
inline Words faults_of(const Words& arguments, const Words& environment = {}) {
    Words texts;
    try {
        cli::parse_options(arguments, environment);
    } catch (const support::Error& error) {
        EXPECT_EQ(error.status(), support::ExitStatus::bad_request);
        for (const support::Fault& fault : error.faults()) {
            EXPECT_FALSE(fault.remedy.empty()) << fault.what;
            texts.push_back(fmt::format("{} | {} | {}", fault.what, fault.where, fault.remedy));
        }
    }
    return texts;
}

/// Expects one fault a part, each holding its part, in order.
inline void expect_faults(const Words& arguments, const Words& parts,
                          const Words& environment = {}) {
    const Words faults = faults_of(arguments, environment);
    EXPECT_EQ(faults.size(), parts.size());
    for (std::size_t i = 0; i < std::max(parts.size(), faults.size()); ++i) {
        const std::string fault = i < faults.size() ? faults[i] : "(no fault)";
        const std::string part = i < parts.size() ? parts[i] : "(none expected)";
        EXPECT_NE(fault.find(part), std::string::npos) << "expected: " << part << "\nis: " << fault;
    }
}

/// A run that lacks nothing, with more arguments.
inline Words run_with(const Words& more) {
    Words arguments{"--model", "m", "--output", "o"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
}

}  // namespace alphaprune::test
