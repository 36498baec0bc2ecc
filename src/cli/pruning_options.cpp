#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "alphaprune/support/message.hpp"
#include "read_options.hpp"

namespace alphaprune::cli {
namespace {

using support::BadRequest;

const BadRequest<std::string, double, double> kFarmsAspect{
    "cli.farms-aspect", "--farms-aspect {} is not in [{}, {}]",
    "windows of FARMS that are this long or wide hold too few values",
    "it is columns over rows: 1 for square windows, 2 for wide ones"};
const BadRequest<> kUnnamedRatioFile{
    "cli.unnamed-ratio-file", "--allocation file: names no file",
    "no path stands after file:", "write file:PATH, with one ratio per matrix in the file"};
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

constexpr std::string_view kFilePrefix = "file:";
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

void read_allocation(const SettingReader& reader, Options& options) {
    const Setting* setting = reader.find("allocation");
    if (setting != nullptr && setting->value.starts_with(kFilePrefix)) {
        options.allocation = AllocationKind::file;
        options.allocation_file = setting->value.substr(kFilePrefix.size());
        if (options.allocation_file.empty()) {
            reader.faults().add(kUnnamedRatioFile(setting->origin));
        }
    } else if (const auto kind = reader.choice(
                   "allocation",
                   {{"alphapruning", "uniform", "linear_depth", "owl", "file:PATH"}, {}})) {
        options.allocation = static_cast<AllocationKind>(*kind);
    }
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
    if (const auto method =
            reader.choice("prune-method", {{"magnitude", "wanda", "sparsegpt"}, {}})) {
        options.prune_method = static_cast<PruneMethod>(*method);
    }
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
    if (valid && options.command == Command::run && options.allocation != AllocationKind::file &&
        !options.pattern && ratios.max_sparsity < ratios.sparsity_ratio) {
        const Setting* setting = reader.find("max-sparsity");
        setting = setting != nullptr ? setting : reader.find("sparsity-ratio");
        reader.faults().add(kUnreachableRatio(setting != nullptr ? setting->origin : std::string(),
                                              ratios.sparsity_ratio, ratios.max_sparsity));
    }
}

void read_owl(const SettingReader& reader, Options& options) {
    const auto within_half = [](double value) { return value > 0 && value <= 0.5; };
    reader.share("owl-lambda", within_half, "in (0, 0.5]", options.owl_lambda);
    options.owl_multiple = reader.rate("owl-m").value_or(options.owl_multiple);
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
    if (allocation != nullptr && options.allocation != AllocationKind::uniform) {
        reader.faults().add(kPatternAllocation(allocation->origin, chosen));
    }
    const Setting* asked = reader.find("sparsity-ratio");
    if (asked != nullptr && options.ratios.sparsity_ratio != ratio) {
        reader.faults().add(kPatternRatio(asked->origin, asked->value, chosen, ratio));
    }
    options.allocation = AllocationKind::uniform;
    options.ratios.sparsity_ratio = ratio;
    options.ratios.max_sparsity = std::max(options.ratios.max_sparsity, ratio);
}

bool needs_calibration(const Options& options) {
    return options.prune_method != PruneMethod::magnitude ||
           options.allocation == AllocationKind::owl;
}

}  // namespace

void read_pruning_options(const SettingReader& reader, Options& options) {
    read_allocation(reader, options);
    read_metric(reader, options);
    read_method(reader, options);
    read_ratios(reader, options);
    read_owl(reader, options);
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
        reader.require("calibration",
                       "a text or token file, whose activations wanda, sparsegpt and the "
                       "allocation owl look at,");
    }
}

}  // namespace alphaprune::cli
