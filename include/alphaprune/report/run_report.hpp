#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/report/timeline.hpp"
#include "alphaprune/spectrum/metrics.hpp"

namespace alphaprune::report {

/// Where a matrix lies in a tensor that holds several: as model::MatrixInfo.
struct SliceReport {
    std::string tensor;
    std::optional<int> expert;  ///< first index of a tensor of three dimensions
    std::int64_t first = 0;     ///< output r is stored as first + (r / run) · stride + r mod run
    std::int64_t run = 0;
    std::int64_t stride = 0;
};

/// The power law fitted to the tail of a spectrum: density (α−1)/λ₀·(λ/λ₀)^−α from λ₀ on, of the
/// eigenvalues in the tail (docs/methods.md, power-law fits).
struct LawReport {
    std::string metric;     ///< whose fit it is
    double alpha = 0;       ///< its exponent, greater than 1
    double lambda_min = 0;  ///< λ₀, the least eigenvalue in the tail (x_min)
    std::int64_t tail = 0;  ///< eigenvalues in it
    double distance = 0;    ///< Kolmogorov–Smirnov distance of tail and law
};

/// One prunable matrix in a report.
struct MatrixReport {
    std::string name;
    int block = 0;
    std::int64_t rows = 0;
    std::int64_t cols = 0;
    bool transposed = false;               ///< stored as inputs × outputs
    std::optional<SliceReport> slice;      ///< of a tensor; absent where it is the tensor
    spectrum::ShapeMetrics metrics;        ///< undefined ones are NaN, null in JSON
    bool has_metrics = false;              ///< false when no spectrum was computed
    std::optional<LawReport> law;          ///< of its own spectrum; absent where no fit exists
    std::optional<double> sparsity_ratio;  ///< asked for; absent after `analyze`
    std::optional<std::int64_t> zeros;     ///< reached; absent after `analyze`
    std::optional<int> iterations;         ///< of a pruner that iterates
    std::optional<double> relative_error;  ///< that it left, of the squared output
    std::string solver;                    ///< empty when no spectrum was computed
    bool in_single = false;                ///< computed in float32
    int group_ranks = 0;
    double seconds = 0;

    std::int64_t weights() const { return rows * cols; }
    std::optional<double> sparsity() const;  ///< reached; absent without zeros or weights, too
};

/// A number that belongs to one method alone.
struct OwnOption {
    std::string name;    ///< of the command line's option
    std::string symbol;  ///< in formulas
    double value = 0;
};

/// An epsilon that was tried.
struct EpsilonTrialReport {
    double epsilon = 0;
    std::optional<double> perplexity;  ///< on what was held out; where it is no number, as of a
                                       ///< search
};

/// How a sweep has chosen epsilon.
struct EpsilonChoiceReport {
    std::string held_out;  ///< "16 of 48 calibration sequences of c4.npy"
    std::vector<EpsilonTrialReport> tried = {};
};

struct AllocationReport {
    std::string name;
    std::string metric;
    std::string mapping_type;
    double epsilon = 0;
    double sparsity_ratio = 0;
    double max_sparsity = 0;
    std::vector<int> bounded_blocks;
    std::vector<OwnOption> own_options;                      ///< of this allocation alone
    std::optional<EpsilonChoiceReport> epsilon_choice = {};  ///< where there were several
};

/// Tensors of the blocks that are not pruned and differ in their numbers only.
struct LeftOutReport {
    std::string names;  ///< "model.layers.*.mlp.gate.weight"
    std::string reason;
    std::int64_t tensors = 0;
    std::int64_t weights = 0;
};

/// Perplexity on one text, before and after pruning.
struct PerplexityReport {
    std::string text;  ///< the file's name as the user gave it
    std::int64_t seqlen = 0;
    std::int64_t windows = 0;
    std::optional<double> dense;   ///< NaN or infinite where it is no number: null in JSON
    std::optional<double> pruned;  ///< the same
};

/// One of several files of calibration.
struct CalibrationFileReport {
    std::string path;
    double weight = 1;
    std::int64_t sequences = 0;
};

/// What the calibrated methods looked at.
struct CalibrationReport {
    std::string text;  ///< the file's name as the user gave it; several: joined by ", "
    std::int64_t seqlen = 0;
    std::int64_t sequences = 0;
    std::uint64_t seed = 0;
    std::vector<CalibrationFileReport> files = {};  ///< where there are several
};

/// A candidate of a search for ratios.
struct SearchStepReport {
    std::string change;                ///< from the best before: "attention +0.06"
    std::optional<double> perplexity;  ///< on held-out calibration sequences; NaN or infinite where
                                       ///< it is no number: null in JSON
    bool better = false;               ///< than all before
};

/// Settings that were tried before some were chosen.
struct SettingsTrialReport {
    double dense_target = 0;
    double residual_target = 0;
    double damping = 0;
    std::optional<double> perplexity;  ///< on held-out calibration sequences, the first blocks
                                       ///< pruned; where it is no number, as of a search
};

/// What the outputs of pruned matrices are fitted to.
struct TargetsReport {
    double dense_target = 0;
    double residual_target = 0;
    std::string site_order;
    double damping = 0;
    std::vector<SettingsTrialReport> tried = {};  ///< where the user left some to the program
};

/// What windows alpha_peak_farms looked at (spectrum/farms.hpp).
struct FarmsReport {
    double aspect = 1;
    std::int64_t largest_side = 0;
    std::int64_t offsets = 0;
    std::int64_t windows = 0;  ///< of all matrices
};

/// Everything report.json says (schema version 1).
struct RunReport {
    std::string program_version;
    std::string program_commit;
    std::vector<std::string> command_line;

