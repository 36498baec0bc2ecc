#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/cli/options.hpp"
#include "alphaprune/support/error.hpp"
#include "option_values.hpp"

namespace alphaprune::cli {

/// Where an option may come from, the strongest first.
enum class Source {
    sweep,  ///< one of the values of a list on the command line, for one run of a sweep
    command_line,
    config_file,
    environment,
    recipe
};

/// The origin of what is wrong with the command line as a whole.
inline constexpr auto kCommandLine = "command line";

/// Separates the values of an option that was given several times.
inline constexpr char kBetweenValues = '\n';

/// An option as the user wrote it; its value has not been read yet.
struct Setting {
    std::string name;   ///< in the spelling of the table: words joined by dashes
    std::string value;  ///< "true" for a switch without a value
    Source source{};
    std::string origin;  ///< "command line", "FILE, line 3", "environment variable ALPHAPRUNE_…"
};

/// With dashes between the words.
std::string canonical_name(std::string_view written);
/// The value of a choice with underscores between its words; a path after a colon stays as it is.
std::string canonical_value(std::string_view written);

/// The candidate that the user most likely meant; empty when none is near.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

struct CommandLine {
    std::vector<Setting> settings;
    std::vector<std::string> words;  ///< those that belong to no option, in order
};

/// Faults of form (a missing value, a value for a switch) go to `faults`; names are not checked.
CommandLine read_command_line(std::vector<std::string> arguments, support::FaultList& faults);

/// "name = value" lines of a text that was read from `file`.
std::vector<Setting> read_config(std::string_view text, std::string_view file,
                                 support::FaultList& faults);

/// The variables named ALPHAPRUNE_… that have a value and are options.
std::vector<Setting> read_environment(const std::vector<std::string>& environment);

/// What the user asked for: every option at most once and from its strongest source, the values not
/// yet read.
struct Request {
    std::optional<Command> command;  ///< nothing: the command is unknown
    std::map<std::string, Setting, std::less<>> settings;
    std::vector<std::string> words;  ///< what stands beside the options: verify DIR, help errors
    /// Takes the values of each choice among some that is read; nullptr: nobody asks.
    OptionValues* values = nullptr;

    const Setting* find(std::string_view name) const;
};

/// The request as the command line alone states it. Unknown options, duplicates and stray words go
/// to `faults`; --help and --version take precedence over them.
Request request_of_line(const std::vector<std::string>& arguments, support::FaultList& faults);

/// The request with what configuration file, environment and recipe add.
Request gather_request(const std::vector<std::string>& arguments,
                       const std::vector<std::string>& environment, support::FaultList& faults);

/// Finds options that have no effect beside another one that was chosen. If they come from the same
/// source as the other one, or from a stronger one, that is a fault; from a weaker one (the epsilon
/// of a configuration file, when the command line says --allocation uniform) they are dropped, as
/// are those of a recipe.
void settle_conflicts(Request& request, support::FaultList& faults);

/// The values of a request as options; those that are unreadable, out of range or missing go to
/// `faults`.
/// @param request  with a command other than help, version and sweep, its conflicts settled
Options options_of(const Request& request, support::FaultList& faults);

/// Whether a request to `plan` lists values as `sweep` takes them, and so is about a sweep.
bool lists_runs(const Request& request);

/// The same for a sweep, or its plan: its points, and in the options themselves what they have in
/// common (the model, texts, the metric). Faults of several points are told once. Options that have
/// no effect in any point and come from weaker sources are dropped from the request.
Options options_of_sweep(Request& request, support::FaultList& faults);

}  // namespace alphaprune::cli
