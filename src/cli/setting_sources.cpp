#include "settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/program_options/errors.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <cctype>
#include <sstream>

#include "alphaprune/support/message.hpp"
#include "option_table.hpp"

namespace alphaprune::cli {
namespace {

namespace po = boost::program_options;
using support::BadRequest;

const BadRequest<std::string> kNameless{"cli.option-without-name", "'{}' names no option",
                                        "nothing stands between -- and =", "write --NAME=VALUE"};
const BadRequest<std::string> kNoValue{"cli.option-without-value", "{} needs a value",
                                       "the option is the last word, or another option follows it",
                                       "write {0} VALUE or {0}=VALUE"};
const BadRequest<std::string> kUnreadableLine{
    "cli.unreadable-command-line", "the command line cannot be read: {}",
    "its words do not follow the grammar of options", "write --NAME VALUE or --NAME=VALUE"};
const BadRequest<std::string> kUnreadableConfig{
    "cli.unreadable-config-line", "this line is not understood: {}",
    "a line of the --config file is not of the form name = value",
    "write one option per line, as name = value; there are no sections"};

constexpr std::string_view kPrefix = "ALPHAPRUNE_";
/// Variables that say how the process is started (commands/beginning.cpp), and are no options.
constexpr std::array kNoOptions{std::string_view("ALPHAPRUNE_MPI"),
                                std::string_view("ALPHAPRUNE_SUPERVISE")};

/// What Boost needs to know to split the line into options: names, and which take a value. Switches
/// may have one after an equals sign, as in a configuration file.
po::options_description grammar() {
    po::options_description options;
    for (const OptionSpec& spec : option_table()) {
        auto* semantic = po::value<std::string>();
        if (spec.is_switch()) {
            semantic->implicit_value("true");
        }
        options.add_options()(std::string(spec.name).c_str(), semantic);
    }
    return options;
}

/// "--sparsity_ratio=0.7" as "--sparsity-ratio=0.7"; "-h" as "--help"; "--unknown=", which Boost
/// rejects, as "--unknown". Words stay as they are.
std::string normalized(const std::string& argument) {
    if (argument == "-h") {
        return "--help";
    }
    if (!argument.starts_with("--") || argument.size() == 2) {
        return argument;
    }
    const auto end = std::min(argument.find('='), argument.size());
    const std::string name = canonical_name(argument.substr(2, end - 2));
    const bool unknown_and_empty = end + 1 == argument.size() && find_option(name) == nullptr;
    return "--" + name + (unknown_and_empty && !name.empty() ? "" : argument.substr(end));
}

/// Whether the argument at `at` is an option that takes a value and has none.
bool lacks_value(const std::vector<std::string>& arguments, std::size_t at) {
    const std::string_view argument = arguments[at];
    const auto name = argument.substr(2, argument.find('=') - 2);
    const OptionSpec* spec = find_option(name);
    if (spec == nullptr) {
        return false;
    }
    if (argument.ends_with('=')) {
        return argument.size() == name.size() + 3;
    }
    const bool value_may_follow = !spec->is_switch() && argument.find('=') == argument.npos;
    return value_may_follow && (at + 1 == arguments.size() || arguments[at + 1].starts_with("--"));
}

/// Boost would stop at the first option without its value, or take the next option for the value:
/// reports them all, and removes them.
void remove_valueless(std::vector<std::string>& arguments, support::FaultList& faults) {
    for (std::size_t at = 0; at < arguments.size() && arguments[at] != "--";) {
        const std::string option = arguments[at].substr(0, arguments[at].find('='));
        if (arguments[at].starts_with("--=")) {
            faults.add(kNameless(kCommandLine, arguments[at]));
        } else if (arguments[at].starts_with("--") && lacks_value(arguments, at)) {
            faults.add(kNoValue(kCommandLine, option));
        } else {
            ++at;
            continue;
        }
        arguments.erase(arguments.begin() + static_cast<std::ptrdiff_t>(at));
    }
}

std::vector<po::option> split_into_options(const std::vector<std::string>& arguments,
                                           support::FaultList& faults) {
    namespace style = po::command_line_style;
    const po::options_description options = grammar();
    try {
        return po::command_line_parser(arguments)
            .options(options)
            .style(style::allow_long | style::long_allow_adjacent | style::long_allow_next)
            .allow_unregistered()
            .run()
            .options;
    } catch (const po::error& problem) {
        faults.add(kUnreadableLine(kCommandLine, problem.what()));
        return {};
    }
}

std::string lower_case(std::string_view text) {
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return lower;
}

}  // namespace

std::string canonical_name(std::string_view written) {
    std::string name(written);
    std::ranges::replace(name, '_', '-');
    return name;
}

std::string canonical_value(std::string_view written) {
    std::string value(written);
    const auto colon = static_cast<std::ptrdiff_t>(std::min(value.find(':'), value.size()));
    std::replace(value.begin(), value.begin() + colon, '-', '_');
    return value;
}

CommandLine read_command_line(std::vector<std::string> arguments, support::FaultList& faults) {
    const auto end_of_options = std::ranges::find(arguments, "--");
    std::transform(arguments.begin(), end_of_options, arguments.begin(), normalized);
    remove_valueless(arguments, faults);
    CommandLine line;
    bool after_unknown = false;
    for (const po::option& option : split_into_options(arguments, faults)) {
        std::string value = option.value.empty() ? std::string() : option.value.front();
        const bool is_word = option.position_key >= 0;
        if (!is_word) {
            const OptionSpec* spec = find_option(option.string_key);
            if (spec != nullptr && spec->is_switch() && option.value.empty()) {
                value = "true";
            }
            line.settings.push_back({option.string_key, value, Source::command_line, kCommandLine});
        } else if (!after_unknown || value.starts_with('-')) {
            line.words.push_back(value);
        }  // else: the value, presumably, of an option that is reported as unknown
        after_unknown = !is_word && option.unregistered && option.value.empty();
    }
    return line;
}

std::vector<Setting> read_config(std::string_view text, std::string_view file,
                                 support::FaultList& faults) {
    const po::options_description any;
    std::vector<Setting> settings;
    std::istringstream lines{std::string(text)};
    int number = 0;
    for (std::string line; std::getline(lines, line);) {
        const std::string origin = fmt::format("{}, line {}", file, ++number);
        const auto first = line.find_first_not_of(" \t\r");
        std::istringstream one(line);
        try {
            if (first != std::string::npos && line[first] == '[') {
                throw po::invalid_config_file_syntax(line, po::invalid_syntax::unrecognized_line);
            }
            for (const po::option& option : po::parse_config_file(one, any, true).options) {
                settings.push_back({canonical_name(option.string_key), option.value.front(),
                                    Source::config_file, origin});
            }
        } catch (const po::error&) {
            faults.add(kUnreadableConfig(origin, line));
        }
    }
    return settings;
}

std::vector<Setting> read_environment(const std::vector<std::string>& environment) {
    std::vector<Setting> settings;
    for (const std::string_view variable : environment) {
        const auto equals = variable.find('=');
        const std::string_view name = variable.substr(0, equals);
        if (!name.starts_with(kPrefix) || equals == std::string_view::npos ||
            equals + 1 == variable.size() ||
            std::ranges::find(kNoOptions, name) != kNoOptions.end()) {
            continue;
        }
        settings.push_back({canonical_name(lower_case(name.substr(kPrefix.size()))),
                            std::string(variable.substr(equals + 1)), Source::environment,
                            fmt::format("environment variable {}", name)});
    }
    std::ranges::sort(settings, {}, &Setting::name);
    return settings;
}

}  // namespace alphaprune::cli
