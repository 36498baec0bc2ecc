#include "alphaprune/report/run_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "alphaprune/formats/json_fields.hpp"
#include "alphaprune/support/bytes.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/message.hpp"
#include "report_parts.hpp"

namespace alphaprune::report {
namespace {

constexpr std::int64_t kSchemaVersion = 1;

const support::BadRequest<std::int64_t, std::int64_t> kOtherSchema{
    "report.schema-version", "the report has schema version {}, this program reads {}",
    "another version of the program wrote it", "use the program version that wrote it"};

formats::Json metrics_json(const MatrixReport& matrix) {
    formats::Json::Object metrics;
    for (std::size_t m = 0; matrix.has_metrics && m < spectrum::kMetrics; ++m) {
        const auto metric = static_cast<spectrum::Metric>(m);
        const double value = matrix.metrics[metric];
        metrics.emplace_back(spectrum::name_of(metric),
                             std::isfinite(value) ? formats::Json(value) : nullptr);
    }
    return metrics;
}

void read_metrics(const formats::JsonField& metrics, MatrixReport& matrix) {
    matrix.metrics.values.fill(std::numeric_limits<double>::quiet_NaN());
    for (const auto& [name, value] : metrics.members()) {
        const auto metric = spectrum::metric_named(name);
        if (metric && !value.is_null()) {
            value.read(matrix.metrics[*metric]);
        }
        matrix.has_metrics = true;
    }
}

void require_possible(const formats::JsonField& field, const MatrixReport& matrix) {
    std::int64_t weights = 0;
    if (__builtin_mul_overflow(matrix.rows, matrix.cols, &weights)) {
        throw field.misfit("a matrix of a possible size");
    }
    if (matrix.zeros.value_or(0) > weights) {
        throw field["zeros"].misfit(fmt::format("within the {} weights of the matrix", weights));
    }
}

/// A share, to the digits that say something.
double rounded(double share) {
    return std::round(share * 1e4) / 1e4;
}

void require_equal_lengths(const formats::JsonField& ranks, const TimelineReport& timeline) {
    for (std::size_t work = 0; work < parallel::kWorks; ++work) {
        if (timeline.of_ranks[work].size() != timeline.ranks()) {
            throw ranks[parallel::name_of(static_cast<parallel::Work>(work))].misfit(
                fmt::format("one number for each of {} ranks", timeline.ranks()));
        }
    }
}

void require_whole(const formats::JsonField& document, const RunReport& report) {
    const std::vector<formats::JsonField> elements = document["matrices"].elements();
    std::set<std::string> names;
    for (std::size_t m = 0; m < report.matrices.size(); ++m) {
        if (!names.insert(report.matrices[m].name).second) {
            throw elements[m]["name"].misfit(
                fmt::format("new: '{}' stands there twice", report.matrices[m].name));
        }
    }
    std::int64_t expected = 0;
    document["model"]["matrices"].read(expected);
    if (static_cast<std::int64_t>(elements.size()) != expected) {
        throw document["matrices"].misfit(fmt::format(
            "as long as model.matrices says ({}): it has {}", expected, elements.size()));
    }
}

}  // namespace

std::optional<double> share(std::int64_t part, std::int64_t whole) {
    return whole > 0 ? std::optional(static_cast<double>(part) / static_cast<double>(whole))
                     : std::nullopt;
}

// The tables of fields of report.json, schema version 1; how they work: json_fields.hpp.

using support::FieldsOf;

static void json_fields(auto& io, FieldsOf<SliceReport> auto& slice) {
    io("tensor", slice.tensor);
    io.where_known("expert", slice.expert);
    io("first", slice.first);
    io("run", slice.run);
    io("stride", slice.stride);
}

static void json_fields(auto& io, FieldsOf<LawReport> auto& law) {
    io("metric", law.metric);
    io("alpha", law.alpha);
    io("lambda_min", law.lambda_min);
    io("tail", law.tail);
    io("ks_distance", law.distance);
}

static void json_fields(auto& io, FieldsOf<MatrixReport> auto& matrix) {
    io("name", matrix.name);
    io("block", matrix.block);
    io("rows", matrix.rows);
    io("cols", matrix.cols);
    io.later("transposed", matrix.transposed);
    io.where_known("slice", matrix.slice);
    io.custom(
        "metrics", [&] { return metrics_json(matrix); },
        [&](const auto& field) { read_metrics(field, matrix); });
    io.where_known("fit", matrix.law);
    io("sparsity_ratio", matrix.sparsity_ratio);
    io("zeros", matrix.zeros);
    io.check([&](const auto& field) { require_possible(field, matrix); });
    io.derived("sparsity", matrix.sparsity());
    io.where_known("iterations", matrix.iterations);
    io.where_known("relative_error", matrix.relative_error);
    io("solver", matrix.solver);
    io.derived("precision", matrix.in_single ? "single" : "double");
    io("group_ranks", matrix.group_ranks);
    io("seconds", matrix.seconds);
}

static void json_fields(auto& io, FieldsOf<EpsilonTrialReport> auto& trial) {
    io("epsilon", trial.epsilon);
    io("perplexity", trial.perplexity);
}

static void json_fields(auto& io, FieldsOf<EpsilonChoiceReport> auto& choice) {
    io("held_out", choice.held_out);
    io("tried", choice.tried);
}

static void json_fields(auto& io, FieldsOf<AllocationReport> auto& allocation) {
    io("name", allocation.name);
    io("metric", allocation.metric);
    io("mapping_type", allocation.mapping_type);
    io("epsilon", allocation.epsilon);
    io("sparsity_ratio", allocation.sparsity_ratio);
    io("max_sparsity", allocation.max_sparsity);
    io("bounded_blocks", allocation.bounded_blocks);
    for (const OwnOption& option : allocation.own_options) {
        std::string name = option.name;
        std::ranges::replace(name, '-', '_');
        io.derived(name, option.value);
    }
    io.where_known("epsilon_choice", allocation.epsilon_choice);
}

static void json_fields(auto& io, FieldsOf<LeftOutReport> auto& group) {
    io("names", group.names);
    io("reason", group.reason);
    io("tensors", group.tensors);
    io("weights", group.weights);
}

static void json_fields(auto& io, FieldsOf<CalibrationFileReport> auto& file) {
    io("path", file.path);
    io("weight", file.weight);
    io("sequences", file.sequences);
}

static void json_fields(auto& io, FieldsOf<CalibrationReport> auto& calibration) {
    io("text", calibration.text);
    io("seqlen", calibration.seqlen);
    io("sequences", calibration.sequences);
    io("seed", calibration.seed);
    io.unless_empty("files", calibration.files);
}

static void json_fields(auto& io, FieldsOf<SettingsTrialReport> auto& trial) {
    io("dense_target", trial.dense_target);
    io("residual_target", trial.residual_target);
    io("damping", trial.damping);
    io("perplexity", trial.perplexity);
}

static void json_fields(auto& io, FieldsOf<TargetsReport> auto& targets) {
    io("dense_target", targets.dense_target);
    io("residual_target", targets.residual_target);
    io("site_order", targets.site_order);
    io("damping", targets.damping);
    io.unless_empty("tried", targets.tried);
}

static void json_fields(auto& io, FieldsOf<SearchStepReport> auto& step) {
    io("change", step.change);
    io("perplexity", step.perplexity);
    io("better", step.better);
}

static void json_fields(auto& io, FieldsOf<FarmsReport> auto& farms) {
    io("aspect", farms.aspect);
    io("largest_side", farms.largest_side);
    io("offsets", farms.offsets);
    io("windows", farms.windows);
}

static void json_fields(auto& io, FieldsOf<PerplexityReport> auto& entry) {
    io("text", entry.text);
    io("seqlen", entry.seqlen);
    io("windows", entry.windows);
    io("dense", entry.dense);
    io("pruned", entry.pruned);
}

static void json_fields(auto& io, FieldsOf<BlockTimeline> auto& block) {
    io("block", block.block);
    io("seconds", block.seconds);
    io("least_busy", block.least_busy);
    io("mean_busy", block.mean_busy);
    io("most_busy", block.most_busy);
    io("slowest_rank", block.slowest_rank);
}

static void json_fields(auto& io, FieldsOf<TimelineReport> auto& timeline) {
    io("seconds", timeline.seconds);
    io.derived("busy", rounded(timeline.mean_busy_share()));
    io.group("least_busy", [&](auto& least) {
        least.derived("rank", static_cast<std::int64_t>(timeline.least_busy_rank()));
        least("host", timeline.least_busy_host);
        least.derived("busy", rounded(timeline.least_busy_share()));
    });
    io.group("ranks", [&](auto& ranks) {
        for (std::size_t work = 0; work < parallel::kWorks; ++work) {
            ranks(parallel::name_of(static_cast<parallel::Work>(work)), timeline.of_ranks[work]);
        }
        ranks.check([&](const auto& field) { require_equal_lengths(field, timeline); });
    });
    io("blocks", timeline.blocks);
}

static void json_fields(auto& io, FieldsOf<RunReport> auto& report) {
    io.derived("schema_version", kSchemaVersion);
    io.group("program", [&](auto& program) {
        program("version", report.program_version);
        program("commit", report.program_commit);
    });
    io("command_line", report.command_line);
    io.group("model", [&](auto& model) {
        model("name", report.model_name);
        model("family", report.family);
        model("blocks", report.blocks);
        model.derived("matrices", static_cast<std::int64_t>(report.matrices.size()));
        model("prunable_parameters", report.prunable_parameters);
        model.later("block_weights", report.block_weights);
        model.derived("prunable_share", share(report.prunable_parameters, report.block_weights));
        model.later("left_out", report.left_out);
        model.later("fused", report.fused);
    });
    io.group("run", [&](auto& run) {
        run("ranks", report.ranks);
        run("threads_per_rank", report.threads_per_rank);
        run("hosts", report.hosts);
        run("started", report.started);
        run("seconds", report.seconds);
        run("phases", report.phases);
        run("resumed_matrices", report.resumed_matrices);
        run.later("attempts", report.attempts);
        run.later("identity", report.identity);
        run("gemm_gflops", report.gemm_gflops);
        run.later("peak_memory", report.peak_memory);
        run.later("forward_precision", report.forward_precision);
        run.unless_empty("timeline", report.timeline);
    });
    io.text_or_null("prune_method", report.prune_method);
    io.text_or_null("sparsity_type", report.sparsity_type);
    io.later("calibration", report.calibration);
    io.where_known("targets", report.targets);
    io.later("shown_metric", report.shown_metric);
    io.later("farms", report.farms);
    io("allocation", report.allocation);
    io.unless_empty("search", report.search);
    io("matrices", report.matrices);
    io.check([&](const auto& document) { require_whole(document, report); });
    const auto zeros = total_zeros(report);
    io.derived("sparsity", zeros ? std::optional(realized_sparsity(report)) : std::nullopt);
    io.derived("zeros", zeros);
    io.later("perplexity", report.perplexities);
    io.later("notes", report.notes);
}

std::optional<double> MatrixReport::sparsity() const {
    return zeros ? share(*zeros, weights()) : std::nullopt;
}

std::optional<std::int64_t> total_zeros(const RunReport& report) {
    std::optional<std::int64_t> total;
    for (const MatrixReport& matrix : report.matrices) {
        if (matrix.zeros) {
            total = total.value_or(0) + *matrix.zeros;
        }
    }
    return total;
}

double realized_sparsity(const RunReport& report) {
    std::int64_t weights = 0;
    for (const MatrixReport& matrix : report.matrices) {
        weights += matrix.zeros ? matrix.weights() : 0;
    }
    return share(total_zeros(report).value_or(0), weights).value_or(0);
}

formats::Json to_json(const RunReport& report) {
    formats::ObjectWriter writer;
    json_fields(writer, report);
    return writer.take();
}

RunReport run_report_from_json(const formats::Json& document, std::string_view where) {
    const formats::JsonField root(document, "", std::string(where));
    std::int64_t version = 0;
    root["schema_version"].read(version);
    if (version != kSchemaVersion) {
        throw kOtherSchema(std::string(where), version, kSchemaVersion);
    }
    RunReport report;
    root.read(report);
    return report;
}

RunReport read_run_report(const std::filesystem::path& path) {
    const std::string where = path.string();
    return run_report_from_json(formats::Json::parse(support::read_text(path), where), where);
}

void write_report_json(const RunReport& report, const std::filesystem::path& folder) {
    support::write_text_atomically(folder / "report.json", to_json(report).dump() + "\n");
}

}  // namespace alphaprune::report
