#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <set>

#include "alphaprune/pruning/row_pruning.hpp"
#include "alphaprune/support/message.hpp"
#include "alphaprune/support/number.hpp"
#include "method_options.hpp"
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
    /// nullptr for one that does not exist.
    const allocation::AllocationMethod* allocation() const {
        return allocation::find_allocation(value("allocation"));
    }
    const pruning::Pruner* pruner() const { return pruning::find_pruner(value("prune-method")); }

  private:
    static std::string default_of(std::string_view option) {
        return std::string(option == "allocation"     ? allocation::default_allocation().name
                           : option == "prune-method" ? pruning::default_pruner().name
                           : option == "solver"       ? "auto"
                           : option == "metric"       ? "alpha_peak"
                                                      : "unstructured");
    }

    const Request& request_;
};

/// `option` has an effect only where some other options, or their defaults, allow it.
struct Dependence {
    std::string_view option;
    std::vector<std::string_view> governors;
    std::function<bool(const Chosen& chosen)> has_effect;
    /// What it has no effect beside, {} being the first governor's value; empty: "--governor {}".
    std::string_view beside = {};
    std::string alternative = {};  ///< to leaving it out; empty: to change the first governor
};

/// Whether the chosen method has a property. One that does not exist is a fault already, and no
/// other follows from it.
template <class Property>
std::function<bool(const Chosen&)> allocation_that(Property property) {
    return [property](const Chosen& chosen) {
        const auto* method = chosen.allocation();
        return method == nullptr || std::invoke(property, *method);
    };
}

bool follows_metric(const allocation::AllocationMethod& method) {
    return method.needs_metric();
}

bool looks_at_windows(const Chosen& chosen) {
    return chosen.value("metric") == "alpha_peak_farms";
}

bool computes_metric(const Chosen& chosen) {
    return !chosen.has("metric-cache");
}

bool uses_groups(const Chosen& chosen) {
    return !chosen.value("solver").starts_with("lapack");
}

bool uses_cards(const Chosen& chosen) {
    return chosen.value("device") != "cuda" || chosen.value("solver") == "auto";
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
    const auto* pruner = chosen.pruner();
    return pruner == nullptr ||
           (pruner->breaks_ties && chosen.value("sparsity-type") == "unstructured");
}

bool takes_patterns(const Chosen& chosen) {
    const auto* pruner = chosen.pruner();
    return pruner == nullptr || pruner->takes_patterns ||
           chosen.value("sparsity-type") == "unstructured";
}

bool has_targets(const Chosen& chosen) {
    return std::ranges::any_of(
        std::array{"dense-target", "residual-target"}, [&](const char* name) {
            return chosen.has(name) && support::number_in<double>(chosen.value(name)) != 0.0;
        });
}

bool prunes_by_block(const Chosen& chosen) {
    const auto* pruner = chosen.pruner();
    return pruner == nullptr || pruner->needs_activations() || has_targets(chosen);
}

/// A pruner that does not fit to targets by itself is given the weights of a damped fit.
bool damps(const Chosen& chosen) {
    const auto* pruner = chosen.pruner();
    return pruner == nullptr || pruner->takes_damping ||
           (pruner->needs != pruning::PrunerNeeds::targets && has_targets(chosen));
}

bool looks_at_activations(const Chosen& chosen) {
    const auto* method = chosen.allocation();
    return prunes_by_block(chosen) || method == nullptr || method->needs_activations();
}

bool reads_tokens(const Chosen& chosen) {
    return chosen.command() != Command::run || looks_at_activations(chosen) || chosen.has("eval");
}

/// The options that belong to one method alone have an effect beside that method.
template <class Method>
void add_own_options(std::span<const Method> table, std::string_view governor,
                     const Method* (Chosen::*method)() const, std::vector<Dependence>& rules) {
    for (const Method& owner : table) {
        for (const support::MethodOption& option : owner.options) {
            rules.push_back({option.name,
                             {governor},
                             [method, name = option.name](const Chosen& chosen) {
                                 const Method* one = (chosen.*method)();
                                 return one == nullptr ||
                                        std::ranges::count(one->options, name,
                                                           &support::MethodOption::name) > 0;
                             },
                             "",
                             fmt::format("choose --{} {}", governor, owner.name)});
        }
    }
}

