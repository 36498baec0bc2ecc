#include "completion.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "alphaprune/support/message.hpp"
#include "option_table.hpp"
#include "option_values.hpp"
#include "recipes.hpp"

namespace alphaprune::cli {
namespace {

const support::BadRequest<std::string> kUnknownShell{
    "cli.unknown-shell", "there is no completion for '{}'",
    "help completion knows bash, zsh and fish",
    "write help completion bash, help completion zsh or help completion fish"};

/// What may stand behind an option or a command.
struct Expected {
    bool paths = false;
    std::vector<std::string> values;
};

Expected expected_of(const OptionSpec& spec, const OptionValues& values) {
    if (const auto known = values.find(spec.name); known != values.end()) {
        return {false, known->second};
    }
    const bool paths =
        spec.argument == "FILE" || spec.argument == "DIR" || spec.argument == "MODEL";
    return {paths, {}};
}

/// What stands behind a command, beside options.
Expected expected_of(Command command) {
    if (command == Command::help) {
        return {false, {"errors", "completion", "man"}};
    }
    return {command == Command::verify, {}};
}

/// So much of the help that a line beside the option holds it.
std::string brief(std::string_view help) {
    constexpr std::size_t kLongest = 80;
    if (help.size() <= kLongest) {
        return std::string(help);
    }
    return std::string(help.substr(0, help.rfind(' ', kLongest))) + " …";
}

std::string replaced(std::string_view text, std::string_view what, std::string_view with) {
    std::string result(text);
    for (std::size_t at = 0; (at = result.find(what, at)) != std::string::npos; at += with.size()) {
        result.replace(at, what.size(), with);
    }
    return result;
}

/// In single quotes, for a shell that knows no escapes in them.
std::string in_single_quotes(std::string_view text) {
    return "'" + replaced(text, "'", "'\\''") + "'";
}

std::string command_names(std::string_view between) {
    std::vector<std::string_view> names;
    for (const CommandSpec& spec : command_table()) {
        names.push_back(spec.name);
    }
    return fmt::format("{}", fmt::join(names, between));
}

std::string bash_options(Command command) {
    std::string options;
    for (const OptionSpec& spec : option_table()) {
        if (spec.known_to(command)) {
            options += fmt::format("{}--{}", options.empty() ? "" : " ", spec.name);
        }
    }
    return options;
}

std::string bash_script() {
    std::string values;
    std::string paths;
    std::string others;
    const OptionValues known = option_values();
    for (const OptionSpec& spec : option_table()) {
        const Expected expected = expected_of(spec, known);
        if (!expected.values.empty()) {
            values += fmt::format("        --{}) words='{}' ;;\n", spec.name,
                                  fmt::join(expected.values, " "));
        } else if (!spec.is_switch()) {
            std::string& list = expected.paths ? paths : others;
            list += fmt::format("{}--{}", list.empty() ? "" : " | ", spec.name);
        }
    }
    std::string commands;
    for (const CommandSpec& spec : command_table()) {
        const Expected expected = expected_of(spec.command);
        commands += fmt::format("        {}) words='{} {}'{} ;;\n", spec.name,
                                fmt::join(expected.values, " "), bash_options(spec.command),
                                expected.paths ? " paths=1" : "");
    }
    return fmt::format(R"(# Completion of alphaprune_mpi for bash: source it, or put it into
# ~/.local/share/bash-completion/completions/alphaprune_mpi
_alphaprune_mpi() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}}
    local command=run words='' paths=0
    if [[ $before == = ]]; then
        before=${{COMP_WORDS[COMP_CWORD - 2]}}
    elif [[ $current == = ]]; then
        current=''
    fi
    case ${{COMP_WORDS[1]}} in
        {0}) command=${{COMP_WORDS[1]}} ;;
    esac
    before=${{before//_/-}}
    case $before in
{1}        {2}) paths=1 ;;
        {3}) return ;;
        completion) words='bash zsh fish' ;;
        *)
            case $command in
{4}            esac
            if ((COMP_CWORD == 1)); then
                words="{5} $words"
            fi
            ;;
    esac
    if ((paths)) && [[ $current != -* ]]; then
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    else
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    fi
}}
complete -F _alphaprune_mpi alphaprune_mpi
)",
                       command_names(" | "), values, paths, others,
                       replaced(commands, "        ", "                "), command_names(" "));
}

