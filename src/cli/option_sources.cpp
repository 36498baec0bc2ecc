#include "alphaprune/cli/option_sources.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/program_options/errors.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <cctype>
#include <sstream>

namespace alphaprune::cli {
namespace {

namespace po = boost::program_options;

constexpr std::string_view kPrefix = "ALPHAPRUNE_";
/// How the process is started, which begin_program looks at.
constexpr std::array kNoOptions{std::string_view("ALPHAPRUNE_MPI"),
                                std::string_view("ALPHAPRUNE_SUPERVISE")};

std::string lower_case(std::string_view text) {
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return lower;
}

}  // namespace

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
            faults.add(fmt::format("this line is not understood: {}", line), origin,
                       "write one option a line, as name = value; there are no sections");
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
