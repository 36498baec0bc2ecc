#pragma once

#include <cstdlib>
#include <mutex>
#include <string>

// What environment variables tell the made-up module.

inline int told(const char* variable) {
    const char* const value = std::getenv(variable);
    return value == nullptr ? 0 : std::atoi(value);
}

/// Whether the piece of work that is begun is the one; the variable counts down.
inline bool is_due(const char* variable) {
    static std::mutex one_at_a_time;
    const std::scoped_lock lock(one_at_a_time);
    const int left = told(variable);
    if (left > 0) {
        ::setenv(variable, std::to_string(left - 1).c_str(), 1);
    }
    return left == 1;
}
