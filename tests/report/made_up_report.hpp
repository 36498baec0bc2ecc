#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>

#include "alphaprune/report/run_report.hpp"

namespace alphaprune::test {

/// A finished run on a model that there is not, and the pictures of its spectra.
struct MadeUpRun {
    report::RunReport report;
    std::vector<report::SpectrumPicture> pictures;
};

struct MadeUpShape {
    int blocks = 80;
    int experts = 0;  ///< of each block; 0: a gated MLP
    std::int64_t hidden = 8192;
    std::int64_t mlp = 28672;
    int ranks = 512;
};

/// Ascending: bulk and a tail whose exponent is `alpha`.
inline std::vector<double> made_up_spectrum(std::mt19937_64& random, double alpha) {
    constexpr std::size_t kDrawn = 512;
    std::uniform_real_distribution<double> uniform(1e-4, 1);
    std::vector<double> values(kDrawn);
    for (std::size_t i = 0; i < kDrawn; ++i) {
        values[i] = i < kDrawn / 2 ? std::pow(uniform(random), 1.5)
                                   : std::pow(uniform(random), -1 / (alpha - 1));
    }
    std::ranges::sort(values);
    return values;
}

inline void add_made_up_matrix(MadeUpRun& run, std::mt19937_64& random, std::string name, int block,
                               std::int64_t rows, std::int64_t cols, double depth) {
    report::MatrixReport matrix;
    matrix.name = std::move(name);
    matrix.block = block;
    matrix.rows = rows;
    matrix.cols = cols;
    const double alpha = 2.2 + 0.8 * depth + 0.4 * static_cast<double>(random() % 1000) / 1000;
    const std::vector<double> spectrum = made_up_spectrum(random, alpha);
    matrix.law = report::law_of(spectrum, spectrum::Metric::alpha_mid);
    // As if all eigenvalues were those drawn, again and again.
    const auto times = std::min(rows, cols) / static_cast<std::int64_t>(spectrum.size());
    matrix.law->tail *= times;
    matrix.metrics.values.fill(matrix.law->alpha);
    matrix.has_metrics = true;
    matrix.sparsity_ratio = 0.6 + 0.2 * depth;
    matrix.zeros =
        static_cast<std::int64_t>(*matrix.sparsity_ratio * static_cast<double>(matrix.weights()));
    matrix.relative_error = 0.02 + 0.1 * depth * static_cast<double>(random() % 1000) / 1000;
    matrix.iterations = 30;
    matrix.solver = "two_stage";
    matrix.group_ranks = 1;
    matrix.seconds = 12.5;
    run.report.prunable_parameters += matrix.weights();
    run.report.matrices.push_back(std::move(matrix));
    run.pictures.push_back(report::picture_of(spectrum, 60));
    for (std::int64_t& count : run.pictures.back().counts) {
        count *= times;
    }
}

inline report::TimelineReport made_up_timeline(const MadeUpShape& shape, std::mt19937_64& random) {
    report::TimelineReport timeline;
    timeline.seconds = 3600;
    timeline.least_busy_host = "n7";
    for (int rank = 0; rank < shape.ranks; ++rank) {
        double left = timeline.seconds;
        for (std::size_t work = 0; work < parallel::kWorks; ++work) {
            const double part = work + 1 == parallel::kWorks
                                    ? left
                                    : left * static_cast<double>(random() % 500) / 1000;
            timeline.of_ranks[work].push_back(part);
            left -= part;
        }
    }
    for (int block = 0; block < shape.blocks; ++block) {
        timeline.blocks.push_back({block, 45, 30, 38, 44, block % shape.ranks});
    }
    return timeline;
}

/// The same every time. @param shape  that of LLaMA-2-70B where nothing is said
inline MadeUpRun made_up_run(const MadeUpShape& shape = {}) {
    std::mt19937_64 random(1);
    MadeUpRun run;
    report::RunReport& report = run.report;
    report.program_version = "0.1.0";
    report.program_commit = "made up";
    report.command_line = {"alphaprune_mpi",
                           "--model=/models/made up",
                           "--sparsity-ratio=0.7",
                           "--metric",
                           "alpha_mid",
                           "--output",
                           "out"};
    report.model_name = "made-up";
    report.family = "llama";
    report.blocks = shape.blocks;
    report.ranks = shape.ranks;
    report.hosts = {"n1", "n2", "n7"};
    report.started = "2026-01-31T12:00:00Z";
    report.seconds = 7000;
    report.phases = {{"spectrum", 600}, {"prune", 3600}, {"evaluate", 1800}};
    report.timeline = {{"prune", made_up_timeline(shape, random)}};
    report.peak_memory = 4'000'000'000;
    report.prune_method = "alps";
    report.sparsity_type = "unstructured";
    report.shown_metric = "alpha_mid";
    report.allocation =
        report::AllocationReport{"alphapruning", "alpha_mid", "block_wise", 0.3, 0.7, 0.99, {}, {}};
    report.perplexities = {{"wikitext.npy", 2048, 160, 3.31, 4.87}};
    for (int block = 0; block < shape.blocks; ++block) {
        const double depth = shape.blocks > 1 ? static_cast<double>(block) / (shape.blocks - 1) : 0;
        const auto add = [&](const std::string& name, std::int64_t rows, std::int64_t cols) {
            add_made_up_matrix(run, random, fmt::format("model.layers.{}.{}.weight", block, name),
                               block, rows, cols, depth);
        };
        for (const char* name : {"q_proj", "k_proj", "v_proj", "o_proj"}) {
            add(fmt::format("self_attn.{}", name), shape.hidden, shape.hidden);
        }
        for (int expert = 0; expert < std::max(shape.experts, 1); ++expert) {
            const std::string mlp =
                shape.experts > 0 ? fmt::format("mlp.experts.{}", expert) : "mlp";
            add(mlp + ".gate_proj", shape.mlp, shape.hidden);
            add(mlp + ".up_proj", shape.mlp, shape.hidden);
            add(mlp + ".down_proj", shape.hidden, shape.mlp);
        }
    }
    return run;
}

}  // namespace alphaprune::test
