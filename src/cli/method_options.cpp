#include "method_options.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>

#include "alphaprune/support/message.hpp"
#include "calibration_files.hpp"

namespace alphaprune::cli {
namespace {

using support::BadRequest;

const BadRequest<> kNoFile{"cli.allocation-names-no-file", "--allocation file: names no file",
                           "the path after the colon is missing",
                           "write file:PATH, with one ratio per matrix in the file"};
const BadRequest<double, double> kUnreachableRatio{
    "cli.unreachable-ratio",
    "the ratio {} cannot be reached when no matrix may have more than --max-sparsity {}",
    "more is asked for than the bound allows all matrices together",
    "raise --max-sparsity or lower --sparsity-ratio"};
const BadRequest<std::string> kPatternAllocation{
    "cli.allocation-beside-a-pattern", "--allocation has no effect with {}",
    "a fixed N:M pattern gives every matrix the same ratio", "leave it out, or use mixed-N:8"};
const BadRequest<std::string, std::string, double> kPatternRatio{
    "cli.ratio-beside-a-pattern", "--sparsity-ratio {} contradicts {}, which is a ratio of {}",
    "a fixed N:M pattern determines the ratio", "leave --sparsity-ratio out"};

constexpr std::string_view kMixed = "mixed_N:8";
constexpr std::string_view kAuto = "auto";

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
    if (const auto mapping = reader.choice(
            "mapping-type",
            {{allocation::kMappingNames.begin(), allocation::kMappingNames.end()}, {}})) {
        options.ratios.mapping = static_cast<allocation::Mapping>(*mapping);
    }
}

void read_metric(const SettingReader& reader, Options& options) {
    Choices choices;
    for (std::size_t m = 0; m < spectrum::kMetrics; ++m) {
        choices.names.push_back(spectrum::name_of(static_cast<spectrum::Metric>(m)));
    }
    if (const auto metric = reader.choice("metric", choices)) {
        options.metric = static_cast<spectrum::Metric>(*metric);
    }
    const auto aspect = reader.within("farms-aspect", "in [0.01, 100]",
                                      [](double value) { return value >= 0.01 && value <= 100; });
    options.farms.aspect = aspect.value_or(options.farms.aspect);
    options.metric_cache = reader.path("metric-cache");
}

void read_pattern(const SettingReader& reader, Options& options) {
    const Setting* setting = reader.find("sparsity-type");
    if (setting == nullptr || setting->value == "unstructured") {
        return;
    }
    if (canonical_value(setting->value) == kMixed) {
        options.mixed_pattern = true;
    } else if (!(options.pattern = pruning::pattern_named(setting->value))) {
        reader.refuse(*setting,
                      "unstructured, N:M with 1 <= N < M <= 16 (N of M are removed), mixed-N:8");
    }
}

void read_method(const SettingReader& reader, Options& options) {
    if (const auto chosen = reader.choice("prune-method", pruner_choices())) {
        options.pruner = &pruning::pruners()[*chosen];
    }
    read_pattern(reader, options);
    if (const auto ties = reader.choice("ties", {{"exact", "inclusive"}, {}})) {
        options.ties = *ties == 0 ? pruning::Ties::exact : pruning::Ties::inclusive;
    }
    const auto share = [](double value) { return value >= 0 && value <= 1; };
    const auto positive = [](double value) { return value > 0 && value <= 1; };
    const auto read = [&](const char* name, const char* range, bool (*in_range)(double),
                          std::optional<double>& value) {
        const Setting* setting = reader.find(name);
        if (setting != nullptr && setting->value == kAuto) {
            value.reset();
        } else if (const auto given = reader.within(name, range, in_range)) {
            value = given;
        }
    };
    read("dense-target", "in [0, 1], or auto", share, options.dense_target);
    read("residual-target", "in [0, 1], or auto", share, options.residual_target);
    read("damping", "in (0, 1], or auto", positive, options.damping);
    options.mask_from = reader.path("mask-from");
    if (const auto order = reader.choice("site-order", {{"together", "sequential"}, {}})) {
        options.sites_sequentially = *order == 1;
    }
}

void read_ratios(const SettingReader& reader, Options& options) {
    allocation::AllocationOptions& ratios = options.ratios;
    const auto below_one = [](double value) { return value >= 0 && value < 1; };
    const auto above_zero = [](double value) { return value > 0 && value <= 1; };
    const auto read = [&](const char* name, const char* range, bool (*in_range)(double),
                          double& share) {
        const auto value = reader.within(name, range, in_range, ": for 70 % write 0.7");
        share = value.value_or(share);
        return value || reader.find(name) == nullptr;
    };
    bool valid = read("sparsity-ratio", "in [0, 1)", below_one, ratios.sparsity_ratio);
    valid = read("max-sparsity", "in (0, 1]", above_zero, ratios.max_sparsity) && valid;
    read("epsilon", "in [0, 1)", below_one, ratios.epsilon);
    if (valid && options.command == Command::run && options.allocation->is_computed() &&
        !options.pattern && ratios.max_sparsity < ratios.sparsity_ratio) {
        const Setting* setting = reader.find("max-sparsity");
        setting = setting != nullptr ? setting : reader.find("sparsity-ratio");
        reader.faults().add(kUnreachableRatio(setting != nullptr ? setting->origin : std::string(),
                                              ratios.sparsity_ratio, ratios.max_sparsity));
    }
}

template <class Method>
void read_own_options(const SettingReader& reader, std::span<const Method> table,
                      support::MethodValues& values) {
    for (const Method& method : table) {
        for (const support::MethodOption& option : method.options) {
            const auto allows = [&](double value) { return option.allows(value); };
            if (const auto value = reader.within(option.name, option.range(), allows)) {
                values[std::string(option.name)] = *value;
            }
        }
    }
}

/// A fixed N:M pattern leaves nothing to allocate: every matrix has the ratio N/M.
void settle_fixed_pattern(const SettingReader& reader, Options& options) {
    if (!options.pattern) {
        return;
    }
    const pruning::Pattern pattern = *options.pattern;
    const double ratio = static_cast<double>(pattern.removed) / pattern.group;
    const std::string chosen = fmt::format("--sparsity-type {}:{}", pattern.removed, pattern.group);
    const Setting* allocation = reader.find("allocation");
    if (allocation != nullptr && options.allocation != &allocation::uniform_allocation()) {
        reader.faults().add(kPatternAllocation(allocation->origin, chosen));
    }
    const Setting* asked = reader.find("sparsity-ratio");
    if (asked != nullptr && options.ratios.sparsity_ratio != ratio) {
        reader.faults().add(kPatternRatio(asked->origin, asked->value, chosen, ratio));
    }
    options.allocation = &allocation::uniform_allocation();
    options.ratios.sparsity_ratio = ratio;
    options.ratios.max_sparsity = std::max(options.ratios.max_sparsity, ratio);
}

bool needs_calibration(const Options& options) {
    return pruning::needs_activations(*options.pruner, options.pruner_settings()) ||
           options.allocation->needs_activations();
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

std::string listed(const std::vector<std::string_view>& names, std::string_view last) {
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i) {
        text += i == 0 ? "" : i + 1 == names.size() ? fmt::format(" {} ", last) : ", ";
        text += names[i];
    }
    return text;
}

void read_pruning_options(const SettingReader& reader, Options& options) {
    read_allocation(reader, options);
    read_metric(reader, options);
    read_method(reader, options);
    read_ratios(reader, options);
    read_own_options(reader, allocation::allocations(), options.method_values);
    read_own_options(reader, pruning::pruners(), options.method_values);
    settle_fixed_pattern(reader, options);
}

void read_token_options(const SettingReader& reader, Options& options) {
    options.calibration = calibration_files(reader);
    options.sequences = reader.count("nsamples");
    options.sequence_length = reader.count("seqlen");
    options.seed = reader.seed("seed").value_or(options.seed);
    for (const std::string& value : reader.values("eval")) {
        options.evaluations.emplace_back(value);
    }
    for (const std::string& value : reader.values("choices")) {
        options.choices.emplace_back(value);
    }
    options.scores = reader.path("scores");
    if (options.command == Command::evaluate && options.choices.empty()) {
        reader.require("eval", "a text or token file to evaluate on (or --choices, a task)");
    }
    if (options.command == Command::run && needs_calibration(options)) {
        reader.require(
            "calibration",
            fmt::format("a text or token file, whose activations {} and the allocations {} use,",
                        fmt::join(calibrated_pruners(), ", "),
                        listed(calibrated_allocations(), "and")));
    }
}

}  // namespace alphaprune::cli