    std::string model_name;
    std::string family;
    int blocks = 0;
    std::int64_t prunable_parameters = 0;
    std::int64_t block_weights = 0;       ///< of the blocks, prunable or not; 0: not known
    std::vector<LeftOutReport> left_out;  ///< of them what is not prunable, the most first
    std::string fused = "split";  ///< or "whole": what is a matrix of a tensor with several layers

    int ranks = 1;
    int threads_per_rank = 1;
    std::vector<std::string> hosts;
    std::string started;
    double seconds = 0;
    std::vector<std::pair<std::string, double>> phases;            ///< name and seconds, in order
    std::vector<std::pair<std::string, TimelineReport>> timeline;  ///< of some of the phases
    std::int64_t resumed_matrices = 0;  ///< whose spectra an earlier attempt had computed
    int attempts = 1;                   ///< starts of the run, this one included
    std::string identity;  ///< of all that the results depend on, as hexadecimal digits
    double gemm_gflops = 0;
    std::string forward_precision = "float32";  ///< of products of activations with weights
    std::uint64_t peak_memory = 0;              ///< bytes, of the rank that had most; 0: not known

    std::string prune_method;                 ///< empty after `analyze`
    std::string shown_metric = "alpha_peak";  ///< the one in tables and charts
    std::string sparsity_type;                ///< empty after `analyze`
    std::optional<AllocationReport> allocation;
    std::optional<CalibrationReport> calibration;
    std::optional<TargetsReport> targets;  ///< when matrices were pruned on their inputs
    std::vector<SearchStepReport> search;  ///< empty where ratios were not searched for
    std::optional<FarmsReport> farms;      ///< when alpha_peak_farms was computed
    std::vector<PerplexityReport> perplexities;
    std::vector<MatrixReport> matrices;
    std::vector<std::string> notes;  ///< what a user should know
};

/// The picture of one spectrum: counts of log10 λ in equal bins.
struct SpectrumPicture {
    double log10_min = 0;              ///< left edge of the first bin
    double log10_max = 0;              ///< right edge of the last
    std::vector<std::int64_t> counts;  ///< empty, or all zero, when no eigenvalue is positive
};

/// Whose fit is shown: of a metric that is no exponent of the matrix's own spectrum, that of
/// alpha_peak; of a spectrum in float32, that of alpha_mid.
spectrum::Metric fitted_metric(spectrum::Metric shown, bool in_single);

/// The law whose exponent `metric` is, rounded to 10 digits; nothing where there is none.
/// @param ascending  eigenvalues
std::optional<LawReport> law_of(std::span<const double> ascending, spectrum::Metric metric);

/// @param ascending  eigenvalues; only the positive ones are drawn
SpectrumPicture picture_of(std::vector<double> ascending, int bins = 60);

/// Zeros over all matrices; nothing when no matrix has a count (after `analyze`).
std::optional<std::int64_t> total_zeros(const RunReport& report);

/// Share of zeros over all matrices that have counts; 0 when none has.
double realized_sparsity(const RunReport& report);

formats::Json to_json(const RunReport& report);
/// Reads back what to_json wrote, apart from the precision of the spectra.
/// @throws Error (bad_request) naming the field that is missing or of a wrong kind
RunReport run_report_from_json(const formats::Json& document, std::string_view where);
RunReport read_run_report(const std::filesystem::path& path);

/// Each writes one file into the output folder, under its final name only when whole.
void write_report_json(const RunReport& report, const std::filesystem::path& folder);
void write_matrices_csv(const RunReport& report, const std::filesystem::path& folder);
/// metrics/<metric>.npy, float64, one value per matrix (NaN where undefined), for each metric that
/// is known of at least one matrix.
void write_metric_files(const RunReport& report, const std::filesystem::path& folder);

/// Above so many matrices (experts) report.html shows three spectra of each block: those of least,
/// median and greatest exponent.
inline constexpr std::size_t kMostDrawnSpectra = 1000;

/// One self-contained page, which asks nothing of a network: what was pruned and how much, what it
/// cost in perplexity, beside uniform ratios where they were tried; ratios, exponents and errors of
/// all matrices as maps; spectra with the fitted laws, by exponent; the search, the time of the
/// ranks, the notes, and how to repeat the run. Readable without its script, which opens and sorts.
/// @param pictures  one per matrix, or empty when no spectrum was computed
std::string html_page(const RunReport& report, const std::vector<SpectrumPicture>& pictures);
/// The same as report.html.
void write_html_report(const RunReport& report, const std::vector<SpectrumPicture>& pictures,
                       const std::filesystem::path& folder);

/// The table of blocks a person reads at the end: block, mean of the shown metric, ratio asked,
/// sparsity reached, zeros; the whole model in the last line. After `analyze` without the columns
/// that speak of pruning.
std::string block_table(const RunReport& report);

/// One line per text: "perplexity 26.666 dense, 84.1 pruned (eval.npy, seqlen 512, windows 360)".
std::string perplexity_lines(const RunReport& report);

}  // namespace alphaprune::report
