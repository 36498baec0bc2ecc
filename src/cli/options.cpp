#include "alphaprune/cli/options.hpp"

#include <fmt/format.h>

#include "alphaprune/cli/request.hpp"
#include "option_table.hpp"
#include "understanding.hpp"

namespace alphaprune::cli {
namespace {

struct Understood {
    Request request;
    Options options;
};

Understood understand(const std::vector<std::string>& arguments,
                      const std::vector<std::string>& environment) {
    support::FaultList faults;
    Understood result{gather_request(arguments, environment, faults), {}};
    const auto command = result.request.command;
    if (command == Command::help || command == Command::version) {
        result.options.command = *command;
        result.request.settings.clear();
    } else if (command) {
        settle_conflicts(result.request, faults);
        result.options = understood(result.request, faults);
        faults.throw_if_any();
    } else {
        faults.throw_if_any();
    }
    result.options.command_line = arguments;
    return result;
}

}  // namespace

Options parse_options(const std::vector<std::string>& arguments,
                      const std::vector<std::string>& environment) {
    return understand(arguments, environment).options;
}

std::vector<std::string> resolved_arguments(const std::vector<std::string>& arguments,
                                            const std::vector<std::string>& environment) {
    const auto [request, options] = understand(arguments, environment);
    if (options.command == Command::version) {
        return {"--version"};
    }
    std::vector<std::string> resolved;
    for (const CommandSpec& spec : command_table()) {
        if (spec.command == options.command) {
            resolved.emplace_back(spec.name);
        }
    }
    for (const auto& [name, setting] : request.settings) {
        if (name != "config") {
            resolved.push_back(fmt::format("--{}={}", name, setting.value));
        }
    }
    resolved.insert(resolved.end(), request.words.begin(), request.words.end());
    return resolved;
}

}  // namespace alphaprune::cli
