// Seconds of SparseGPT's sweep over a matrix, and how far that is from the flop limit, rows·n²
// multiply-adds counted as rows·n² operations (half of the elements of U are zero), at the SGEMM
// rate measured in the same run. Gathering and factoring the Hessian are timed apart.
//
// On several ranks, or threads of a rank, the rows are shared out, as in a run.
#include <fmt/format.h>
#include <algorithm>
#include <boost/program_options.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "alphaprune/linalg/arithmetic.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/support/clock.hpp"
#include "alphaprune/support/error.hpp"
#include "measuring.hpp"
#include "mpi_main.hpp"
#include "site_statistics.hpp"
#include "sparsegpt.hpp"

namespace {

using namespace alphaprune;
using namespace alphaprune::benchmark;

struct Request {
    Shape shape;
    int threads = 1;  ///< of a rank
    double ratio = 0;
    std::optional<pruning::Pattern> pattern;
    int repeat = 1;
};

/// Nothing when only help was asked for (and printed, on the rank that `speaks`).
std::optional<Request> request_of(int argc, char** argv, bool speaks) {
    namespace po = boost::program_options;
    Request request;
    std::string shape;
    std::string type;
    po::options_description options("sparsegpt, options (under any number of MPI ranks)");
    options.add_options()("help", "show this")(
        "shape", po::value(&shape)->default_value("1024x1024"), "rows x columns")(
        "threads", po::value(&request.threads)->default_value(1), "of each rank")(
        "ratio", po::value(&request.ratio)->default_value(0.7), "sparsity ratio")(
        "sparsity-type", po::value(&type)->default_value("unstructured"), "or N:M")(
        "repeat", po::value(&request.repeat)->default_value(1), "best of so many");
    if (!read_command_line(options, argc, argv, speaks)) {
        return std::nullopt;
    }
    request.shape = shape_of(shape);
    request.pattern = pruning::pattern_named(type);
    if (!request.pattern && type != "unstructured") {
        throw bad_request(fmt::format("'{}' is no sparsity type", type), "--sparsity-type",
                          "give unstructured or N:M");
    }
    if (request.threads < 1 || request.repeat < 1 || !(request.ratio >= 0 && request.ratio <= 1)) {
        throw bad_request("threads, repeat or ratio out of range", "command line",
                          "give --threads and --repeat 1 or more, --ratio from 0 to 1");
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

/// The factor of a Hessian that has twice as many random input vectors as its order.
pruning::DampedInverse random_factor(const parallel::Communicator& all,
                                     const parallel::NodeMap& nodes, const Request& request,
                                     double& statistics_seconds) {
    constexpr std::int64_t kTokens = 512;
    const support::Stopwatch clock;
    const std::int64_t cols = request.shape.cols;
    const std::int64_t rounds = 2 * cols / (kTokens * all.size()) + 1;
    const parallel::Team alone(parallel::Communicator::alone());
    const pruning::BlockInputs inputs{all, nodes, alone, {{cols, 0}}, rounds * all.size()};
    pruning::SiteStatistics statistics(inputs, inputs.sites[0], {});
    const std::vector<float> values =
        random_values(kTokens * cols + rounds, static_cast<unsigned>(all.rank()));
    for (std::int64_t i = 0; i < rounds; ++i) {  // shifted each time: cheap and different
        const auto sequence = std::span(values).subspan(static_cast<std::size_t>(i),
                                                        static_cast<std::size_t>(kTokens * cols));
        statistics.add({i, kTokens, sequence, {}, {}, {}});
    }
    statistics.finish("benchmark");
    statistics_seconds = all.max(clock.seconds());
    const double scale = 2.0 / static_cast<double>(inputs.sequences);
    return {all, nodes, {statistics.gram(), cols, scale}, 0.01, "benchmark"};
}

/// Wall time of the slowest rank, processor time of all together.
Seconds best_sweep(const parallel::Communicator& all, const parallel::ThreadPool& threads,
                   const pruning::DampedInverse& factor, const Request& request) {
    const parallel::RowRange share = parallel::share_of(request.shape.rows, all.size(), all.rank());
    const std::vector<float> dense =
        random_values(share.size() * request.shape.cols, static_cast<unsigned>(all.rank() + 1000));
    Seconds best{1e300, 0};
    for (int i = 0; i < request.repeat; ++i) {
        std::vector<float> weights = dense;
        all.barrier();
        const Seconds mine = time_of([&] {
            const pruning::SiteMatrix matrix{
                {weights, share.begin}, {request.ratio, request.pattern}, "benchmark"};
            pruning::sweep_site(all, threads, factor, std::span(&matrix, 1));
        });
        const Seconds timing{all.max(mine.wall), all.sum(mine.processor)};
        best = timing.wall < best.wall ? timing : best;
    }
    return best;
}

void measure(const parallel::Communicator& all, const Request& request) {
    const double gflops = all.sum(linalg::measure_sgemm_gflops()) / all.size();
    const parallel::NodeMap nodes(all, std::make_shared<const parallel::ThreadPool>(
                                           request.threads, linalg::use_one_blas_thread));
    double statistics_seconds = 0;
    const support::Stopwatch clock;
    const pruning::DampedInverse factor = random_factor(all, nodes, request, statistics_seconds);
    const double factor_seconds = all.max(clock.seconds()) - statistics_seconds;
    const Seconds sweep = best_sweep(all, nodes.threads(), factor, request);
    const double n = static_cast<double>(request.shape.cols);
    const double flops = static_cast<double>(request.shape.rows) * n * n;
    const double limit = flops / (gflops * 1e9 * all.size() * request.threads);
    if (all.is_root()) {
        fmt::print(
            "{{\"shape\": \"{}x{}\", \"ranks\": {}, \"threads\": {}, \"hessian_seconds\": {:.6f}, "
            "\"factor_seconds\": {:.6f}, \"seconds\": {:.6f}, \"cpu_seconds\": {:.6f}, "
            "\"sgemm_gflops\": {:.2f}, \"flops\": {:.0f}, "
            "\"limit_seconds\": {:.6f}, \"ratio_to_limit\": {:.3f}, \"ratio\": {:.3f}}}\n",
            request.shape.rows, request.shape.cols, all.size(), request.threads, statistics_seconds,
            factor_seconds, sweep.wall, sweep.processor, gflops, flops, limit, sweep.wall / limit,
            flops / (sweep.processor * gflops * 1e9));
        std::fflush(stdout);
    }
}

}  // namespace

int main(int argc, char** argv) {
    return mpi_main(argc, argv, request_of, measure);
}
