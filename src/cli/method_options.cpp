#include "method_options.hpp"

#include <fmt/format.h>

#include "alphaprune/support/message.hpp"

namespace alphaprune::cli {
namespace {

const support::BadRequest<> kNoFile{"cli.allocation-names-no-file",
                                    "--allocation file: names no file",
                                    "the path after the colon is missing",
                                    "write file:PATH, with one ratio per matrix in the file"};
const support::BadRequest<std::string_view, std::string, std::string> kOutOfRange{
    "cli.method-option-out-of-range", "--{} {} is not {}",
    "the method is not defined for such a value", "give a number {2}"};

/// "a (default): …; b (needs --calibration): …"
template <class Method>
std::string explained(std::span<const Method> table, const Choices& choices) {
    std::string text;
    for (std::size_t i = 0; i < table.size(); ++i) {
        text += fmt::format("{}{}{}: {}{}", i == 0 ? "" : "; ", choices.names[i],
                            i == 0 ? " (default)" : "", table[i].help,
                            table[i].needs_activations() ? " (needs --calibration)" : "");
    }
    return text;
}

template <class Method>
std::vector<OptionSpec> own_options(std::span<const Method> table, std::string_view group,
                                    const std::vector<Command>& commands) {
    std::vector<OptionSpec> specs;
    for (const Method& method : table) {
        for (const support::MethodOption& option : method.options) {
            specs.push_back(
                {option.name, option.argument, group, commands,
                 fmt::format("{}, {} (default {})", option.help, option.range(), option.fallback)});
        }
    }
    return specs;
}

template <class Method>
std::vector<std::string_view> names_where(std::span<const Method> table,
                                          bool (*chosen)(const Method&)) {
    std::vector<std::string_view> names;
    for (const Method& method : table) {
        if (chosen(method)) {
            names.push_back(method.name);
        }
    }
    return names;
}

template <class Method>
void read_values(const SettingReader& reader, std::span<const Method> table,
                 support::MethodValues& values) {
    for (const Method& method : table) {
        for (const support::MethodOption& option : method.options) {
            const auto value = reader.number(option.name);
            if (value && option.allows(*value)) {
                values[std::string(option.name)] = *value;
            } else if (value) {
                const Setting& setting = *reader.find(option.name);
                reader.faults().add(
                    kOutOfRange(setting.origin, option.name, setting.value, option.range()));
            }
        }
    }
}

}  // namespace

Choices pruner_choices() {
    Choices choices;
    for (const pruning::Pruner& pruner : pruning::pruners()) {
        choices.names.push_back(pruner.name);
    }
    return choices;
}

Choices allocation_choices() {
    Choices choices;
    for (const allocation::AllocationMethod& method : allocation::allocations()) {
        choices.names.push_back(method.is_computed() ? method.name : "file:PATH");
    }
    return choices;
}

std::string pruner_help() {
    return "which weights become zero. " + explained(pruning::pruners(), pruner_choices());
}

std::string allocation_help() {
    return "ratios of the blocks. " + explained(allocation::allocations(), allocation_choices());
}

std::vector<OptionSpec> options_of_allocations(std::string_view group,
                                               const std::vector<Command>& commands) {
    return own_options(allocation::allocations(), group, commands);
}

std::vector<OptionSpec> options_of_pruners(std::string_view group,
                                           const std::vector<Command>& commands) {
    return own_options(pruning::pruners(), group, commands);
}

std::string listed(const std::vector<std::string_view>& names, std::string_view last) {
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i) {
        text += i == 0 ? "" : i + 1 == names.size() ? fmt::format(" {} ", last) : ", ";
        text += names[i];
    }
    return text;
}

std::vector<std::string_view> calibrated_pruners() {
    return names_where(
        pruning::pruners(),
        +[](const pruning::Pruner& pruner) { return pruner.needs_activations(); });
}

std::vector<std::string_view> calibrated_allocations() {
    return names_where(
        allocation::allocations(),
        +[](const allocation::AllocationMethod& method) { return method.needs_activations(); });
}

std::vector<std::string_view> pruners_with_ties() {
    return names_where(
        pruning::pruners(), +[](const pruning::Pruner& pruner) { return pruner.breaks_ties; });
}

void read_pruner(const SettingReader& reader, Options& options) {
    if (const auto chosen = reader.choice("prune-method", pruner_choices())) {
        options.pruner = &pruning::pruners()[*chosen];
    }
}

void read_allocation(const SettingReader& reader, Options& options) {
    const Setting* setting = reader.find("allocation");
    const allocation::AllocationMethod* named =
        setting != nullptr ? allocation::find_allocation(canonical_value(setting->value)) : nullptr;
    if (named != nullptr && !named->is_computed()) {
        options.allocation = named;
        options.allocation_file = setting->value.substr(setting->value.find(':') + 1);
        if (options.allocation_file.empty()) {
            reader.faults().add(kNoFile(setting->origin));
        }
    } else if (const auto chosen = reader.choice("allocation", allocation_choices())) {
        options.allocation = &allocation::allocations()[*chosen];
    }
}

void read_method_values(const SettingReader& reader, Options& options) {
    read_values(reader, allocation::allocations(), options.method_values);
    read_values(reader, pruning::pruners(), options.method_values);
}

}  // namespace alphaprune::cli