/// Those that a fixed N:M pattern overrides come first: without such an option no other rule
/// applies.
std::vector<Dependence> make_dependences() {
    using Allocation = allocation::AllocationMethod;
    const std::string_view kNoActivations =
        "{} pruning and this allocation, which look at no activations";
    const std::string kCalibrated =
        fmt::format("choose --prune-method {}, or --allocation {}",
                    listed(calibrated_pruners(), "or"), listed(calibrated_allocations(), "or"));
    const std::string kCalibratedPruner =
        fmt::format("choose --prune-method {}", listed(calibrated_pruners(), "or"));
    const std::vector<std::string_view> kMethods{"prune-method", "allocation", "sparsity-type"};
    std::vector<Dependence> rules;
    for (const std::string_view option :
         {"metric", "metric-cache", "mapping-type", "epsilon", "max-sparsity"}) {
        rules.push_back({option, {"sparsity-type"}, ratios_differ});
    }
    for (const allocation::AllocationMethod& method : allocation::allocations()) {
        for (const support::MethodOption& option : method.options) {
            rules.push_back({option.name, {"sparsity-type"}, ratios_differ});
        }
    }
    const std::vector<Dependence> more{
        {"metric", {"allocation"}, allocation_that(follows_metric)},
        {"metric-cache", {"allocation"}, allocation_that(follows_metric)},
        {"mapping-type", {"allocation"}, allocation_that(&Allocation::has_blocks)},
        {"farms-aspect",
         {"metric", "allocation", "sparsity-type"},
         looks_at_windows,
         "",
         "choose --metric alpha_peak_farms"},
        {"farms-aspect", {"metric-cache"}, computes_metric},
        {"epsilon", {"allocation"}, allocation_that(&Allocation::has_band)},
        {"max-sparsity", {"allocation"}, allocation_that(&Allocation::is_computed)},
        {"sparsity-ratio", {"allocation"}, allocation_that(&Allocation::is_computed)},
        {"sparsity-type", {"prune-method"}, takes_patterns},
        {"ties",
         {"prune-method", "sparsity-type"},
         has_ties,
         "this method: it has a rule of its own for equal scores",
         fmt::format("prune by {}, unstructured",
                     listed(names_where(pruning::pruners(), &pruning::Pruner::breaks_ties), "or"))},
        {"scores",
         {"choices"},
         [](const Chosen& chosen) { return chosen.has("choices"); },
         "perplexity alone",
         "give a multiple-choice task with --choices"},
        {"site-order", {"prune-method"}, prunes_by_block, "", kCalibratedPruner},
        {"damping",
         {"prune-method"},
         damps,
         "",
         fmt::format(
             "choose --prune-method {}",
             listed(names_where(pruning::pruners(), &pruning::Pruner::takes_damping), "or"))},
        {"calibration", kMethods, looks_at_activations, kNoActivations, kCalibrated},
        {"nsamples", kMethods, looks_at_activations, kNoActivations, kCalibrated},
        {"seed", kMethods, looks_at_activations, kNoActivations, kCalibrated},
        {"seqlen", kMethods, reads_tokens, "neither calibration nor --eval",
         "give a text with --eval"},
        {"forward-precision", kMethods, reads_tokens, "neither calibration nor --eval",
         "give a text with --eval"},
        {"device",
         {"solver"},
         uses_cards,
         "this solver, which processors work with",
         "leave --solver out, or say --device none"},
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
    rules.insert(rules.end(), more.begin(), more.end());
    add_own_options(allocation::allocations(), "allocation", &Chosen::allocation, rules);
    add_own_options(pruning::pruners(), "prune-method", &Chosen::pruner, rules);
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
    static const std::vector<Dependence> rules = make_dependences();
    std::set<std::string_view> reported;
    for (const Dependence& rule : rules) {
        const Setting* option = request.find(rule.option);
        const Chosen chosen(request);
        if (option == nullptr || request.command == Command::verify ||
            request.command == Command::report || rule.has_effect(chosen) ||
            (rule.option == "group-ranks" && option->value == "1")) {
            continue;
        }
        const bool overridden = option->source == Source::recipe ||
                                std::ranges::any_of(rule.governors, [&](std::string_view governor) {
                                    return is_weaker(request, *option, governor);
                                });
        if (overridden) {
            request.settings.erase(std::string(rule.option));
        } else if (reported.insert(rule.option).second) {
            const std::string_view governor = rule.governors.front();
            const std::string value = chosen.value(governor);
            faults.add(kNoEffect(option->origin, rule.option,
                                 rule.beside.empty()
                                     ? fmt::format("--{} {}", governor, value)
                                     : fmt::format(fmt::runtime(rule.beside), value),
                                 rule.alternative.empty() ? fmt::format("change --{}", governor)
                                                          : rule.alternative));
        }
    }
}

}  // namespace alphaprune::cli
