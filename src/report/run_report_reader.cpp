#include <fmt/format.h>

#include <limits>
#include <set>

#include "alphaprune/report/run_report.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/file.hpp"
#include "json_field.hpp"

namespace alphaprune::report {
namespace {

constexpr std::int64_t kSchemaVersion = 1;

void require_schema_version(const JsonField& document, std::string_view where) {
    const std::int64_t version = document["schema_version"].count();
    if (version != kSchemaVersion) {
        throw support::bad_request(
            fmt::format("the report has schema version {}, this program reads {}", version,
                        kSchemaVersion),
            std::string(where), "use the program version that wrote it");
    }
}

void read_metrics(const JsonField& metrics, MatrixReport& matrix) {
    matrix.metrics.values.fill(std::numeric_limits<double>::quiet_NaN());
    for (const auto& [name, value] : metrics.members()) {
        const auto metric = spectrum::metric_named(name);
        if (metric && !value.is_null()) {
            matrix.metrics[*metric] = value.number();
        }
        matrix.has_metrics = true;
    }
}

MatrixReport read_matrix(const JsonField& field) {
    MatrixReport matrix;
    matrix.name = field["name"].text();
    matrix.block = field["block"].small_count();
    matrix.rows = field["rows"].count();
    matrix.cols = field["cols"].count();
    matrix.transposed = field.has("transposed") && field["transposed"].flag();
    std::int64_t weights = 0;
    if (__builtin_mul_overflow(matrix.rows, matrix.cols, &weights)) {
        throw field.misfit("a matrix of a possible size");
    }
    read_metrics(field["metrics"], matrix);
    if (const auto ratio = field["sparsity_ratio"]; !ratio.is_null()) {
        matrix.sparsity_ratio = ratio.number();
    }
    if (const auto zeros = field["zeros"]; !zeros.is_null()) {
        matrix.zeros = zeros.count();
        if (*matrix.zeros > weights) {
            throw zeros.misfit(fmt::format("within the {} weights of the matrix", weights));
        }
    }
    matrix.solver = field["solver"].text();
    matrix.group_ranks = field["group_ranks"].small_count();
    matrix.seconds = field["seconds"].number();
    return matrix;
}

std::vector<MatrixReport> read_matrices(const JsonField& field, std::int64_t expected) {
    std::vector<MatrixReport> matrices;
    std::set<std::string> names;
    for (const JsonField& element : field.elements()) {
        matrices.push_back(read_matrix(element));
        if (!names.insert(matrices.back().name).second) {
            throw element["name"].misfit(
                fmt::format("new: '{}' stands there twice", matrices.back().name));
        }
    }
    if (static_cast<std::int64_t>(matrices.size()) != expected) {
        throw field.misfit(fmt::format("as long as model.matrices says ({}): it has {}", expected,
                                       matrices.size()));
    }
    return matrices;
}

AllocationReport read_allocation(const JsonField& field) {
    AllocationReport allocation;
    allocation.name = field["name"].text();
    allocation.metric = field["metric"].text();
    allocation.mapping_type = field["mapping_type"].text();
    allocation.epsilon = field["epsilon"].number();
    allocation.sparsity_ratio = field["sparsity_ratio"].number();
    allocation.max_sparsity = field["max_sparsity"].number();
    for (const JsonField& block : field["bounded_blocks"].elements()) {
        allocation.bounded_blocks.push_back(block.small_count());
    }
    return allocation;
}

/// Reports of earlier versions say nothing of what is not pruned.
void read_left_out(const JsonField& model, RunReport& report) {
    if (!model.has("left_out")) {
        return;
    }
    report.block_weights = model["block_weights"].count();
    for (const JsonField& group : model["left_out"].elements()) {
        report.left_out.push_back({group["names"].text(), group["reason"].text(),
                                   group["tensors"].count(), group["weights"].count()});
    }
}

void read_run(const JsonField& run, RunReport& report) {
    report.ranks = run["ranks"].small_count();
    report.threads_per_rank = run["threads_per_rank"].small_count();
    report.hosts = run["hosts"].texts();
    report.started = run["started"].text();
    report.seconds = run["seconds"].number();
    for (const auto& [name, seconds] : run["phases"].members()) {
        report.phases.emplace_back(name, seconds.number());
    }
    report.resumed_matrices = run["resumed_matrices"].count();
    report.gemm_gflops = run["gemm_gflops"].number();
    if (run.has("attempts")) {
        report.attempts = run["attempts"].small_count();
    }
    if (run.has("identity")) {
        report.identity = run["identity"].text();
    }
    if (run.has("peak_memory")) {
        report.peak_memory = static_cast<std::uint64_t>(run["peak_memory"].count());
    }
}

}  // namespace

RunReport run_report_from_json(const formats::Json& document, std::string_view where) {
    const JsonField root(document, "", std::string(where));
    require_schema_version(root, where);
    RunReport report;
    report.program_version = root["program"]["version"].text();
    report.program_commit = root["program"]["commit"].text();
    report.command_line = root["command_line"].texts();
    const JsonField model = root["model"];
    report.model_name = model["name"].text();
    report.family = model["family"].text();
    report.blocks = model["blocks"].small_count();
    report.prunable_parameters = model["prunable_parameters"].count();
    read_left_out(model, report);
    read_run(root["run"], report);
    if (root.has("prune_method") && !root["prune_method"].is_null()) {
        report.prune_method = root["prune_method"].text();
    }
    if (root.has("sparsity_type") && !root["sparsity_type"].is_null()) {
        report.sparsity_type = root["sparsity_type"].text();
    }
    if (root.has("shown_metric")) {
        report.shown_metric = root["shown_metric"].text();
    }
    if (const auto allocation = root["allocation"]; !allocation.is_null()) {
        report.allocation = read_allocation(allocation);
    }
    report.matrices = read_matrices(root["matrices"], model["matrices"].count());
    if (root.has("notes")) {
        report.notes = root["notes"].texts();
    }
    return report;
}

RunReport read_run_report(const std::filesystem::path& path) {
    const std::string where = path.string();
    return run_report_from_json(formats::Json::parse(support::read_text(path), where), where);
}

}  // namespace alphaprune::report
