#pragma once

#include <cstdlib>
#include <optional>
#include <string>

namespace alphaprune {

/// The value of an environment variable; nothing when it is not set, or empty.
inline std::optional<std::string> environment_variable(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value != nullptr && *value != '\0' ? std::optional<std::string>(value) : std::nullopt;
}

}  // namespace alphaprune
