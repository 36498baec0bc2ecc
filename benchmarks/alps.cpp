// What ALPS costs on a matrix: its statistics, a factorization, an iteration and the parts of it.
// The limit of an iteration is one SGEMM of the same size, 2·rows·n² operations: its two triangular
// solves are as many. Factorizations are timed apart, as one serves several iterations.
//
// On several ranks, or threads of a rank, the rows are shared out, as in a run. --eigen adds what
// the published code does instead of a factorization at each penalty, one eigendecomposition.
#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "alphaprune/linalg/aligned_rows.hpp"
#include "alphaprune/linalg/arithmetic.hpp"
#include "alphaprune/linalg/sgemm.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/support/error.hpp"
#include "alternation.hpp"
#include "blas.hpp"
#include "measuring.hpp"
#include "mpi_main.hpp"
#include "projection.hpp"
#include "site_statistics.hpp"
#include "unit_problem.hpp"

namespace {

using namespace alphaprune;
using namespace alphaprune::benchmark;

constexpr std::int64_t kCauses = 64;
constexpr double kPenalty = 0.1;

struct Request {
    Shape shape;
    int threads = 1;  ///< of a rank
    std::int64_t tokens = 0;
    double ratio = 0;
    int iterations = 0;
    pruning::OutputTargets outputs;
    std::int64_t residual_rows = 0;  ///< as in pruning::SiteShape
    bool eigen = false;
    bool whole = false;
};

/// Nothing when only help was asked for (and printed, on the rank that `speaks`).
std::optional<Request> request_of(int argc, char** argv, bool speaks) {
    namespace po = boost::program_options;
    Request request;
    std::string shape;
    po::options_description options("alps, options (under any number of MPI ranks)");
    options.add_options()("help", "show this")(
        "shape", po::value(&shape)->default_value("1024x1024"), "rows x columns")(
        "threads", po::value(&request.threads)->default_value(1), "of each rank")(
        "tokens", po::value(&request.tokens)->default_value(2048), "of each rank")(
        "ratio", po::value(&request.ratio)->default_value(0.7), "sparsity ratio")(
        "iterations", po::value(&request.iterations)->default_value(6), "of ALPS")(
        "dense-target", po::value(&request.outputs.dense)->default_value(0), "λ")(
        "residual-target", po::value(&request.outputs.residual)->default_value(0), "μ")(
        "residual-rows", po::value(&request.residual_rows),
        "of the matrix whose output has a residual target; all of the shape")(
        "whole", po::bool_switch(&request.whole),
        "nothing but the pruner as a whole, as many iterations as it takes")(
        "eigen", po::bool_switch(&request.eigen), "eigendecompositions, too, on rank 0");
    if (!read_command_line(options, argc, argv, speaks)) {
        return std::nullopt;
    }
    request.shape = shape_of(shape);
    request.residual_rows = std::max(request.residual_rows, request.shape.rows);
    if (request.threads < 1 || request.iterations < 1 || request.tokens < 1 ||
        !(request.ratio > 0 && request.ratio < 1)) {
        throw bad_request(
            "threads, iterations, tokens or ratio out of range", "command line",
            "give --threads, --iterations and --tokens 1 or more, --ratio between 0 and 1");
    }
    return request;
}

std::vector<float> random_values(std::int64_t count, unsigned seed) {
    std::mt19937 generator(seed);
    std::normal_distribution<float> normal;
    std::vector<float> values(static_cast<std::size_t>(count));
    std::ranges::generate(values, [&] { return normal(generator); });
    return values;
}

/// Activations as models have them: few causes, of very different strength, that many inputs share,
/// and some of each input's own.
std::vector<float> random_inputs(std::int64_t tokens, std::int64_t cols, unsigned seed) {
    std::vector<float> strengths = random_values(tokens * kCauses, seed);
    for (std::size_t i = 0; i < strengths.size(); ++i) {
        strengths[i] *= 2.0F / static_cast<float>(1 + i % kCauses);
    }
    const std::vector<float> causes = random_values(kCauses * cols, 1);  // the same on all ranks
    std::vector<float> inputs = random_values(tokens * cols, seed + 1);
    linalg::sgemm(1, {strengths.data(), tokens, kCauses, kCauses},
                  {causes.data(), kCauses, cols, cols}, linalg::Transpose::no, 0.5F,
                  {inputs.data(), tokens, cols, cols});
    return inputs;
}

/// Of all ranks: the slowest one's wall time, and processor time of one on average.
template <class Work>
Seconds seconds_on(const parallel::Communicator& all, Work&& work) {
    all.barrier();
    const Seconds mine = time_of(work);
    return {all.max(mine.wall), all.sum(mine.processor) / all.size()};
}

/// Of one run of the work, after one to warm up.
template <class Work>
Seconds each_of(const parallel::Communicator& all, int times, Work&& work) {
    work();
    const Seconds sum = seconds_on(all, [&] {
        for (int i = 0; i < times; ++i) {
            work();
        }
    });
    return {sum.wall / times, sum.processor / times};
}

Seconds gather(const parallel::Communicator& all, pruning::SiteStatistics& statistics,
               const Request& request) {
    const auto seed = static_cast<unsigned>(10 * all.rank());
    const std::int64_t cols = request.shape.cols;
    const std::vector<float> present = random_inputs(request.tokens, cols, 100 + seed);
    const std::vector<float> dense = random_inputs(request.tokens, cols, 102 + seed);
    const std::vector<float> drift =
        random_values(request.tokens * request.residual_rows, 104 + seed);
    return seconds_on(all, [&] {
        statistics.add({all.rank(), request.tokens, present, dense, drift, {}});
    });
}

/// One SGEMM of the rows of each rank.
Seconds product(const parallel::Communicator& all, const pruning::UnitHessian& hessian,
                const pruning::UnitProblem& problem) {
    const linalg::AlignedRows rows(problem.dense, problem.first_row, hessian.cols());
    linalg::AlignedRows out = rows;
    return each_of(all, 2, [&] { hessian.multiply(rows, out); });
}

/// Seconds of dsyevd or ssyevd with vectors. Their own answer to how much room they need is not
/// exact in float32.
template <class Real, class Solve>
double eigen_seconds(std::vector<Real> matrix, int n, Solve solve) {
    std::vector<Real> values(static_cast<std::size_t>(n));
    const int size = 1 + 6 * n + 2 * n * n;
    const int integers = 3 + 5 * n;
    std::vector<Real> work(static_cast<std::size_t>(size));
    std::vector<int> more(static_cast<std::size_t>(integers));
    int info = 0;
    const Seconds seconds = time_of([&] {
        solve("V", "L", &n, matrix.data(), &n, values.data(), work.data(), &size, more.data(),
              &integers, &info, 1, 1);
    });
    if (info != 0) {
        throw support::Error(support::ExitStatus::failed,
                             {{fmt::format("an eigendecomposition ended with info {}", info),
                               "benchmark", "try another shape"}});
    }
    return seconds.processor;
}

/// The pruner from the first sequence to the last matrix, which is one of that shape.
void measure_whole(const parallel::Communicator& all, const pruning::BlockInputs& inputs,
                   const pruning::PrunerSettings& settings, const Request& request) {
    const auto& [rows, cols] = request.shape;
    const auto seed = static_cast<unsigned>(10 * all.rank());
    const std::vector<float> present = random_inputs(request.tokens, cols, 100 + seed);
    const std::vector<float> dense = random_inputs(request.tokens, cols, 102 + seed);
    const std::vector<float> drift =
        random_values(request.tokens * request.residual_rows, 104 + seed);
    const parallel::RowRange share = parallel::share_of(rows, all.size(), all.rank());
    std::vector<float> weights =
        random_values(share.size() * cols, static_cast<unsigned>(all.rank() + 1000));
    const auto pruner = pruning::find_pruner("alps")->begin_block(inputs, settings);
    int iterations = 0;
    const Seconds statistics = seconds_on(all, [&] {
        pruner->observe(0, {all.rank(), request.tokens, present, dense, drift, {}});
        pruner->finish_statistics(0, "benchmark");
    });
    const Seconds pruned = seconds_on(all, [&] {
        const pruning::SiteMatrix matrix{{weights, share.begin}, {request.ratio, {}}, "benchmark"};
        iterations = pruner->prune(0, std::span(&matrix, 1)).front()->iterations;
    });
    if (all.is_root()) {
        fmt::print(
            "{{\"shape\": \"{}x{}\", \"ranks\": {}, \"threads\": {}, "
            "\"statistics_seconds\": {:.4f}, \"prune_seconds\": {:.4f}, \"iterations\": {}, "
            "\"phase_seconds\": {:.4f}, \"phase_cpu_seconds\": {:.4f}}}\n",
            rows, cols, all.size(), request.threads, statistics.wall, pruned.wall, iterations,
            statistics.wall + pruned.wall, statistics.processor + pruned.processor);
        std::fflush(stdout);
    }
}

void print_eigen(const pruning::SiteStatistics& statistics) {
    const auto n = static_cast<int>(statistics.cols());
    const auto gram = statistics.gram();
    const double in_double =
        eigen_seconds(std::vector<double>(gram.begin(), gram.end()), n, dsyevd_);
    const double in_single =
        eigen_seconds(std::vector<float>(gram.begin(), gram.end()), n, ssyevd_);
    fmt::print("{{\"order\": {}, \"dsyevd_seconds\": {:.4f}, \"ssyevd_seconds\": {:.4f}}}\n", n,
               in_double, in_single);
}

void measure(const parallel::Communicator& all, const Request& request) {
    linalg::use_one_blas_thread();
    const auto& [rows, cols] = request.shape;
    const parallel::NodeMap nodes(all, std::make_shared<const parallel::ThreadPool>(
                                           request.threads, linalg::use_one_blas_thread));
    const parallel::Team alone(parallel::Communicator::alone());
    const pruning::BlockInputs inputs{
        all, nodes, alone, {{cols, request.residual_rows}}, all.size()};
    pruning::PrunerSettings settings;
    settings.outputs = request.outputs;
    if (request.whole) {
        measure_whole(all, inputs, settings, request);
        return;
    }
    pruning::SiteStatistics statistics(inputs, inputs.sites.front(), settings);
    const Seconds gathered = gather(all, statistics, request);
    const Seconds finished = seconds_on(all, [&] { statistics.finish("benchmark"); });
    pruning::UnitHessian hessian(inputs, statistics, statistics.ridge());

    const parallel::RowRange share = parallel::share_of(rows, all.size(), all.rank());
    std::vector<float> weights =
        random_values(share.size() * cols, static_cast<unsigned>(all.rank() + 1000));
    const pruning::UnitProblem problem(hessian, {weights, share.begin});
    pruning::Projection project(all, nodes.threads(), share.size() * cols, cols,
                                {request.ratio, {}});
    double shift = kPenalty;
    const Seconds factored = each_of(all, 2, [&] { hessian.factor(shift *= 1.1, "benchmark"); });
    const Seconds multiplied = product(all, hessian, problem);
    const std::string name = "benchmark";
    pruning::NearAlternation alternation(hessian, problem, project, name);
    alternation.begin();
    const auto penalty = static_cast<float>(alternation.penalty());
    const Seconds iteration = each_of(all, request.iterations, [&] { alternation.step(penalty); });
    linalg::AlignedRows solved(problem.right, share.begin, cols);
    const Seconds solve = each_of(all, 2, [&] { hessian.solve(solved); });
    std::vector<std::uint8_t> stays(weights.size());
    const Seconds projected = each_of(all, 4, [&] { project.choose(problem.dense, stays); });
    if (all.is_root()) {
        const double n = static_cast<double>(cols);
        const double flops = 2 * n * n * static_cast<double>(rows) / all.size();
        const double others =
            iteration.processor - solve.processor - projected.processor;  // B's right side, B + V/ρ
        fmt::print(
            "{{\"shape\": \"{}x{}\", \"ranks\": {}, \"threads\": {}, \"statistics_seconds\": "
            "{:.4f}, "
            "\"tokens\": {}, \"finish_seconds\": {:.4f}, \"factor_seconds\": {:.4f}, "
            "\"sgemm_gflops\": {:.2f}, \"sgemm_seconds\": {:.5f}, \"iteration_seconds\": {:.5f}, "
            "\"solve_seconds\": {:.5f}, \"projection_seconds\": {:.5f}, \"other_seconds\": {:.5f}, "
            "\"share_of_sgemm\": {:.3f}, \"wall_seconds\": {:.5f}, "
            "\"statistics_wall_seconds\": {:.4f}, \"factor_wall_seconds\": {:.4f}, "
            "\"sgemm_wall_seconds\": {:.5f}, \"solve_wall_seconds\": {:.5f}, "
            "\"projection_wall_seconds\": {:.5f}}}\n",
            rows, cols, all.size(), request.threads, gathered.processor,
            request.tokens * all.size(), finished.processor, factored.processor,
            flops / multiplied.processor * 1e-9, multiplied.processor, iteration.processor,
            solve.processor, projected.processor, others,
            multiplied.processor / iteration.processor, iteration.wall,
            gathered.wall + finished.wall, factored.wall, multiplied.wall, solve.wall,
            projected.wall);
        if (request.eigen) {
            print_eigen(statistics);
        }
        std::fflush(stdout);
    }
}

}  // namespace

int main(int argc, char** argv) {
    return mpi_main(argc, argv, request_of, measure);
}
