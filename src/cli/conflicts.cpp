#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "alphaprune/pruning/row_pruning.hpp"
#include "alphaprune/support/message.hpp"
#include "settings.hpp"

namespace alphaprune::cli {
namespace {

const support::BadRequest<std::string_view, std::string, std::string> kNoEffect{
    "cli.option-without-effect", "--{} has no effect with {}",
    "the other option, or its default, leaves this one nothing to decide", "leave it out, or {2}"};

/// What other options a rule looks at: their values in the request, or their defaults.
class Chosen {
  public:
    explicit Chosen(const Request& request) : request_(request) {}

    bool has(std::string_view option) const { return request_.find(option) != nullptr; }
    std::string value(std::string_view option) const {
        const Setting* setting = request_.find(option);
        return setting != nullptr ? canonical_value(setting->value) : default_of(option);
    }
    Command command() const { return *request_.command; }

  private:
    static std::string default_of(std::string_view option) {
        return option == "allocation"     ? "alphapruning"
               : option == "prune-method" ? "magnitude"
               : option == "solver"       ? "auto"
               : option == "metric"       ? "alpha_peak"
                                          : "unstructured";
    }

    const Request& request_;
};

/// `option` has an effect only where some other options, or their defaults, allow it.
struct Dependence {
    std::string_view option;
    std::vector<std::string_view> governors;
    bool (*has_effect)(const Chosen& chosen);
    std::string_view beside;  ///< what it has no effect beside; empty: the first governor's value
    std::string_view alternative;  ///< to leaving one of the two out: "choose …"
};

bool follows_metric(const Chosen& chosen) {
    return chosen.value("allocation") == "alphapruning";
}

bool looks_at_windows(const Chosen& chosen) {
    return chosen.value("metric") == "alpha_peak_farms";
}

bool computes_metric(const Chosen& chosen) {
    return !chosen.has("metric-cache");
}

bool has_band(const Chosen& chosen) {
    return follows_metric(chosen) || chosen.value("allocation") == "linear_depth";
}

bool is_owl(const Chosen& chosen) {
    return chosen.value("allocation") == "owl";
}

bool is_computed(const Chosen& chosen) {
    return !chosen.value("allocation").starts_with("file:");
}

bool uses_groups(const Chosen& chosen) {
    const std::string solver = chosen.value("solver");
    return !solver.starts_with("lapack");
}

bool has_a_single_precision(const Chosen& chosen) {
    const std::string solver = chosen.value("solver");
    return chosen.value("precision") == "double" || solver == "auto" || solver == "two_stage";
}

/// The other metrics depend on eigenvalues that float32 does not resolve.
bool tolerates_single_precision(const Chosen& chosen) {
    return chosen.value("precision") == "double" || chosen.value("metric") == "alpha_mid";
}

bool ratios_differ(const Chosen& chosen) {
    return !pruning::pattern_named(chosen.value("sparsity-type"));
}

bool has_ties(const Chosen& chosen) {
    return chosen.value("prune-method") == "magnitude" &&
           chosen.value("sparsity-type") == "unstructured";
}

bool looks_at_activations(const Chosen& chosen) {
    return chosen.value("prune-method") != "magnitude" ||
           !(has_band(chosen) || chosen.value("allocation") == "uniform" || !is_computed(chosen));
}

bool reads_tokens(const Chosen& chosen) {
    return chosen.command() != Command::run || looks_at_activations(chosen) || chosen.has("eval");
}

constexpr std::string_view kOnlyOwl = "choose --allocation owl";
constexpr std::string_view kNoActivations =
    "magnitude pruning and this allocation, which look at no activations";
constexpr std::string_view kCalibrated =
    "choose --prune-method wanda or sparsegpt, or --allocation owl";

/// Those that a fixed N:M pattern overrides come first: without such an option no other rule
/// applies.
const std::vector<Dependence>& dependences() {
    static const std::vector<Dependence> rules{
        {"metric", {"sparsity-type"}, ratios_differ, "", ""},
        {"metric-cache", {"sparsity-type"}, ratios_differ, "", ""},
        {"mapping-type", {"sparsity-type"}, ratios_differ, "", ""},
        {"epsilon", {"sparsity-type"}, ratios_differ, "", ""},
        {"max-sparsity", {"sparsity-type"}, ratios_differ, "", ""},
        {"owl-lambda", {"sparsity-type"}, ratios_differ, "", ""},
        {"owl-m", {"sparsity-type"}, ratios_differ, "", ""},
        {"metric", {"allocation"}, follows_metric, "", ""},
        {"metric-cache", {"allocation"}, follows_metric, "", ""},
        {"mapping-type", {"allocation"}, follows_metric, "", ""},
        {"farms-aspect",
         {"metric", "allocation", "sparsity-type"},
         looks_at_windows,
         "",
         "choose --metric alpha_peak_farms"},
        {"farms-aspect", {"metric-cache"}, computes_metric, "", ""},
        {"epsilon", {"allocation"}, has_band, "", ""},
        {"owl-lambda", {"allocation"}, is_owl, "", kOnlyOwl},
        {"owl-m", {"allocation"}, is_owl, "", kOnlyOwl},
        {"max-sparsity", {"allocation"}, is_computed, "", ""},
        {"sparsity-ratio", {"allocation"}, is_computed, "", ""},
        {"ties",
         {"prune-method", "sparsity-type"},
         has_ties,
         "this method: it has a rule of its own for equal scores",
         "prune by magnitude, unstructured"},
        {"calibration",
         {"prune-method", "allocation", "sparsity-type"},
         looks_at_activations,
         kNoActivations,
         kCalibrated},
        {"nsamples",
         {"prune-method", "allocation", "sparsity-type"},
         looks_at_activations,
         kNoActivations,
         kCalibrated},
        {"seed",
         {"prune-method", "allocation", "sparsity-type"},
         looks_at_activations,
         kNoActivations,
         kCalibrated},
        {"seqlen",
         {"prune-method", "allocation", "sparsity-type"},
         reads_tokens,
         "neither calibration nor --eval",
         "give a text with --eval"},
        {"group-ranks",
         {"solver"},
         uses_groups,
         "",
         "choose a solver that works on groups: two_stage, elpa1, elpa2 or scalapack"},
        {"precision",
         {"solver"},
         has_a_single_precision,
         "",
         "choose --solver two_stage, the only one that computes in float32"},
        {"precision",
         {"metric", "allocation", "sparsity-type"},
         tolerates_single_precision,
         "this metric, which depends on eigenvalues that float32 does not resolve",
         "choose --metric alpha_mid"},
    };
    return rules;
}

bool is_weaker(const Request& request, const Setting& option, std::string_view governor) {
    const Setting* setting = request.find(governor);
    return setting != nullptr && option.source > setting->source;
}

/// A fixed N:M pattern determines allocation and ratio; whether those given beside it contradict it
/// is checked where the values are read.
void drop_what_a_pattern_determines(Request& request) {
    if (ratios_differ(Chosen(request))) {
        return;
    }
    for (const std::string_view name : {"allocation", "sparsity-ratio"}) {
        const Setting* option = request.find(name);
        if (option != nullptr && is_weaker(request, *option, "sparsity-type")) {
            request.settings.erase(std::string(name));
        }
    }
}

}  // namespace

void settle_conflicts(Request& request, support::FaultList& faults) {
    drop_what_a_pattern_determines(request);
    std::set<std::string_view> reported;
    for (const Dependence& rule : dependences()) {
        const Setting* option = request.find(rule.option);
        const Chosen chosen(request);
        if (option == nullptr || request.command == Command::verify || rule.has_effect(chosen) ||
            (rule.option == "group-ranks" && option->value == "1")) {
            continue;
        }
        const bool overridden = std::ranges::any_of(rule.governors, [&](std::string_view governor) {
            return is_weaker(request, *option, governor);
        });
        if (overridden) {
            request.settings.erase(std::string(rule.option));
        } else if (reported.insert(rule.option).second) {
            const std::string_view governor = rule.governors.front();
            const std::string value = fmt::format("--{} {}", governor, chosen.value(governor));
            faults.add(kNoEffect(option->origin, rule.option,
                                 rule.beside.empty() ? value : std::string(rule.beside),
                                 rule.alternative.empty() ? fmt::format("change --{}", governor)
                                                          : std::string(rule.alternative)));
        }
    }
}

}  // namespace alphaprune::cli
