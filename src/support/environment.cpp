#include "alphaprune/support/environment.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

#include "alphaprune/support/message.hpp"

namespace alphaprune::support {
namespace {

const BadRequest<std::string_view, std::string_view> kNoSwitch{
    "support.no-switch", "{} says neither yes nor no: '{}'",
    "the variable turns something on or off", "set it to 1 or 0"};

}  // namespace

std::optional<std::string> environment_variable(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value != nullptr && *value != '\0' ? std::optional<std::string>(value) : std::nullopt;
}

std::vector<std::string> whole_environment() {
    std::vector<std::string> variables;
    for (char** variable = environ; *variable != nullptr; ++variable) {
        variables.emplace_back(*variable);
    }
    return variables;
}

std::optional<bool> switch_in(const EnvironmentLookup& environment, const std::string& variable) {
    constexpr std::array<std::string_view, 8> kAnswers{"1", "true",  "yes", "on",
                                                       "0", "false", "no",  "off"};
    const std::optional<std::string> value = environment(variable);
    if (!value || value->empty()) {
        return std::nullopt;
    }
    const auto found = std::ranges::find(kAnswers, *value);
    if (found == kAnswers.end()) {
        throw kNoSwitch("environment variable " + variable, variable, *value);
    }
    return found - kAnswers.begin() < 4;
}

}  // namespace alphaprune::support
