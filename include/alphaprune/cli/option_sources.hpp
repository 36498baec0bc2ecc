#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/support/error.hpp"

namespace alphaprune::cli {

/// Where an option may come from, the strongest first.
enum class Source { command_line, config_file, environment };

/// Stands between the values of an option that was given several times.
inline constexpr char kBetweenValues = '\n';

/// An option as somebody wrote it, not yet understood.
struct Setting {
    std::string name;   ///< in the table's spelling: words joined by dashes
    std::string value;  ///< "true" for a switch without value
    Source source{};
    std::string origin;  ///< "command line", "FILE, line 3", "environment variable ALPHAPRUNE_…"
};

struct CommandLine {
    std::vector<Setting> settings;
    std::vector<std::string> words;  ///< those that belong to no option, in order
};

/// With dashes between the words.
std::string canonical_name(std::string_view written);

/// Faults of form (a missing value, a value for a switch) go to `faults`; names are not judged.
CommandLine read_command_line(std::vector<std::string> arguments, support::FaultList& faults);

/// "name = value" lines, from text that was read from `file`.
std::vector<Setting> read_config(std::string_view text, std::string_view file,
                                 support::FaultList& faults);

/// The variables named ALPHAPRUNE_… that have a value and are options.
std::vector<Setting> read_environment(const std::vector<std::string>& environment);

}  // namespace alphaprune::cli
