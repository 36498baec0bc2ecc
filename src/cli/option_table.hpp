#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/cli/options.hpp"

namespace alphaprune::cli {

/// One option of the program: the one place that knows its name, who understands it and what
/// --help says of it.
struct OptionSpec {
    std::string_view name;      ///< words joined by dashes
    std::string_view argument;  ///< what --help calls its value; empty: a switch
    std::string_view group;     ///< heading in --help
    std::vector<Command> commands;
    std::string help;
    bool repeatable = false;  ///< may be given several times

    bool is_switch() const { return argument.empty(); }
    bool known_to(Command command) const;
};

/// All options, in the order of --help.
const std::vector<OptionSpec>& option_table();
/// nullptr for an unknown name
const OptionSpec* find_option(std::string_view name);

struct CommandSpec {
    Command command;
    std::string_view name;
    std::string_view help;
};
/// The commands, in the order of --help.
std::span<const CommandSpec> command_table();
/// @pre  one of those in the table
std::string_view name_of(Command command);

}  // namespace alphaprune::cli
