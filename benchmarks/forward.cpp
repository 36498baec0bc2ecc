// Seconds of a block's forward pass over some sequences, divided over teams of all ranks and their
// threads, and how far that is from the limit that the flops of its matrix products set at the
// SGEMM rate of as many cores at once, measured in the same run.
//
// Processor time stands beside wall time, so that the ratio means something on a busy machine, too.
#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "alphaprune/linalg/arithmetic.hpp"
#include "alphaprune/linalg/blas_kernels.hpp"
#include "alphaprune/linalg/forward_precision.hpp"
#include "alphaprune/linalg/sgemm.hpp"
#include "alphaprune/model/weight_reader.hpp"
#include "alphaprune/parallel/native_mpi.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/parallel/runtime.hpp"
#include "alphaprune/parallel/team.hpp"
#include "alphaprune/support/clock.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/transformer/block_runner.hpp"
#include "command_line.hpp"
#include "made_up_block.hpp"
#include "measuring.hpp"

namespace {

using namespace alphaprune;
using namespace alphaprune::benchmark;

struct Request {
    std::string model;
    std::string shape;
    std::int64_t tokens = 0;
    std::int64_t sequences = 0;
    int repeat = 0;
    int threads = 1;
    linalg::ForwardPrecision precision = linalg::ForwardPrecision::float32;
};

/// GFLOP/s of a core by a product that fits the outer cache, with all cores of all ranks at work.
double sgemm_gflops(const parallel::Communicator& all, const parallel::ThreadPool& threads) {
    constexpr std::int64_t kOrder = 512;
    constexpr int kTimes = 8;
    constexpr double kFlops = 2.0 * kOrder * kOrder * kOrder * kTimes;
    static const std::vector<float> a(kOrder * kOrder, 0.5F);
    static std::vector<std::vector<float>> results(static_cast<std::size_t>(threads.size()),
                                                   std::vector<float>(a.size()));
    const linalg::ConstFloatView factor{a.data(), kOrder, kOrder, kOrder};
    all.barrier();
    const support::Stopwatch watch;
    threads.run(threads.size(), [&](std::int64_t item, int) {
        for (int i = 0; i < kTimes; ++i) {
            linalg::sgemm(1, factor, factor, linalg::Transpose::yes, 0,
                          {results[static_cast<std::size_t>(item)].data(), kOrder, kOrder, kOrder});
        }
    });
    return kFlops / all.max(watch.seconds()) * 1e-9;
}

std::vector<std::int32_t> made_up_tokens(std::int64_t count, std::int64_t vocabulary) {
    std::vector<std::int32_t> tokens;
    for (std::int64_t i = 0; i < count; ++i) {
        tokens.push_back(static_cast<std::int32_t>(i * 7919 % vocabulary));
    }
    return tokens;
}

void measure(const parallel::Communicator& all, const model::Catalogue& catalogue,
             const model::RowSource& source, const Request& request) {
    const transformer::ForwardPlan plan = transformer::make_forward_plan(catalogue);
    const parallel::NodeMap nodes(all, std::make_shared<const parallel::ThreadPool>(
                                           request.threads, linalg::use_one_blas_thread));
    const parallel::Teams teams(all, nodes, request.sequences);
    const auto runner =
        transformer::make_block_runner(nodes.node(), teams.own(), plan, {request.precision, {}});
    runner->load(0, source);
    const std::vector<std::int32_t> tokens =
        made_up_tokens(request.tokens, catalogue.configuration.vocabulary);
    const std::vector<std::span<const std::int32_t>> own(
        static_cast<std::size_t>(teams.items().size()), tokens);
    std::vector<double> walls;
    std::vector<double> processors;
    std::vector<double> rates;
    for (int i = 0; i <= request.repeat; ++i) {
        runner->embed(own, source);
        const double rate = sgemm_gflops(all, nodes.threads());
        all.barrier();
        const Seconds seconds = time_of([&] {
            for (std::int64_t s = 0; s < runner->sequences(); ++s) {
                runner->advance(s);
            }
            all.barrier();
        });
        if (i > 0) {  // the first call touches its memory
            walls.push_back(all.max(seconds.wall));
            processors.push_back(all.sum(seconds.processor));
            rates.push_back(rate);
        }
    }
    const int cores = all.size() * request.threads;
    const double flops =
        transformer::block_flops(plan, 0, request.tokens) * static_cast<double>(request.sequences);
    const double limit = flops / (median(rates) * 1e9 * cores);
    if (all.is_root()) {
        fmt::print(
            "{{\"model\": \"{}\", \"tokens\": {}, \"sequences\": {}, \"precision\": \"{}\", "
            "\"ranks\": {}, \"threads\": {}, \"teams\": {}, \"seconds\": {:.6f}, "
            "\"processor_seconds\": {:.6f}, \"gflops\": {:.1f}, \"sgemm_gflops\": {:.2f}, "
            "\"limit_seconds\": {:.6f}, \"ratio\": {:.3f}, \"scratch_bytes\": {}}}\n",
            catalogue.model_name, request.tokens, request.sequences,
            linalg::name_of(request.precision), all.size(), request.threads, teams.count(),
            median(walls), median(processors), flops / median(walls) * 1e-9, median(rates), limit,
            limit / median(walls), transformer::scratch_bytes(plan, request.tokens));
    }
}

/// Nothing when only help was asked for (and printed).
std::optional<Request> request_of(int argc, char** argv, int ranks, bool prints) {
    namespace po = boost::program_options;
    Request request;
    po::options_description options("forward, options");
    std::string precision;
    options.add_options()("help", "show this")(
        "model", po::value(&request.model)->default_value("data/books-7m"), "model folder")(
        "shape", po::value(&request.shape),
        "instead of a model: hidden x intermediate x heads x key/value heads of a LLaMA block")(
        "tokens", po::value(&request.tokens)->default_value(512), "tokens of a sequence")(
        "sequences", po::value(&request.sequences)->default_value(ranks),
        "at once, over all ranks")("threads", po::value(&request.threads)->default_value(1),
                                   "of each rank")(
        "precision", po::value(&precision)->default_value("float32"), "or bf16x2 or bf16")(
        "repeat", po::value(&request.repeat)->default_value(8), "the median of so many");
    if (!read_command_line(options, argc, argv, prints)) {
        return std::nullopt;
    }
    const auto named = linalg::forward_precision_named(precision);
    if (request.sequences < 1 || request.tokens < 1 || request.repeat < 1 || request.threads < 1 ||
        !named) {
        throw bad_request("nothing to measure", "command line",
                          "give 1 sequence, token, thread and repetition or more, and a precision "
                          "that there is");
    }
    request.precision = *named;
    linalg::require_forward_precision(request.precision, "--precision");
    return request;
}

void run(const parallel::Communicator& all, int argc, char** argv) {
    const std::optional<Request> request = request_of(argc, argv, all.size(), all.is_root());
    if (!request) {
        return;
    }
    linalg::use_one_blas_thread();
    const model::Catalogue catalogue = request->shape.empty()
                                           ? model::read_catalogue(request->model)
                                           : made_up_model(request->shape);
    model::WeightReader reader(catalogue);
    measure(
        all, catalogue,
        [&](const model::TensorInfo& tensor, parallel::RowRange rows, std::span<std::byte> out) {
            reader.read_rows(tensor, rows, out);
        },
        *request);
}

}  // namespace

int main(int argc, char** argv) {
    alphaprune::linalg::restart_with_better_kernels(argv);
    alphaprune::parallel::MpiRuntime runtime(argc, argv);
    const auto all = alphaprune::parallel::view(MPI_COMM_WORLD);
    return status_of(all, [&] { run(all, argc, argv); });
}