/// A specification for _arguments.
std::string zsh_option(const OptionSpec& spec, const OptionValues& known) {
    std::string text = brief(spec.help);
    for (const std::string_view special : {"\\", "[", "]"}) {
        text = replaced(text, special, "\\" + std::string(special));
    }
    std::string line = fmt::format("{}--{}{}[{}]", spec.repeatable ? "*" : "", spec.name,
                                   spec.is_switch() ? "" : "=", text);
    if (!spec.is_switch()) {
        const Expected expected = expected_of(spec, known);
        std::vector<std::string> values;
        for (const std::string& value : expected.values) {
            values.push_back(replaced(value, ":", "\\:"));
        }
        line += fmt::format(":{}:{}", replaced(spec.argument, ":", "\\:"),
                            expected.paths   ? "_files"
                            : values.empty() ? ""
                                             : fmt::format("({})", fmt::join(values, " ")));
    }
    return "            " + in_single_quotes(line) + "\n";
}

std::string zsh_script() {
    const OptionValues known = option_values();
    std::string commands;
    std::string cases;
    for (const CommandSpec& spec : command_table()) {
        commands +=
            "        " + in_single_quotes(fmt::format("{}:{}", spec.name, brief(spec.help))) + "\n";
        cases += fmt::format("        {}) specs=(\n", spec.name);
        for (const OptionSpec& option : option_table()) {
            if (option.known_to(spec.command)) {
                cases += zsh_option(option, known);
            }
        }
        const Expected expected = expected_of(spec.command);
        if (expected.paths) {
            cases += "            '1:folder or checkpoint:_files'\n";
        } else if (!expected.values.empty()) {
            cases += fmt::format("            '1:topic:({})' '2:shell:(bash zsh fish)'\n",
                                 fmt::join(expected.values, " "));
        }
        cases += "        ) ;;\n";
    }
    return fmt::format(R"(#compdef alphaprune_mpi
# Completion of alphaprune_mpi for zsh: put it into a folder of $fpath, under the name _alphaprune_mpi
_alphaprune_mpi() {{
    local command=run
    local -a commands specs
    commands=(
{0}    )
    if ((CURRENT == 2)) && [[ ${{words[2]}} != -* ]]; then
        _describe command commands
        return
    fi
    case ${{words[2]}} in
        {1}) command=${{words[2]}}; shift words; ((CURRENT--)) ;;
    esac
    case $command in
{2}    esac
    _arguments $specs
}}
if [[ ${{funcstack[1]}} == _alphaprune_mpi ]]; then
    _alphaprune_mpi "$@" # found in $fpath: this file is the function that was asked
else
    compdef _alphaprune_mpi alphaprune_mpi
fi
)",
                       commands, command_names("|"), cases);
}

std::string fish_script() {
    const OptionValues known = option_values();
    const auto fish_quoted = [](std::string_view text) {  // knows \' and \\ in quotes
        return "'" + replaced(replaced(text, "\\", "\\\\"), "'", "\\'") + "'";
    };
    std::string text = fmt::format(
        R"(# Completion of alphaprune_mpi for fish: put it into ~/.config/fish/completions/alphaprune_mpi.fish
function __alphaprune_mpi_command
    set -l words (commandline -opc)
    if set -q words[2]; and contains -- $words[2] {0}
        echo $words[2]
    else
        echo run
    end
end
complete -c alphaprune_mpi -f
complete -c alphaprune_mpi -n 'contains -- (__alphaprune_mpi_command) verify' -F
complete -c alphaprune_mpi -n 'contains -- (__alphaprune_mpi_command) help' -a 'errors completion man'
complete -c alphaprune_mpi -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'
)",
        command_names(" "));
    for (const CommandSpec& spec : command_table()) {
        text += fmt::format("complete -c alphaprune_mpi -n __fish_use_subcommand -a {} -d {}\n",
                            spec.name, fish_quoted(brief(spec.help)));
    }
    for (const OptionSpec& spec : option_table()) {
        std::vector<std::string_view> commands;
        for (const CommandSpec& command : command_table()) {
            if (spec.known_to(command.command)) {
                commands.push_back(command.name);
            }
        }
        const Expected expected = expected_of(spec, known);
        text += fmt::format(
            "complete -c alphaprune_mpi -n 'contains -- (__alphaprune_mpi_command) {}' -l {}{} -d "
            "{}\n",
            fmt::join(commands, " "), spec.name,
            spec.is_switch()          ? ""
            : expected.paths          ? " -r -F"
            : expected.values.empty() ? " -x"
                                      : fmt::format(" -x -a '{}'", fmt::join(expected.values, " ")),
            fish_quoted(brief(spec.help)));
    }
    return text;
}

}  // namespace

std::string completion_script(std::string_view shell) {
    if (shell == "bash") {
        return bash_script();
    }
    if (shell == "zsh") {
        return zsh_script();
    }
    if (shell == "fish") {
        return fish_script();
    }
    throw kUnknownShell("help completion", std::string(shell));
}

}  // namespace alphaprune::cli
