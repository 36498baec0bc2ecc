#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/report/run_report.hpp"

namespace alphaprune::report {

/// A finished run that is compared with others.
struct ReportOfRun {
    std::string folder;  ///< by which the comparison names it
    RunReport report;
    bool kept_checkpoint = true;  ///< false: removed after the run, as the sweep was asked to
};

/// A model that runs have pruned. Runs with other names, sizes or precision of the forward pass, or
/// whose dense perplexities on one text differ by more than rounding, are of different models.
struct ComparedModel {
    std::string name;
    std::string family;
    std::int64_t prunable_parameters = 0;
    std::string forward_precision;
    std::string label;  ///< tells it from the others: the name, where that suffices
};

/// A text that perplexities were measured on. Other windows of one file are another text.
struct ComparedText {
    std::string path;
    std::int64_t seqlen = 0;
    std::int64_t windows = 0;
    std::string label;  ///< the file's name, or what else tells it from the others
};

struct ComparedPerplexity {
    std::size_t text = 0;         ///< index into Comparison::texts
    std::optional<double> dense;  ///< NaN or infinite where it is no number: null in JSON
    std::optional<double> pruned;
};

/// One row of the table.
struct ComparedRun {
    std::string folder;
    std::size_t model = 0;  ///< index into Comparison::models
    std::string prune_method;
    std::string allocation;
    std::string metric;             ///< that the allocation follows; empty: none
    std::optional<double> epsilon;  ///< where the allocation has a band
    /// Of a sweep that chose epsilon: on what, and what else was tried.
    std::optional<EpsilonChoiceReport> epsilon_choice;
    std::string sparsity_type;
    double sparsity_ratio = 0;  ///< asked for
    double sparsity = 0;        ///< reached
    std::vector<ComparedPerplexity> perplexities;
    double seconds = 0;        ///< of the run
    double prune_seconds = 0;  ///< of its phase "prune"
    int ranks = 1;
    bool kept_checkpoint = true;
    /// What tells it from runs of the same model with the same method, allocation and ratio: a
    /// setting, or else its folder; empty where there is none.
    std::string setting;
};

/// Runs side by side.
struct Comparison {
    std::vector<ComparedModel> models;
    std::vector<ComparedText> texts;
    std::vector<ComparedRun> runs;  ///< by model, in the order given
};

/// @pre  all are of runs that have pruned
Comparison compare_runs(const std::vector<ReportOfRun>& reports);

/// Runs of one model that differ in their sparsity ratio alone: a row of a paper's table, a line of
/// a chart.
struct ComparedSeries {
    std::size_t model = 0;
    std::string prune_method;
    std::string allocation;
    std::string sparsity_type;
    std::string setting;
    std::vector<std::size_t> runs;  ///< indices into Comparison::runs, by ascending ratio

    /// "sparsegpt, alphapruning, 2:4, damping 0.1"
    std::string label() const;
};
/// Of all models, in the order of their first runs.
std::vector<ComparedSeries> series_of(const Comparison& comparison);

/// Of a run on a text; nothing where it was not measured.
const ComparedPerplexity* perplexity_on(const ComparedRun& run, std::size_t text);

/// What the comparison is of: words at its head, and members at the head of its JSON document.
struct ComparisonHead {
    std::string title;  ///< "sweep of books-7m"
    std::vector<std::pair<std::string, std::string>> facts;
    formats::Json::Object members;
};

/// One line per run and text (one where there is no text), in the order of the runs; numbers with
/// all their digits, empty where there is none.
std::string comparison_csv(const Comparison& comparison);

/// Tables for the package booktabs: for each model and text one, a row per series and a column per
/// sparsity ratio, the least perplexity of each column in bold; and one of times.
std::string comparison_latex(const Comparison& comparison);

/// The text with what TeX would take for a command made harmless.
std::string latex_escaped(std::string_view text);

/// The table that a person reads at the end.
std::string comparison_table(const Comparison& comparison);

/// One self-contained page: curves of perplexity over sparsity for each model and text, and all
/// runs as a table.
std::string comparison_html(const Comparison& comparison, const ComparisonHead& head);

/// schema_version, program, the head's members, models, texts and runs.
formats::Json comparison_json(const Comparison& comparison, const ComparisonHead& head);

/// Writes NAME.csv, NAME.tex, NAME.html and, last, NAME.json into a folder, each under its final
/// name only when whole. @throws Error
void write_comparison(const Comparison& comparison, const ComparisonHead& head,
                      const std::filesystem::path& folder, std::string_view name);

}  // namespace alphaprune::report
