#include "alphaprune/report/comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <tuple>

#include "alphaprune/allocation/allocation.hpp"
#include "alphaprune/support/file.hpp"

namespace alphaprune::report {
namespace {

/// The dense perplexity of one model on one text, computed on other nodes or ranks, differs by
/// rounding alone.
bool is_same_perplexity(const std::optional<double>& one, const std::optional<double>& other) {
    constexpr double kRounding = 1e-4;
    if (!one || !other || !std::isfinite(*one) || !std::isfinite(*other)) {
        return true;  // says nothing
    }
    return std::abs(*one - *other) <= kRounding * std::max(std::abs(*one), std::abs(*other));
}

std::string file_name_of(const std::string& path) {
    const std::string name = std::filesystem::path(path).filename().string();
    return name.empty() ? path : name;
}

/// Makes labels different: where several are the same, each is replaced by `longer` of its element.
template <class Element, class Longer>
void tell_apart(std::vector<Element>& elements, Longer longer) {
    std::map<std::string, int> times;
    for (const Element& element : elements) {
        ++times[element.label];
    }
    for (Element& element : elements) {
        if (times[element.label] > 1) {
            element.label = longer(element);
        }
    }
}

/// Which models and texts there are.
class Subjects {
  public:
    explicit Subjects(Comparison& comparison) : comparison_(comparison) {}

    std::size_t text_of(const PerplexityReport& entry) {
        std::vector<ComparedText>& texts = comparison_.texts;
        const auto found = std::ranges::find_if(texts, [&](const ComparedText& text) {
            return std::tie(text.path, text.seqlen, text.windows) ==
                   std::tie(entry.text, entry.seqlen, entry.windows);
        });
        if (found != texts.end()) {
            return static_cast<std::size_t>(found - texts.begin());
        }
        texts.push_back({entry.text, entry.seqlen, entry.windows, file_name_of(entry.text)});
        return texts.size() - 1;
    }

    std::size_t model_of(const RunReport& report) {
        std::vector<ComparedModel>& models = comparison_.models;
        std::size_t m = 0;
        while (m < models.size() && !(is_like(models[m], report) && agrees(dense_[m], report))) {
            ++m;
        }
        if (m == models.size()) {
            models.push_back({report.model_name, report.family, report.prunable_parameters,
                              report.forward_precision, report.model_name});
            dense_.emplace_back();
        }
        for (const PerplexityReport& entry : report.perplexities) {
            dense_[m].emplace(text_of(entry), entry.dense);
        }
        return m;
    }

    void label() {
        tell_apart(comparison_.texts, [](const ComparedText& text) { return text.path; });
        tell_apart(comparison_.texts, [](const ComparedText& text) {
            return fmt::format("{} (seqlen {}, windows {})", text.label, text.seqlen, text.windows);
        });
        tell_apart(comparison_.models, [](const ComparedModel& model) {
            return fmt::format("{} ({} weights, {})", model.name, model.prunable_parameters,
                               model.forward_precision);
        });
        int number = 0;
        tell_apart(comparison_.models, [&](const ComparedModel& model) {
            return fmt::format("{}, number {}", model.label, ++number);
        });
    }

  private:
    using Dense = std::map<std::size_t, std::optional<double>>;  ///< by text

    static bool is_like(const ComparedModel& model, const RunReport& report) {
        return model.name == report.model_name && model.family == report.family &&
               model.prunable_parameters == report.prunable_parameters &&
               model.forward_precision == report.forward_precision;
    }
    bool agrees(const Dense& dense, const RunReport& report) {
        return std::ranges::all_of(report.perplexities, [&](const PerplexityReport& entry) {
            const auto known = dense.find(text_of(entry));
            return known == dense.end() || is_same_perplexity(known->second, entry.dense);
        });
    }

