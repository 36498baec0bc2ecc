#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "alphaprune/cli/help.hpp"
#include "completion.hpp"
#include "option_table.hpp"

namespace alphaprune::cli {
namespace {

/// Text as roff takes it: nothing in it is a request or an escape.
std::string roff(std::string_view text) {
    std::string safe;
    for (const char c : text) {
        safe += c == '\\' ? "\\e" : c == '-' ? "\\-" : std::string(1, c);
    }
    return safe.starts_with('.') || safe.starts_with('\'') ? "\\&" + safe : safe;
}

/// --help without its options: the paragraphs, line by line.
std::vector<std::vector<std::string>> paragraphs_of_help() {
    std::vector<std::vector<std::string>> paragraphs(1);
    std::istringstream lines(help_text());
    for (std::string line; std::getline(lines, line);) {
        if (!line.empty()) {
            paragraphs.back().push_back(line);
        } else if (!paragraphs.back().empty()) {
            paragraphs.emplace_back();
        }
    }
    std::erase_if(paragraphs, [](const std::vector<std::string>& lines_of_it) {
        return lines_of_it.empty() ||
               std::ranges::any_of(option_table(), [&](const OptionSpec& spec) {
                   return lines_of_it.front() == std::string(spec.group) + ":";
               });
    });
    return paragraphs;
}

/// Indented lines as they are, others filled.
std::string body(const std::vector<std::string>& lines) {
    std::string text;
    bool as_it_is = false;
    for (const std::string& line : lines) {
        const bool indented = line.starts_with("  ");
        if (indented != as_it_is) {
            text += indented ? ".nf\n" : ".fi\n";
            as_it_is = indented;
        }
        text += roff(indented ? line.substr(2) : line) + "\n";
    }
    return text + (as_it_is ? ".fi\n" : "");
}

std::string options_section() {
    std::string text = ".SH OPTIONS\n";
    std::string_view group;
    for (const OptionSpec& spec : option_table()) {
        if (spec.group != group) {
            group = spec.group;
            text += fmt::format(".SS \"{}\"\n", roff(group));
        }
        text += fmt::format(".TP\n\\fB\\-\\-{}\\fR", roff(spec.name));
        if (!spec.is_switch()) {
            text += fmt::format(" \\fI{}\\fR", roff(spec.argument));
        }
        std::string commands;
        for (const CommandSpec& command : command_table()) {
            if (spec.known_to(command.command)) {
                commands += fmt::format("{}{}", commands.empty() ? "" : ", ", command.name);
            }
        }
        text += fmt::format("\n{}\n.br\n({})\n", roff(spec.help), roff(commands));
    }
    return text;
}

}  // namespace

std::string man_page() {
    std::string text = fmt::format(
        ".TH ALPHAPRUNE_MPI 1 \"\" \"alphaprune_mpi {}\" \"User Commands\"\n.SH NAME\n"
        "alphaprune_mpi \\- prunes large language models on clusters\n",
        program_version());
    const std::vector<std::vector<std::string>> paragraphs = paragraphs_of_help();
    // The first line names the program; the usage and the description follow, up to the commands.
    for (std::size_t p = 1; p < paragraphs.size(); ++p) {
        std::vector<std::string> lines = paragraphs[p];
        const std::string first = lines.front();
        const bool is_titled = first == "Commands:" || first == "Examples:";
        const std::string_view heading = p == 1                 ? ".SH SYNOPSIS\n"
                                         : p == 2               ? ".SH DESCRIPTION\n"
                                         : first == "Commands:" ? ".SH COMMANDS\n"
                                         : first == "Examples:" ? ".SH EXAMPLES\n"
                                         : first.starts_with("Exit status")
                                             ? ".SH \"EXIT STATUS\"\n"
                                         : first.starts_with("[run]") ? ".SH NOTES\n"
                                                                      : ".PP\n";
        lines.erase(lines.begin(), lines.begin() + (is_titled ? 1 : 0));
        text += std::string(heading) + body(lines);
        if (first == "Commands:") {
            text += options_section();
        }
    }
    return text;
}

}  // namespace alphaprune::cli
