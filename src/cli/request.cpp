#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "alphaprune/support/file.hpp"
#include "alphaprune/support/message.hpp"
#include "option_table.hpp"
#include "recipes.hpp"
#include "settings.hpp"

namespace alphaprune::cli {
namespace {

using support::BadRequest;

const BadRequest<std::string, std::string> kUnknownCommand{
    "cli.unknown-command", "unknown command '{}'", "the first word is taken as the command",
    "this version has {1}; options begin with --"};
const BadRequest<std::string, std::string> kUnknownOption{
    "cli.unknown-option", "unknown option {}",
    "the name is misspelled, on the command line, in the --config file or in a variable "
    "ALPHAPRUNE_…",
    "{1}alphaprune_mpi --help lists the options"};
const BadRequest<std::string> kMisplaced{
    "cli.misplaced-option", "--{} cannot be given here",
    "config in a configuration file, help or version there or in the environment",
    "give it on the command line"};
const BadRequest<std::string, std::string_view> kOtherCommand{
    "cli.option-of-another-command", "--{} has no meaning for the command {}",
    "the option belongs to other commands", "leave it out"};
const BadRequest<std::string, std::string, std::string> kGivenTwice{
    "cli.option-given-twice", "--{} is given twice, as '{}' and as '{}'",
    "the same source gives the option two different values", "give it once"};
const BadRequest<std::string> kUnexpectedWord{
    "cli.unexpected-word", "unexpected word '{}'",
    "a word belongs to no option, or is a command behind options or another command",
    "the command stands first; options begin with --, and a value follows its option"};
const BadRequest<std::string, std::string> kUnknownRecipe{
    "cli.unknown-recipe", "--recipe cannot be '{}'", "there is no recipe of that name",
    "choose one of {1}"};
const BadRequest<> kUnnamedConfig{"cli.unnamed-config", "--config needs the name of a file",
                                  "the value of --config is empty", "write --config FILE"};

/// The option as it is written where the setting comes from.
std::string spelled(std::string_view name, Source source) {
    if (source != Source::environment) {
        return fmt::format("--{}", name);
    }
    std::string variable = fmt::format("ALPHAPRUNE_{}", name);
    std::ranges::transform(variable, variable.begin(), [](unsigned char c) {
        return c == '-' ? '_' : static_cast<char>(std::toupper(c));
    });
    return variable;
}

std::string commands_listed() {
    std::vector<std::string_view> names;
    for (const CommandSpec& spec : command_table()) {
        names.push_back(spec.name);
    }
    return fmt::format("{}", fmt::join(names, ", "));
}

std::optional<Command> command_named(std::string_view word) {
    const auto found = std::ranges::find(command_table(), word, &CommandSpec::name);
    return found == command_table().end() ? std::nullopt : std::optional(found->command);
}

/// The command word, taken off the arguments; `run` when there is none.
std::optional<Command> take_command(std::vector<std::string>& arguments,
                                    support::FaultList& faults) {
    if (arguments.empty() || arguments.front().starts_with('-')) {
        return Command::run;
    }
    const std::string word = arguments.front();
    arguments.erase(arguments.begin());
    const auto command = command_named(word);
    if (!command) {
        faults.add(kUnknownCommand(kCommandLine, word, commands_listed()));
    }
    return command;
}

void report_unknown(const Setting& setting, std::optional<Command> command,
                    support::FaultList& faults) {
    std::vector<std::string_view> names;
    for (const OptionSpec& spec : option_table()) {
        if (!command || spec.known_to(*command)) {
            names.push_back(spec.name);
        }
    }
    const std::string_view meant = nearest(setting.name, names);
    faults.add(kUnknownOption(
        setting.origin, spelled(setting.name, setting.source),
        meant.empty() ? "" : fmt::format("did you mean {}? ", spelled(meant, setting.source))));
}

/// Whether the option exists, may be given in that source, and belongs to the command. Options of
/// another command are a fault on the command line alone: files and environments serve several.
bool admissible(const Setting& setting, std::optional<Command> command,
                support::FaultList& faults) {
    const OptionSpec* spec = find_option(setting.name);
    const bool misplaced = (setting.name == "config" && setting.source == Source::config_file) ||
                           ((setting.name == "help" || setting.name == "version") &&
                            setting.source != Source::command_line);
    if (spec == nullptr) {
        report_unknown(setting, command, faults);
    } else if (misplaced) {
        faults.add(kMisplaced(setting.origin, setting.name));
    } else if (!command || spec->known_to(*command)) {
        return true;
    } else if (setting.source == Source::command_line) {
        faults.add(kOtherCommand(setting.origin, setting.name, name_of(*command)));
    }
    return false;
}

void take_over(const std::vector<Setting>& source, Request& request, support::FaultList& faults) {
    for (const Setting& setting : source) {
        if (!admissible(setting, request.command, faults)) {
            continue;
        }
        const auto [kept, is_new] = request.settings.try_emplace(setting.name, setting);
        if (!is_new && find_option(setting.name)->repeatable) {
            if (kept->second.source == setting.source) {
                kept->second.value += kBetweenValues + setting.value;
            }
        } else if (!is_new && kept->second.source == setting.source &&
                   kept->second.value != setting.value) {
            faults.add(
                kGivenTwice(setting.origin, setting.name, kept->second.value, setting.value));
        }
    }
}

/// Checks the words that belong to no option; `verify` takes one, `report` any number.
void take_over(const std::vector<std::string>& words, Request& request,
               support::FaultList& faults) {
    for (const std::string& word : words) {
        if (word.size() > 1 && word.starts_with('-')) {
            const auto name = canonical_name(word.substr(word.find_first_not_of('-')));
            report_unknown({name.substr(0, name.find('=')), "", Source::command_line,
                            fmt::format("command line: {}", word)},
                           request.command, faults);
        } else if ((request.command == Command::verify && request.words.empty()) ||
                   request.command == Command::report) {
            request.words.push_back(word);
        } else {
            faults.add(kUnexpectedWord(kCommandLine, word));
        }
    }
}

const Setting* find_in(const std::vector<Setting>& settings, std::string_view name) {
    const auto found = std::ranges::find(settings, name, &Setting::name);
    return found == settings.end() ? nullptr : &*found;
}

std::vector<Setting> settings_of_file(const Setting& config, support::FaultList& faults) {
    if (config.value.empty()) {
        faults.add(kUnnamedConfig(config.origin));
        return {};
    }
    try {
        return read_config(support::read_text(config.value), config.value, faults);
    } catch (const support::Error& error) {
        faults.add(error);
        return {};
    }
}

std::vector<Setting> settings_of_recipe(const Setting& named, support::FaultList& faults) {
    const Recipe* recipe = find_recipe(canonical_value(named.value));
    if (recipe == nullptr) {
        std::vector<std::string_view> names;
        for (const Recipe& one : recipes()) {
            names.push_back(one.name);
        }
        faults.add(
            kUnknownRecipe(named.origin, named.value, fmt::format("{}", fmt::join(names, ", "))));
        return {};
    }
    std::vector<Setting> settings;
    for (const auto& [option, value] : recipe->settings) {
        settings.push_back({std::string(option), std::string(value), Source::recipe,
                            fmt::format("--recipe {}", recipe->name)});
    }
    return settings;
}

}  // namespace

const Setting* Request::find(std::string_view name) const {
    const auto found = settings.find(name);
    return found == settings.end() ? nullptr : &found->second;
}

Request request_of_line(const std::vector<std::string>& arguments, support::FaultList& faults) {
    std::vector<std::string> rest = arguments;
    Request request;
    request.command = take_command(rest, faults);
    const CommandLine line = read_command_line(std::move(rest), faults);
    if (request.command == Command::help) {
        request.words = line.words;
    } else if (find_in(line.settings, "help") != nullptr) {
        request.command = Command::help;
    } else if (find_in(line.settings, "version") != nullptr) {
        request.command = Command::version;
    } else {
        take_over(line.settings, request, faults);
        take_over(line.words, request, faults);
    }
    return request;
}

Request gather_request(const std::vector<std::string>& arguments,
                       const std::vector<std::string>& environment, support::FaultList& faults) {
    Request request = request_of_line(arguments, faults);
    if (is_question(request.command)) {
        return request;
    }
    const std::vector<Setting> variables = read_environment(environment);
    const Setting* config = request.find("config");
    if (config == nullptr) {
        config = find_in(variables, "config");
    }
    if (config != nullptr) {
        take_over(settings_of_file(*config, faults), request, faults);
    }
    take_over(variables, request, faults);
    if (const Setting* recipe = request.find("recipe")) {
        take_over(settings_of_recipe(*recipe, faults), request, faults);
    }
    return request;
}

}  // namespace alphaprune::cli
