#include "understanding_pruning.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "method_options.hpp"

namespace alphaprune::cli {
namespace {

constexpr std::string_view kMixed = "mixed_N:8";

void read_pattern(const SettingReader& reader, Options& options) {
    const Setting* setting = reader.find("sparsity-type");
    if (setting == nullptr || setting->value == "unstructured") {
        return;
    }
    if (canonical_value(setting->value) == kMixed) {
        options.mixed_pattern = true;
    } else if (!(options.pattern = pruning::pattern_named(setting->value))) {
        reader.faults().add(
            fmt::format("--sparsity-type cannot be '{}'", setting->value), setting->origin,
            "it is unstructured, N:M with 1 <= N < M <= 16 (N of M are removed), or mixed-N:8");
    }
}

bool needs_calibration(const Options& options) {
    return options.pruner->needs_activations() || options.allocation->needs_activations();
}

void read_seed(const SettingReader& reader, Options& options) {
    const Setting* setting = reader.find("seed");
    if (setting == nullptr) {
        return;
    }
    const std::string& text = setting->value;
    const auto [end, problem] =
        std::from_chars(text.data(), text.data() + text.size(), options.seed);
    if (problem != std::errc{} || end != text.data() + text.size()) {
        reader.faults().add(
            fmt::format("--seed '{}' is not a whole number from 0 to 2^64 - 1", text),
            setting->origin, "write digits alone, as in 7");
    }
}

}  // namespace

void read_pruning(const SettingReader& reader, Options& options) {
    read_pruner(reader, options);
    read_pattern(reader, options);
    if (const auto ties = reader.choice("ties", {{"exact", "inclusive"}, {}})) {
        options.ties = *ties == 0 ? pruning::Ties::exact : pruning::Ties::inclusive;
    }
}

void settle_fixed_pattern(const SettingReader& reader, Options& options) {
    if (!options.pattern) {
        return;
    }
    const pruning::Pattern pattern = *options.pattern;
    const double ratio = static_cast<double>(pattern.removed) / pattern.group;
    const std::string chosen = fmt::format("--sparsity-type {}:{}", pattern.removed, pattern.group);
    const Setting* allocation = reader.find("allocation");
    if (allocation != nullptr && options.allocation != &allocation::uniform_allocation()) {
        reader.faults().add(fmt::format("--allocation has no effect with {}", chosen),
                            allocation->origin,
                            "every matrix gets the same pattern: leave it out, or use mixed-N:8");
    }
    const Setting* asked = reader.find("sparsity-ratio");
    if (asked != nullptr && options.ratios.sparsity_ratio != ratio) {
        reader.faults().add(fmt::format("--sparsity-ratio {} contradicts {}, which is a ratio of "
                                        "{}",
                                        asked->value, chosen, ratio),
                            asked->origin, "leave it out");
    }
    options.allocation = &allocation::uniform_allocation();
    options.ratios.sparsity_ratio = ratio;
    options.ratios.max_sparsity = std::max(options.ratios.max_sparsity, ratio);
}

void read_tokens(const SettingReader& reader, Options& options) {
    options.calibration = reader.path("calibration");
    options.sequences = reader.count("nsamples");
    options.sequence_length = reader.count("seqlen");
    read_seed(reader, options);
    for (const std::string& value : reader.values("eval")) {
        options.evaluations.emplace_back(value);
    }
    support::FaultList& faults = reader.faults();
    if (options.command == Command::evaluate && reader.find("eval") == nullptr) {
        faults.add("--eval is missing", "command line",
                   "name a text or token file to evaluate on with --eval FILE");
    }
    if (options.command == Command::run && needs_calibration(options) &&
        reader.find("calibration") == nullptr) {
        faults.add("--calibration is missing", "command line",
                   fmt::format("{} and the allocation {} look at activations: name a text or token "
                               "file with --calibration FILE",
                               fmt::join(calibrated_pruners(), ", "),
                               listed(calibrated_allocations(), "and")));
    }
}

}  // namespace alphaprune::cli
