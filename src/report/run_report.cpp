#include "alphaprune/report/run_report.hpp"

#include <algorithm>
#include <cmath>

#include "alphaprune/support/file.hpp"

namespace alphaprune::report {
namespace {

template <class Value>
formats::Json or_null(const std::optional<Value>& value) {
    return value ? formats::Json(*value) : formats::Json();
}

formats::Json::Array array_of(const auto& values) {
    formats::Json::Array array;
    for (const auto& value : values) {
        array.emplace_back(value);
    }
    return array;
}

formats::Json metrics_json(const MatrixReport& matrix) {
    formats::Json::Object metrics;
    for (std::size_t m = 0; matrix.has_metrics && m < spectrum::kMetrics; ++m) {
        const auto metric = static_cast<spectrum::Metric>(m);
        const double value = matrix.metrics[metric];
        metrics.emplace_back(spectrum::name_of(metric),
                             std::isfinite(value) ? formats::Json(value) : formats::Json());
    }
    return metrics;
}

formats::Json matrix_json(const MatrixReport& matrix) {
    formats::Json sparsity;
    if (matrix.zeros && weights_of(matrix) > 0) {
        sparsity = static_cast<double>(*matrix.zeros) / static_cast<double>(weights_of(matrix));
    }
    return formats::Json::Object{
        {"name", matrix.name},
        {"block", matrix.block},
        {"rows", matrix.rows},
        {"cols", matrix.cols},
        {"transposed", matrix.transposed},
        {"metrics", metrics_json(matrix)},
        {"sparsity_ratio", or_null(matrix.sparsity_ratio)},
        {"zeros", or_null(matrix.zeros)},
        {"sparsity", sparsity},
        {"solver", matrix.solver},
        {"precision", matrix.in_single ? "single" : "double"},
        {"group_ranks", matrix.group_ranks},
        {"seconds", matrix.seconds},
    };
}

formats::Json allocation_json(const std::optional<AllocationReport>& allocation) {
    if (!allocation) {
        return {};
    }
    formats::Json::Object object{
        {"name", allocation->name},
        {"metric", allocation->metric},
        {"mapping_type", allocation->mapping_type},
        {"epsilon", allocation->epsilon},
        {"sparsity_ratio", allocation->sparsity_ratio},
        {"max_sparsity", allocation->max_sparsity},
        {"bounded_blocks", array_of(allocation->bounded_blocks)},
    };
    for (const OwnOption& option : allocation->own_options) {
        std::string name = option.name;
        std::ranges::replace(name, '-', '_');
        object.emplace_back(std::move(name), option.value);
    }
    return object;
}

formats::Json left_out_json(const RunReport& report) {
    formats::Json::Array groups;
    for (const LeftOutReport& group : report.left_out) {
        groups.push_back(formats::Json::Object{
            {"names", group.names},
            {"reason", group.reason},
            {"tensors", group.tensors},
            {"weights", group.weights},
        });
    }
    return groups;
}

formats::Json model_json(const RunReport& report) {
    formats::Json share;
    if (report.block_weights > 0) {
        share = static_cast<double>(report.prunable_parameters) /
                static_cast<double>(report.block_weights);
    }
    return formats::Json::Object{
        {"name", report.model_name},
        {"family", report.family},
        {"blocks", report.blocks},
        {"matrices", static_cast<std::int64_t>(report.matrices.size())},
        {"prunable_parameters", report.prunable_parameters},
        {"block_weights", report.block_weights},
        {"prunable_share", share},
        {"left_out", left_out_json(report)},
    };
}

formats::Json run_json(const RunReport& report) {
    formats::Json::Object phases;
    for (const auto& [name, seconds] : report.phases) {
        phases.emplace_back(name, seconds);
    }
    return formats::Json::Object{
        {"ranks", report.ranks},
        {"threads_per_rank", report.threads_per_rank},
        {"hosts", array_of(report.hosts)},
        {"started", report.started},
        {"seconds", report.seconds},
        {"phases", std::move(phases)},
        {"resumed_matrices", report.resumed_matrices},
        {"attempts", report.attempts},
        {"identity", report.identity},
        {"gemm_gflops", report.gemm_gflops},
        {"peak_memory", static_cast<std::int64_t>(report.peak_memory)},
    };
}

formats::Json calibration_json(const RunReport& report) {
    if (!report.calibration) {
        return {};
    }
    return formats::Json::Object{
        {"text", report.calibration->text},
        {"seqlen", report.calibration->seqlen},
        {"sequences", report.calibration->sequences},
        {"seed", report.calibration->seed},
    };
}

formats::Json farms_json(const RunReport& report) {
    if (!report.farms) {
        return {};
    }
    return formats::Json::Object{
        {"aspect", report.farms->aspect},
        {"largest_side", report.farms->largest_side},
        {"offsets", report.farms->offsets},
        {"windows", report.farms->windows},
    };
}

formats::Json perplexities_json(const RunReport& report) {
    formats::Json::Array entries;
    for (const PerplexityReport& entry : report.perplexities) {
        entries.push_back(formats::Json::Object{
            {"text", entry.text},
            {"seqlen", entry.seqlen},
            {"windows", entry.windows},
            {"dense", or_null(entry.dense)},
            {"pruned", or_null(entry.pruned)},
        });
    }
    return entries;
}

}  // namespace

std::int64_t weights_of(const MatrixReport& matrix) {
    return matrix.rows * matrix.cols;
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

double realised_sparsity(const RunReport& report) {
    std::int64_t weights = 0;
    for (const MatrixReport& matrix : report.matrices) {
        weights += matrix.zeros ? weights_of(matrix) : 0;
    }
    return weights == 0 ? 0.0
                        : static_cast<double>(*total_zeros(report)) / static_cast<double>(weights);
}

formats::Json to_json(const RunReport& report) {
    const auto zeros = total_zeros(report);
    formats::Json::Array matrices;
    for (const MatrixReport& matrix : report.matrices) {
        matrices.push_back(matrix_json(matrix));
    }
    return formats::Json::Object{
        {"schema_version", 1},
        {"program", formats::Json::Object{{"version", report.program_version},
                                          {"commit", report.program_commit}}},
        {"command_line", array_of(report.command_line)},
        {"model", model_json(report)},
        {"run", run_json(report)},
        {"prune_method",
         report.prune_method.empty() ? formats::Json() : formats::Json(report.prune_method)},
        {"sparsity_type",
         report.sparsity_type.empty() ? formats::Json() : formats::Json(report.sparsity_type)},
        {"calibration", calibration_json(report)},
        {"shown_metric", report.shown_metric},
        {"farms", farms_json(report)},
        {"allocation", allocation_json(report.allocation)},
        {"matrices", std::move(matrices)},
        {"sparsity", zeros ? formats::Json(realised_sparsity(report)) : formats::Json()},
        {"zeros", or_null(zeros)},
        {"perplexity", perplexities_json(report)},
        {"notes", array_of(report.notes)},
    };
}

void write_report_json(const RunReport& report, const std::filesystem::path& folder) {
    support::write_text_atomically(folder / "report.json", to_json(report).dump() + "\n");
}

}  // namespace alphaprune::report
