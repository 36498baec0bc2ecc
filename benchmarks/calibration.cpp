// Seconds of the calibrated phase as a run has it (statistics, pruning, the pruned outputs), less
// the writing of files, and how far that is from the limit that its flops set at the SGEMM rate of
// all ranks and threads at once, measured before and after each phase: of the forward passes and,
// in pruners that gather Hessians, of one half of each, its factor and the products with it.
#include <fmt/format.h>
#include <boost/program_options.hpp>
#include <cstdio>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "alphaprune/device/choose_card.hpp"
#include "alphaprune/linalg/arithmetic.hpp"
#include "alphaprune/linalg/blas_kernels.hpp"
#include "alphaprune/linalg/forward_precision.hpp"
#include "alphaprune/model/tokens.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/parallel/native_mpi.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/parallel/runtime.hpp"
#include "alphaprune/phases/prune_phase.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/transformer/forward_plan.hpp"
#include "command_line.hpp"
#include "made_up_block.hpp"
#include "measuring.hpp"

namespace {

using namespace alphaprune;
using namespace alphaprune::benchmark;

struct Request {
    std::string model;
    std::string shape;
    std::string calibration;
    const pruning::Pruner* pruner = nullptr;
    double ratio = 0;
    pruning::OutputTargets outputs = {};
    bool one_by_one = false;  ///< one site after the other
    std::int64_t sequences = 0;
    std::optional<std::int64_t> length;
    int repeat = 1;
    int threads = 1;
    std::string device;
    transformer::ForwardSettings forward = {};
};

/// Nothing when only help was asked for (and printed, on the rank that `speaks`).
std::optional<Request> request_of(int argc, char** argv, bool speaks) {
    namespace po = boost::program_options;
    Request request;
    std::string name;
    std::string precision;
    std::int64_t length = 0;
    po::options_description options("calibration, options (under any number of MPI ranks)");
    options.add_options()("help", "show this")(
        "model", po::value(&request.model)->default_value("data/books-7m"), "model folder")(
        "calibration",
        po::value(&request.calibration)->default_value("data/books-7m/calibration.npy"),
        "token ids")("prune-method", po::value(&name)->default_value("wanda"),
                     "or another that needs activations")(
        "sparsity-ratio", po::value(&request.ratio)->default_value(0.7), "of every matrix")(
        "dense", po::value(&request.outputs.dense)->default_value(0),
        "share of the dense model's outputs in what outputs are fitted to")(
        "residual", po::value(&request.outputs.residual)->default_value(0),
        "share of the drift of the residual stream that they make up for")(
        "sequential", po::bool_switch(&request.one_by_one), "one site after the other")(
        "nsamples", po::value(&request.sequences)->default_value(128), "sequences")(
        "seqlen", po::value(&length), "tokens of a sequence; the samples' own when not given")(
        "shape", po::value(&request.shape),
        "instead of a model: hidden x intermediate x heads x key/value heads of a LLaMA block, "
        "with "
        "made-up tokens")("threads", po::value(&request.threads)->default_value(1), "of each rank")(
        "precision", po::value(&precision)->default_value("float32"), "or bf16x2 or bf16")(
        "device", po::value(&request.device)->default_value("none"),
        "or cuda: each rank with a card")("repeat", po::value(&request.repeat)->default_value(3),
                                          "the median of so many phases");
    if (!read_command_line(options, argc, argv, speaks)) {
        return std::nullopt;
    }
    request.pruner = pruning::find_pruner(name);
    if (request.pruner == nullptr || !request.pruner->needs_activations()) {
        throw bad_request(fmt::format("no pruner '{}' needs activations", name), "--prune-method",
                          "give one that alphaprune_mpi --help names");
    }
    if (length != 0) {
        request.length = length;
    }
    const auto named = linalg::forward_precision_named(precision);
    if (request.repeat < 1 || request.threads < 1 || !named ||
        !(request.ratio >= 0 && request.ratio <= 1)) {
        throw bad_request("repeat, threads, precision or ratio out of range", "command line",
                          "give --repeat and --threads 1 or more, --sparsity-ratio from 0 to 1");
    }
    request.forward.precision = *named;
    if (request.device != "cuda") {
        linalg::require_forward_precision(*named, "--precision");
    }
    return request;
}

/// Every block sees all sequences once dense, for the statistics, and once pruned, for the inputs
/// of the next block: which the last block has not.
double flops_of_forward_passes(const model::Catalogue& catalogue,
                               const model::TokenSequences& sequences) {
    const transformer::ForwardPlan plan = transformer::make_forward_plan(catalogue);
    double flops = 0;
    for (int block = 0; block < catalogue.blocks(); ++block) {
        const int passes = block + 1 < catalogue.blocks() ? 2 : 1;
        flops += passes * transformer::block_flops(plan, block, sequences.length);
    }
    return flops * static_cast<double>(sequences.count());
}

/// What a pruner that gathers Hessians cannot do without.
double flops_of_pruning(const model::Catalogue& catalogue, const model::TokenSequences& sequences,
                        const pruning::Pruner& pruner, const phases::PrunedModel& pruned) {
    if (!pruning::needs_hessians(pruner, {})) {
        return 0;
    }
    const transformer::ForwardPlan plan = transformer::make_forward_plan(catalogue);
    const auto tokens = static_cast<double>(sequences.count() * sequences.length);
    double flops = 0;
    for (int block = 0; block < catalogue.blocks(); ++block) {
        for (const transformer::InputSite& site : transformer::input_sites(plan, block)) {
            const auto cols = static_cast<double>(site.cols);
            flops += tokens * cols * cols + 2.0 / 3 * cols * cols * cols;
            for (const int index : site.matrices) {
                const auto matrix = static_cast<std::size_t>(index);
                const auto size = static_cast<double>(catalogue.matrices[matrix].size());
                // A sweep touches what is to the right; an iteration multiplies by all.
                const auto& fit = pruned.fits[matrix];
                flops += size * cols * (fit ? 2.0 * fit->iterations : 1.0);
            }
        }
    }
    return flops;
}

/// GFLOP/s of a core while all of them multiply.
double sgemm_gflops(const parallel::Communicator& all, const parallel::ThreadPool& threads) {
    std::vector<double> rates(static_cast<std::size_t>(threads.size()));
    all.barrier();
    threads.run(threads.size(), [&](std::int64_t item, int) {
        rates[static_cast<std::size_t>(item)] = linalg::measure_sgemm_gflops();
    });
    const double of_rank = std::accumulate(rates.begin(), rates.end(), 0.0);
    return all.sum(of_rank) / (all.size() * threads.size());
}

/// Pruned rows are dropped.
class Nowhere : public phases::TensorStore {
    void write_rows(const resume::WrittenRows&, std::span<const std::byte>) override {}
};

/// Wall time of the slowest rank, processor time of all together.
Seconds time_of_phase(const parallel::Communicator& all, const parallel::NodeMap& nodes,
                      const model::Catalogue& catalogue, const model::TokenSequences& sequences,
                      const Request& request, phases::PrunedModel& pruned) {
    const std::vector<pruning::PruneTarget> targets(catalogue.matrices.size(),
                                                    {request.ratio, std::nullopt});
    Nowhere nowhere;
    all.barrier();
    const Seconds mine = time_of([&] {
        pruned =
            phases::prune_model(all, nodes, catalogue,
                                {.pruner = *request.pruner,
                                 .settings = {.outputs = request.outputs},
                                 .targets = targets,
                                 .calibration = sequences,
                                 .site_order = request.one_by_one ? phases::SiteOrder::sequential
                                                                  : phases::SiteOrder::together,
                                 .forward = request.forward},
                                nowhere, {});
    });
    return {all.max(mine.wall), all.sum(mine.processor)};
}

void measure(const parallel::Communicator& all, const model::Catalogue& catalogue,
             const model::TokenSequences& sequences, const Request& request) {
    const parallel::NodeMap nodes(all, std::make_shared<const parallel::ThreadPool>(
                                           request.threads, linalg::use_one_blas_thread));
    phases::PrunedModel pruned;
    std::vector<double> walls;
    std::vector<double> processors;
    std::vector<double> rates{sgemm_gflops(all, nodes.threads())};
    for (int i = 0; i < request.repeat; ++i) {
        const Seconds seconds = time_of_phase(all, nodes, catalogue, sequences, request, pruned);
        walls.push_back(seconds.wall);
        processors.push_back(seconds.processor);
        rates.push_back(sgemm_gflops(all, nodes.threads()));
    }
    const double rate = median(rates);
    const int cores = all.size() * request.threads;
    const double flops = flops_of_forward_passes(catalogue, sequences) +
                         flops_of_pruning(catalogue, sequences, *request.pruner, pruned);
    const double limit = flops / (rate * 1e9 * cores);
    if (all.is_root()) {
        fmt::print(
            "{{\"model\": \"{}\", \"prune_method\": \"{}\", \"precision\": \"{}\", \"ranks\": {}, "
            "\"threads\": {}, \"sequences\": {}, "
            "\"tokens\": {}, \"seconds\": {:.6f}, \"processor_seconds\": {:.6f}, \"flops\": "
            "{:.0f}, \"sgemm_gflops\": {:.2f}, \"limit_seconds\": {:.6f}, \"ratio\": {:.3f}, "
            "\"processor_ratio\": {:.3f}}}\n",
            catalogue.model_name, request.pruner->name, linalg::name_of(request.forward.precision),
            all.size(), request.threads, sequences.count(), sequences.length, median(walls),
            median(processors), flops, rate, limit, limit / median(walls),
            limit * cores / median(processors));
        std::fflush(stdout);
    }
}

/// Of this rank, its index. @throws Error on all ranks unless each has one
int card_of(const parallel::Communicator& all) {
    const auto card = device::card_of_rank(all, all.split_by_node(), device::DeviceChoice::cuda);
    if (all.any(!card.has_value())) {
        throw bad_request("fewer cards than ranks", "--device", "start a rank for each card");
    }
    return card->index;
}

model::TokenSequences made_up_tokens(const Request& request) {
    model::TokenSequences sequences{request.length.value_or(2048), {}};
    for (std::int64_t i = 0; i < request.sequences * sequences.length; ++i) {
        constexpr std::int64_t kVocabulary = 8192;  // of the made-up model
        sequences.ids.push_back(static_cast<std::int32_t>(i * i % 8191 * 7919 % kVocabulary));
    }
    return sequences;
}

void run(const parallel::Communicator& all, int argc, char** argv) {
    std::optional<Request> request = request_of(argc, argv, all.is_root());
    if (!request) {
        return;
    }
    if (request->device == "cuda") {
        request->forward.card = card_of(all);
    }
    linalg::use_one_blas_thread();
    const model::Catalogue catalogue = parallel::run_collectively(all, [&] {
        return request->shape.empty() ? model::read_catalogue(request->model)
                                      : made_up_model(request->shape);
    });
    const model::TokenSequences sequences = parallel::run_collectively(all, [&] {
        return request->shape.empty() ? model::calibration_sequences(
                                            model::read_tokens(request->calibration, catalogue),
                                            catalogue, request->sequences, request->length, 0)
                                      : made_up_tokens(*request);
    });
    measure(all, catalogue, sequences, *request);
}

}  // namespace

int main(int argc, char** argv) {
    alphaprune::linalg::restart_with_better_kernels(argv);
    alphaprune::parallel::MpiRuntime runtime(argc, argv);
    const auto world = alphaprune::parallel::view(MPI_COMM_WORLD);
    return status_of(world, [&] { run(world, argc, argv); });
}
