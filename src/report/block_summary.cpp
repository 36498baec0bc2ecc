#include "block_summary.hpp"

#include <cmath>
#include <limits>
#include <map>

namespace alphaprune::report {
namespace {

using Members = std::vector<const MatrixReport*>;

double mean_metric(const Members& members, std::optional<spectrum::Metric> metric) {
    double sum = 0;
    int defined = 0;
    for (const MatrixReport* matrix : members) {
        if (metric && matrix->has_metrics && std::isfinite(matrix->metrics[*metric])) {
            sum += matrix->metrics[*metric];
            ++defined;
        }
    }
    return defined > 0 ? sum / defined : std::numeric_limits<double>::quiet_NaN();
}

BlockSummary summarize(int block, const Members& members, std::optional<spectrum::Metric> metric) {
    BlockSummary summary;
    summary.block = block;
    summary.mean_metric = mean_metric(members, metric);
    double asked = 0;
    bool all_asked = !members.empty();
    std::int64_t zeros = 0;
    bool all_counted = !members.empty();
    for (const MatrixReport* matrix : members) {
        const std::int64_t weights = weights_of(*matrix);
        summary.weights += weights;
        asked += matrix->sparsity_ratio.value_or(0) * static_cast<double>(weights);
        all_asked = all_asked && matrix->sparsity_ratio.has_value();
        zeros += matrix->zeros.value_or(0);
        all_counted = all_counted && matrix->zeros.has_value();
    }
    if (all_asked && summary.weights > 0) {
        summary.sparsity_ratio = asked / static_cast<double>(summary.weights);
    }
    if (all_counted) {
        summary.zeros = zeros;
    }
    return summary;
}

}  // namespace

double BlockSummary::sparsity() const {
    return zeros && weights > 0 ? static_cast<double>(*zeros) / static_cast<double>(weights) : 0;
}

std::vector<BlockSummary> summarize_blocks(const RunReport& report) {
    std::map<int, Members> blocks;
    for (const MatrixReport& matrix : report.matrices) {
        blocks[matrix.block].push_back(&matrix);
    }
    const auto metric = spectrum::metric_named(report.shown_metric);
    std::vector<BlockSummary> summaries;
    for (const auto& [block, members] : blocks) {
        summaries.push_back(summarize(block, members, metric));
    }
    return summaries;
}

BlockSummary summarize_model(const RunReport& report) {
    Members all;
    for (const MatrixReport& matrix : report.matrices) {
        all.push_back(&matrix);
    }
    return summarize(0, all, spectrum::metric_named(report.shown_metric));
}

}  // namespace alphaprune::report
