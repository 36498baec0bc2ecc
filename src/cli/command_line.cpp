#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options/errors.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/value_semantic.hpp>

#include "alphaprune/cli/option_sources.hpp"
#include "option_table.hpp"

namespace alphaprune::cli {
namespace {

namespace po = boost::program_options;

constexpr auto kOrigin = "command line";

/// What Boost needs to know to cut the line into options: names, and which take a value. Switches
/// may have one behind an equals sign, as in a configuration file.
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
/// would choke on, as "--unknown". Words are left alone.
std::string normalised(const std::string& argument) {
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

/// Boost would stop at the first option without its value, or take the option behind it for the
/// value: report them all, and take them out.
void take_out_valueless(std::vector<std::string>& arguments, support::FaultList& faults) {
    for (std::size_t at = 0; at < arguments.size() && arguments[at] != "--";) {
        const std::string option = arguments[at].substr(0, arguments[at].find('='));
        if (arguments[at].starts_with("--=")) {
            faults.add(fmt::format("'{}' names no option", arguments[at]), kOrigin,
                       "write --name=VALUE");
        } else if (arguments[at].starts_with("--") && lacks_value(arguments, at)) {
            faults.add(fmt::format("{} needs a value", option), kOrigin,
                       fmt::format("write {0} VALUE or {0}=VALUE", option));
        } else {
            ++at;
            continue;
        }
        arguments.erase(arguments.begin() + static_cast<std::ptrdiff_t>(at));
    }
}

std::vector<po::option> cut_into_options(const std::vector<std::string>& arguments,
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
        faults.add(problem.what(), kOrigin, "write --name VALUE or --name=VALUE");
        return {};
    }
}

}  // namespace

std::string canonical_name(std::string_view written) {
    std::string name(written);
    std::ranges::replace(name, '_', '-');
    return name;
}

CommandLine read_command_line(std::vector<std::string> arguments, support::FaultList& faults) {
    const auto end_of_options = std::ranges::find(arguments, "--");
    std::transform(arguments.begin(), end_of_options, arguments.begin(), normalised);
    take_out_valueless(arguments, faults);
    CommandLine line;
    bool after_unknown = false;
    for (const po::option& option : cut_into_options(arguments, faults)) {
        std::string value = option.value.empty() ? std::string() : option.value.front();
        const bool is_word = option.position_key >= 0;
        if (!is_word) {
            const OptionSpec* spec = find_option(option.string_key);
            if (spec != nullptr && spec->is_switch() && option.value.empty()) {
                value = "true";
            }
            line.settings.push_back({option.string_key, value, Source::command_line, kOrigin});
        } else if (!after_unknown || value.starts_with('-')) {
            line.words.push_back(value);
        }  // else: the value, presumably, of an option that is reported as unknown
        after_unknown = !is_word && option.unregistered && option.value.empty();
    }
    return line;
}

}  // namespace alphaprune::cli
