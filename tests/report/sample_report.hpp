#pragma once

#include <limits>

#include "alphaprune/report/run_report.hpp"

namespace alphaprune::test {

/// One matrix, all metrics set to `metric`.
inline report::MatrixReport sample_matrix(std::string name, int block, std::int64_t rows,
                                          std::int64_t cols, double metric) {
    report::MatrixReport matrix;
    matrix.name = std::move(name);
    matrix.block = block;
    matrix.rows = rows;
    matrix.cols = cols;
    matrix.metrics.values.fill(metric);
    matrix.has_metrics = true;
    matrix.solver = "lapack2";
    matrix.group_ranks = 1;
    matrix.seconds = 0.125;
    return matrix;
}

/// Two blocks of two matrices; the last matrix is all zero and has no metric.
inline report::RunReport analysed_report() {
    report::RunReport report;
    report.program_version = "1.2.3";
    report.program_commit = "abcdef";
    report.command_line = {"alphaprune_mpi", "--model", "a b"};
    report.model_name = "toy";
    report.family = "llama";
    report.blocks = 2;
    report.prunable_parameters = 120;
    report.block_weights = 160;
    report.left_out = {{"b.*.gate.weight", "routers of experts", 2, 40}};
    report.ranks = 3;
    report.threads_per_rank = 2;
    report.hosts = {"n1", "n2"};
    report.started = "2026-01-31T12:00:00Z";
    report.seconds = 1.5;
    report.phases = {{"spectrum", 1.0}, {"catalogue", 0.25}};
    report.resumed_matrices = 4;
    report.attempts = 2;
    report.identity = "0123abcd";
    report.gemm_gflops = 61.5;
    report.peak_memory = 73400320;
    report.matrices = {sample_matrix("b.0.q", 0, 4, 10, 2.0), sample_matrix("b.0.k", 0, 2, 10, 4.0),
                       sample_matrix("b.1.q", 1, 4, 10, 5.0),
                       sample_matrix("b.1.k", 1, 2, 10, std::numeric_limits<double>::quiet_NaN())};
    return report;
}

/// The same after pruning: 0.5 in block 0 and 0.9 in block 1.
inline report::RunReport pruned_report() {
    report::RunReport report = analysed_report();
    report.prune_method = "magnitude";
    report.allocation = report::AllocationReport{
        "alphapruning", "alpha_peak", "block_wise", 0.3, 0.7, 0.99, {1}, {}};
    const std::vector<double> ratios{0.5, 0.5, 0.9, 0.9};
    const std::vector<std::int64_t> zeros{20, 10, 36, 18};
    for (std::size_t m = 0; m < 4; ++m) {
        report.matrices[m].sparsity_ratio = ratios[m];
        report.matrices[m].zeros = zeros[m];
    }
    report.notes = {"block 1 is bounded"};
    return report;
}

}  // namespace alphaprune::test