    Comparison& comparison_;
    std::vector<Dense> dense_;  ///< of each model
};

/// What runs may differ in beside method, allocation and ratio.
std::vector<std::string> settings_of(const RunReport& report, const ComparedRun& run) {
    const auto& targets = report.targets;
    const auto& calibration = report.calibration;
    const auto& allocation = report.allocation;
    return {run.epsilon ? fmt::format("ε {}", *run.epsilon) : "",
            run.metric,
            allocation ? allocation->mapping_type : "",
            targets ? fmt::format("targets {}/{}", targets->dense_target, targets->residual_target)
                    : "",
            targets ? fmt::format("damping {}", targets->damping) : "",
            targets ? "sites " + targets->site_order : "",
            calibration ? fmt::format("{} × {} of {}", calibration->sequences, calibration->seqlen,
                                      file_name_of(calibration->text))
                        : "",
            calibration ? fmt::format("seed {}", calibration->seed) : "",
            std::filesystem::path(run.folder).parent_path().string(),
            run.folder};
}

/// Runs that would stand in the same place of a table are told apart by the first settings that
/// they differ in.
void set_apart(std::vector<ComparedRun*> group,
               const std::map<const ComparedRun*, std::vector<std::string>>& settings) {
    const auto is_told_apart = [&] {
        std::set<std::pair<double, std::string>> places;
        return std::ranges::all_of(group, [&](const ComparedRun* run) {
            return places.emplace(run->sparsity_ratio, run->setting).second;
        });
    };
    const std::size_t kinds = settings.at(group.front()).size();
    for (std::size_t kind = 0; kind < kinds && !is_told_apart(); ++kind) {
        std::set<std::string> values;
        for (const ComparedRun* run : group) {
            values.insert(settings.at(run)[kind]);
        }
        for (ComparedRun* run : group) {
            const std::string& value = settings.at(run)[kind];
            if (values.size() > 1 && !value.empty()) {
                run->setting += (run->setting.empty() ? "" : ", ") + value;
            }
        }
    }
}

ComparedRun run_of(const ReportOfRun& of) {
    const RunReport& report = of.report;
    ComparedRun run;
    run.folder = of.folder;
    run.kept_checkpoint = of.kept_checkpoint;
    run.prune_method = report.prune_method;
    run.sparsity_type = report.sparsity_type;
    if (report.allocation) {
        run.allocation = report.allocation->name;
        run.metric = report.allocation->metric;
        run.sparsity_ratio = report.allocation->sparsity_ratio;
        run.epsilon_choice = report.allocation->epsilon_choice;
        const auto* method = allocation::find_allocation(run.allocation);
        if (method == nullptr || method->has_band) {
            run.epsilon = report.allocation->epsilon;
        }
    }
    run.sparsity = realized_sparsity(report);
    run.seconds = report.seconds;
    for (const auto& [phase, seconds] : report.phases) {
        run.prune_seconds += phase == "prune" ? seconds : 0;
    }
    run.ranks = report.ranks;
    return run;
}

/// What runs of one row of a table have in common, the texts they were measured on included.
auto series_key(const ComparedRun& run) {
    std::vector<std::size_t> texts;
    for (const ComparedPerplexity& found : run.perplexities) {
        texts.push_back(found.text);
    }
    return std::tuple(run.model, run.prune_method, run.allocation, run.sparsity_type,
                      std::move(texts));
}

}  // namespace

Comparison compare_runs(const std::vector<ReportOfRun>& reports) {
    Comparison comparison;
    Subjects subjects(comparison);
    std::vector<std::pair<ComparedRun, const RunReport*>> runs;
    for (const ReportOfRun& of : reports) {
        ComparedRun run = run_of(of);
        run.model = subjects.model_of(of.report);
        for (const PerplexityReport& entry : of.report.perplexities) {
            run.perplexities.push_back({subjects.text_of(entry), entry.dense, entry.pruned});
        }
        runs.emplace_back(std::move(run), &of.report);
    }
    subjects.label();
    std::ranges::stable_sort(runs, {}, [](const auto& entry) { return entry.first.model; });
    for (const auto& [run, report] : runs) {
        comparison.runs.push_back(run);
    }
    std::map<const ComparedRun*, std::vector<std::string>> settings;
    for (std::size_t r = 0; r < runs.size(); ++r) {
        settings.emplace(&comparison.runs[r], settings_of(*runs[r].second, runs[r].first));
    }
    for (ComparedRun& first : comparison.runs) {
        std::vector<ComparedRun*> group;
        for (ComparedRun& run : comparison.runs) {
            if (series_key(run) == series_key(first)) {
                group.push_back(&run);
            }
        }
        if (group.front() == &first) {
            set_apart(group, settings);
        }
    }
    return comparison;
}

std::string ComparedSeries::label() const {
    std::string text = prune_method + ", " + allocation;
    text += sparsity_type == "unstructured" ? "" : ", " + sparsity_type;
    return text + (setting.empty() ? "" : ", " + setting);
}

std::vector<ComparedSeries> series_of(const Comparison& comparison) {
    std::vector<ComparedSeries> all;
    for (std::size_t r = 0; r < comparison.runs.size(); ++r) {
        const ComparedRun& run = comparison.runs[r];
        auto found = std::ranges::find_if(all, [&](const ComparedSeries& series) {
            return series_key(comparison.runs[series.runs.front()]) == series_key(run) &&
                   series.setting == run.setting;
        });
        if (found == all.end()) {
            all.push_back(
                {run.model, run.prune_method, run.allocation, run.sparsity_type, run.setting, {}});
            found = all.end() - 1;
        }
        found->runs.push_back(r);
    }
    for (ComparedSeries& series : all) {
        std::ranges::stable_sort(series.runs, {},
                                 [&](std::size_t r) { return comparison.runs[r].sparsity_ratio; });
    }
    return all;
}

const ComparedPerplexity* perplexity_on(const ComparedRun& run, std::size_t text) {
    const auto found = std::ranges::find(run.perplexities, text, &ComparedPerplexity::text);
    return found == run.perplexities.end() ? nullptr : &*found;
}

void write_comparison(const Comparison& comparison, const ComparisonHead& head,
                      const std::filesystem::path& folder, std::string_view name) {
    const auto file = [&](std::string_view extension) {
        return folder / fmt::format("{}.{}", name, extension);
    };
    support::write_text_atomically(file("csv"), comparison_csv(comparison));
    support::write_text_atomically(file("tex"), comparison_latex(comparison));
    support::write_text_atomically(file("html"), comparison_html(comparison, head));
    support::write_text_atomically(file("json"), comparison_json(comparison, head).dump() + "\n");
}

}  // namespace alphaprune::report
