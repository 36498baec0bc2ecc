#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <string>
#include <string_view>

#include "alphaprune/cli/help.hpp"
#include "alphaprune/support/message.hpp"

namespace alphaprune::cli {
namespace {

const support::BadRequest<std::string> kNoSuchMessage{
    "cli.no-such-message", "no message of the program contains '{}'",
    "help errors searches ids and texts, in which … stands for names and numbers",
    "give a few words of the message without its names and numbers; help errors alone lists all"};

constexpr std::string_view kIntroduction = R"(# Errors and warnings

Every message of alphaprune_mpi: what it says, what follows from it, why it happens and what to do. In the texts
`…` stands for what is filled in: names, numbers, what the system or a library says. How to read an error, and what
happens most often, is in [troubleshooting.md](troubleshooting.md). This page is the output of
`alphaprune_mpi help errors`; `alphaprune_mpi help errors WORD` shows the messages that contain a word.
)";

/// Headings of the areas; an area that is not listed goes by its name alone.
const std::map<std::string_view, std::string_view> kAreas{
    {"allocation", "sparsity ratios"},
    {"checkpoint", "checkpoint.h5, export, verify"},
    {"cli", "command line and options"},
    {"commands", "commands, inputs and the output folder"},
    {"device", "GPUs"},
    {"formats", "file formats"},
    {"linalg", "linear algebra"},
    {"model", "models, weights and tokens"},
    {"parallel", "ranks and nodes"},
    {"phases", "distributed stages"},
    {"planning", "plan, memory and machine"},
    {"pruning", "pruning"},
    {"report", "report.json"},
    {"resume", "continuing a run"},
    {"spectrum", "spectra and metrics"},
    {"support", "files and the system"},
};

std::string_view area_of(const support::Message& message) {
    return message.id().substr(0, message.id().find('.'));
}

std::string heading(std::string_view area) {
    const auto found = kAreas.find(area);
    return found == kAreas.end() ? fmt::format("\n## {}\n", area)
                                 : fmt::format("\n## {}: {}\n", area, found->second);
}

/// A format string as a reader sees it: "…" for every field, single braces.
std::string without_fields(std::string_view format) {
    std::string text;
    for (std::size_t at = 0; at < format.size(); ++at) {
        const bool doubled = at + 1 < format.size() && format[at + 1] == format[at];
        if ((format[at] == '{' || format[at] == '}') && doubled) {
            text += format[at++];
        } else if (format[at] == '{') {
            text += "…";
            at = format.find('}', at);
        } else {
            text += format[at];
        }
    }
    return text;
}

/// Characters that Markdown would take for markup.
std::string escaped(std::string_view text) {
    std::string safe;
    for (const char c : text) {
        if (c == '<' || c == '*' || c == '`') {
            safe += '\\';
        }
        safe += c;
    }
    return safe;
}

std::string as_code(const std::string& text) {
    const bool has_backtick = text.find('`') != std::string::npos;
    return has_backtick ? fmt::format("`` {} ``", text) : fmt::format("`{}`", text);
}

std::string entry(const support::Message& message) {
    const bool warns = message.status() == support::ExitStatus::done;
    std::string text =
        fmt::format("\n### {}\n\n{}\n\n", message.id(), as_code(without_fields(message.text())));
    text += warns ? std::string("- warning: the run continues\n")
                  : fmt::format("- exit status: {}\n", static_cast<int>(message.status()));
    if (!message.cause().empty()) {
        text += fmt::format("- cause: {}\n", escaped(message.cause()));
    }
    if (!message.remedy().empty()) {
        text += fmt::format("- remedy: {}\n", escaped(without_fields(message.remedy())));
    }
    return text;
}

bool contains(std::string_view text, std::string_view word) {
    const auto same = [](unsigned char a, unsigned char b) {
        return std::tolower(a) == std::tolower(b);
    };
    return std::search(text.begin(), text.end(), word.begin(), word.end(), same) != text.end();
}

}  // namespace

std::string error_catalogue() {
    std::string text(kIntroduction);
    std::string_view area;
    for (const support::Message* message : support::all_messages()) {
        if (area_of(*message) != area) {
            area = area_of(*message);
            text += heading(area);
        }
        text += entry(*message);
    }
    return text;
}

std::string error_catalogue(std::string_view word) {
    std::string text;
    for (const support::Message* message : support::all_messages()) {
        if (message->id() == word) {
            return entry(*message).substr(1);
        }
        if (contains(message->id(), word) || contains(without_fields(message->text()), word)) {
            text += entry(*message);
        }
    }
    if (text.empty()) {
        throw kNoSuchMessage("help errors", std::string(word));
    }
    return text.substr(1);
}

}  // namespace alphaprune::cli
