#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>

#include "alphaprune/support/message.hpp"
#include "method_options.hpp"
#include "read_options.hpp"

namespace alphaprune::cli {
namespace {

using support::BadRequest;

const BadRequest<std::string, double, double> kFarmsAspect{
    "cli.farms-aspect", "--farms-aspect {} is not in [{}, {}]",
    "windows of FARMS that are this long or wide hold too few values",
    "it is columns over rows: 1 for square windows, 2 for wide ones"};
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

void read_farms(const SettingReader& reader, Options& options) {
    constexpr double kExtreme = 100;
    const auto aspect = reader.number("farms-aspect");
    if (aspect && *aspect >= 1 / kExtreme && *aspect <= kExtreme) {
        options.farms.aspect = *aspect;
    } else if (aspect) {
        const Setting& setting = *reader.find("farms-aspect");
        reader.faults().add(kFarmsAspect(setting.origin, setting.value, 1 / kExtreme, kExtreme));
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
    read_farms(reader, options);
    options.metric_cache = reader.path("metric-cache");
}

void read_mapping(const SettingReader& reader, Options& options) {
    if (const auto mapping = reader.choice("mapping-type", {{"block_wise", "layer_wise"}, {}})) {
        options.ratios.mapping =
            *mapping == 0 ? allocation::Mapping::block_wise : allocation::Mapping::layer_wise;
    }
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
    read_pruner(reader, options);
    read_pattern(reader, options);
    if (const auto ties = reader.choice("ties", {{"exact", "inclusive"}, {}})) {
        options.ties = *ties == 0 ? pruning::Ties::exact : pruning::Ties::inclusive;
    }
}

void read_ratios(const SettingReader& reader, Options& options) {
    allocation::AllocationOptions& ratios = options.ratios;
    const auto below_one = [](double value) { return value >= 0 && value < 1; };
    const auto above_zero = [](double value) { return value > 0 && value <= 1; };
    bool valid = reader.share("sparsity-ratio", below_one, "in [0, 1)", ratios.sparsity_ratio);
    valid = reader.share("max-sparsity", above_zero, "in (0, 1]", ratios.max_sparsity) && valid;
    reader.share("epsilon", below_one, "in [0, 1)", ratios.epsilon);
    if (valid && options.command == Command::run && options.allocation->is_computed() &&
        !options.pattern && ratios.max_sparsity < ratios.sparsity_ratio) {
        const Setting* setting = reader.find("max-sparsity");
        setting = setting != nullptr ? setting : reader.find("sparsity-ratio");
        reader.faults().add(kUnreachableRatio(setting != nullptr ? setting->origin : std::string(),
                                              ratios.sparsity_ratio, ratios.max_sparsity));
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
    return options.pruner->needs_activations() || options.allocation->needs_activations();
}

}  // namespace

void read_pruning_options(const SettingReader& reader, Options& options) {
    read_allocation(reader, options);
    read_mapping(reader, options);
    read_metric(reader, options);
    read_method(reader, options);
    read_ratios(reader, options);
    read_method_values(reader, options);
    settle_fixed_pattern(reader, options);
}

void read_token_options(const SettingReader& reader, Options& options) {
    options.calibration = reader.path("calibration");
    options.sequences = reader.count("nsamples");
    options.sequence_length = reader.count("seqlen");
    options.seed = reader.seed("seed").value_or(options.seed);
    for (const std::string& value : reader.values("eval")) {
        options.evaluations.emplace_back(value);
    }
    if (options.command == Command::evaluate) {
        reader.require("eval", "a text or token file to evaluate on");
    }
    if (options.command == Command::run && needs_calibration(options)) {
        reader.require(
            "calibration",
            fmt::format("a text or token file, whose activations {} and the allocation {} use,",
                        fmt::join(calibrated_pruners(), ", "),
                        listed(calibrated_allocations(), "and")));
    }
}

}  // namespace alphaprune::cli
