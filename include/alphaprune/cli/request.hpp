#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/cli/option_sources.hpp"
#include "alphaprune/cli/options.hpp"

namespace alphaprune::cli {

/// What the user asked for, every option at most once and from its strongest source, the values not
/// yet understood.
struct Request {
    std::optional<Command> command;  ///< nothing: the command word is unknown
    std::map<std::string, Setting, std::less<>> settings;
    std::vector<std::string> words;

    const Setting* find(std::string_view name) const;
};

/// What the command line says by itself, the same on every rank. Unknown options, duplicates and
/// stray words go to `faults`; --help and --version win over them.
Request request_of_line(const std::vector<std::string>& arguments, support::FaultList& faults);

/// The same with what configuration file and environment add.
Request gather_request(const std::vector<std::string>& arguments,
                       const std::vector<std::string>& environment, support::FaultList& faults);

/// Finds options that have no effect beside another one that was chosen. From the same source or a
/// stronger one that is a fault; from a weaker one (a configuration file's epsilon, when the
/// command line says --allocation uniform) the option is dropped.
void settle_conflicts(Request& request, support::FaultList& faults);

}  // namespace alphaprune::cli
