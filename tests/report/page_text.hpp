#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace alphaprune::test {

inline std::size_t occurrences(const std::string& text, const std::string& part) {
    std::size_t count = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
        ++count;
    }
    return count;
}

inline void expect_none_of(const std::string& page, const std::vector<std::string>& parts) {
    for (const std::string& part : parts) {
        EXPECT_EQ(page.find(part), std::string::npos) << part;
    }
}

/// What stands between the first `before` in the text and the first `after` behind it.
inline std::string between(const std::string& text, const std::string& before,
                           const std::string& after) {
    const auto begin = text.find(before);
    if (begin == std::string::npos) {
        return {};
    }
    const auto from = begin + before.size();
    return text.substr(from, text.find(after, from) - from);
}

}  // namespace alphaprune::test
