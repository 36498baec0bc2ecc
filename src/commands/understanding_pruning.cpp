#include "understanding_pruning.hpp"

#include <fmt/format.h>

#include <charconv>

namespace alphaprune {
namespace {

constexpr std::string_view kMixed = "mixed_N:8";

void refuse_beside(const SettingReader& reader, std::string_view option, std::string_view beside,
                   std::string_view remedy) {
    if (const Setting* setting = reader.find(option)) {
        reader.faults().add(fmt::format("--{} has no effect with {}", option, beside),
                            setting->origin, std::string(remedy));
    }
}

/// A fixed N:M leaves nothing to allocate: every matrix has the ratio N/M.
void settle_fixed_pattern(const SettingReader& reader, Options& options) {
    const Pattern pattern = *options.pattern;
    const double ratio = static_cast<double>(pattern.removed) / pattern.group;
    const std::string chosen = fmt::format("--sparsity-type {}:{}", pattern.removed, pattern.group);
    for (const std::string_view option :
         {"metric", "metric-cache", "mapping-type", "epsilon", "max-sparsity"}) {
        refuse_beside(reader, option, chosen, "leave one of the two out");
    }
    if (reader.find("allocation") != nullptr && options.allocation != AllocationKind::uniform) {
        refuse_beside(reader, "allocation", chosen,
                      "every matrix gets the same pattern: leave it out, or use mixed-N:8");
    }
    const Setting* asked = reader.find("sparsity-ratio");
    if (asked != nullptr && options.ratios.sparsity_ratio != ratio) {
        reader.faults().add(fmt::format("--sparsity-ratio {} contradicts {}, which is a ratio of "
                                        "{}",
                                        asked->value, chosen, ratio),
                            asked->origin, "leave it out");
    }
    options.allocation = AllocationKind::uniform;
    options.ratios.sparsity_ratio = ratio;
    options.ratios.max_sparsity = std::max(options.ratios.max_sparsity, ratio);
}

void read_pattern(const SettingReader& reader, Options& options) {
    const Setting* setting = reader.find("sparsity-type");
    if (setting == nullptr || setting->value == "unstructured") {
        return;
    }
    if (canonical_value(setting->value) == kMixed) {
        options.mixed_pattern = true;
    } else if ((options.pattern = pattern_named(setting->value))) {
        settle_fixed_pattern(reader, options);
    } else {
        reader.faults().add(
            fmt::format("--sparsity-type cannot be '{}'", setting->value), setting->origin,
            "it is unstructured, N:M with 1 <= N < M <= 16 (N of M are removed), or mixed-N:8");
    }
}

bool needs_calibration(const Options& options) {
    return options.prune_method != PruneMethod::magnitude ||
           options.allocation == AllocationKind::owl;
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
        reader.faults().add(fmt::format("--seed '{}' is not a whole number", text), setting->origin,
                            "give a number from 0 to 2^64 - 1");
    }
}

}  // namespace

void read_pruning(const SettingReader& reader, Options& options) {
    if (const auto method =
            reader.choice("prune-method", {{"magnitude", "wanda", "sparsegpt"}, {}})) {
        options.prune_method = static_cast<PruneMethod>(*method);
    }
    read_pattern(reader, options);
    if (const auto ties = reader.choice("ties", {{"exact", "inclusive"}, {}})) {
        options.ties = *ties == 0 ? Ties::exact : Ties::inclusive;
    }
    if (options.prune_method != PruneMethod::magnitude || options.pattern ||
        options.mixed_pattern) {
        refuse_beside(reader, "ties", "this method: it has a rule of its own for equal scores",
                      "leave it out, or prune by magnitude, unstructured");
    }
}

void read_tokens(const SettingReader& reader, Options& options) {
    options.calibration = reader.path("calibration");
    options.sequences = reader.count("nsamples").value_or(options.sequences);
    options.sequence_length = reader.count("seqlen");
    read_seed(reader, options);
    for (const std::string& value : reader.values("eval")) {
        options.evaluations.emplace_back(value);
    }
    FaultList& faults = reader.faults();
    if (options.command == Command::evaluate && options.evaluations.empty()) {
        faults.add("--eval is missing", "command line",
                   "name a text or token file to evaluate on with --eval FILE");
    }
    if (options.command != Command::run) {
        return;
    }
    if (needs_calibration(options) && options.calibration.empty()) {
        faults.add("--calibration is missing", "command line",
                   "wanda, sparsegpt and the allocation owl look at activations: name a text or "
                   "token file with --calibration FILE");
    }
    if (!needs_calibration(options)) {
        for (const std::string_view option : {"calibration", "nsamples", "seed"}) {
            refuse_beside(reader, option, "magnitude pruning, which looks at no activations",
                          "leave it out, or choose --prune-method wanda or sparsegpt");
        }
    }
    if (!needs_calibration(options) && options.evaluations.empty()) {
        refuse_beside(reader, "seqlen", "neither calibration nor --eval", "leave it out");
    }
}

}  // namespace alphaprune
