// Seconds of the calibrated phase as a run has it (statistics, pruning, the pruned outputs), less
// the writing of files, and how far that is from the limit that the flops of its forward passes set
// at the SGEMM rate measured on all ranks at once, before and after each phase.
//
// For SparseGPT the flops of the Hessians and of the sweep are not counted: its ratio says how much
// of the phase is forward pass.
#include <fmt/format.h>
#include <boost/program_options.hpp>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "alphaprune/linalg/arithmetic.hpp"
#include "alphaprune/model/tokens.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/parallel/native_mpi.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/parallel/runtime.hpp"
#include "alphaprune/phases/prune_phase.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/transformer/forward_plan.hpp"
#include "command_line.hpp"
#include "measuring.hpp"

namespace {

using namespace alphaprune;
using namespace alphaprune::benchmark;

struct Request {
    std::string model;
    std::string calibration;
    const pruning::Pruner* pruner = nullptr;
    double ratio = 0;
    std::int64_t sequences = 0;
    std::optional<std::int64_t> length;
    int repeat = 1;
};

/// Nothing when only help was asked for (and printed, on the rank that `speaks`).
std::optional<Request> request_of(int argc, char** argv, bool speaks) {
    namespace po = boost::program_options;
    Request request;
    std::string name;
    std::int64_t length = 0;
    po::options_description options("calibration, options (under any number of MPI ranks)");
    options.add_options()("help", "show this")(
        "model", po::value(&request.model)->default_value("data/books-7m"), "model folder")(
        "calibration",
        po::value(&request.calibration)->default_value("data/books-7m/calibration.npy"),
        "token ids")("prune-method", po::value(&name)->default_value("wanda"),
                     "or another that needs activations")(
        "sparsity-ratio", po::value(&request.ratio)->default_value(0.7), "of every matrix")(
        "nsamples", po::value(&request.sequences)->default_value(128), "sequences")(
        "seqlen", po::value(&length), "tokens of a sequence; the samples' own when not given")(
        "repeat", po::value(&request.repeat)->default_value(3), "the median of so many phases");
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
    if (request.repeat < 1 || !(request.ratio >= 0 && request.ratio <= 1)) {
        throw bad_request("repeat or ratio out of range", "command line",
                          "give --repeat 1 or more, --sparsity-ratio from 0 to 1");
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

/// GFLOP/s of a rank while all of them multiply: the mean over the ranks.
double sgemm_gflops(const parallel::Communicator& all) {
    all.barrier();
    return all.sum(linalg::measure_sgemm_gflops()) / all.size();
}

/// Pruned rows are dropped.
class Nowhere : public phases::TensorStore {
    void write_rows(const resume::WrittenRows&, std::span<const std::byte>) override {}
};

/// Wall time of the slowest rank, processor time of all together.
Seconds time_of_phase(const parallel::Communicator& all, const parallel::NodeMap& nodes,
                      const model::Catalogue& catalogue, const model::TokenSequences& sequences,
                      const Request& request) {
    const std::vector<pruning::PruneTarget> targets(catalogue.matrices.size(),
                                                    {request.ratio, std::nullopt});
    Nowhere nowhere;
    all.barrier();
    const Seconds mine = time_of([&] {
        phases::prune_model(all, nodes, catalogue, {*request.pruner, {}, targets, sequences},
                            nowhere, {});
    });
    return {all.max(mine.wall), all.sum(mine.processor)};
}

void measure(const parallel::Communicator& all, const model::Catalogue& catalogue,
             const model::TokenSequences& sequences, const Request& request) {
    const parallel::NodeMap nodes(all);
    std::vector<double> walls;
    std::vector<double> processors;
    std::vector<double> rates{sgemm_gflops(all)};
    for (int i = 0; i < request.repeat; ++i) {
        const Seconds seconds = time_of_phase(all, nodes, catalogue, sequences, request);
        walls.push_back(seconds.wall);
        processors.push_back(seconds.processor);
        rates.push_back(sgemm_gflops(all));
    }
    const double rate = median(rates);
    const double flops = flops_of_forward_passes(catalogue, sequences);
    const double limit = flops / (rate * 1e9 * all.size());
    if (all.is_root()) {
        fmt::print(
            "{{\"model\": \"{}\", \"prune_method\": \"{}\", \"ranks\": {}, \"sequences\": {}, "
            "\"tokens\": {}, \"seconds\": {:.6f}, \"processor_seconds\": {:.6f}, \"flops\": "
            "{:.0f}, \"sgemm_gflops\": {:.2f}, \"limit_seconds\": {:.6f}, \"ratio\": {:.3f}, "
            "\"processor_ratio\": {:.3f}}}\n",
            catalogue.model_name, request.pruner->name, all.size(), sequences.count(),
            sequences.length, median(walls), median(processors), flops, rate, limit,
            limit / median(walls), limit * all.size() / median(processors));
        std::fflush(stdout);
    }
}

void run(const parallel::Communicator& all, int argc, char** argv) {
    const std::optional<Request> request = request_of(argc, argv, all.is_root());
    if (!request) {
        return;
    }
    linalg::use_one_blas_thread();
    const model::Catalogue catalogue =
        parallel::run_collectively(all, [&] { return model::read_catalogue(request->model); });
    const model::TokenSequences sequences = parallel::run_collectively(all, [&] {
        return model::calibration_sequences(model::read_tokens(request->calibration, catalogue),
                                            catalogue, request->sequences, request->length, 0);
    });
    measure(all, catalogue, sequences, *request);
}

}  // namespace

int main(int argc, char** argv) {
    alphaprune::parallel::MpiRuntime runtime(argc, argv);
    const auto world = alphaprune::parallel::view(MPI_COMM_WORLD);
    return status_of(world, [&] { run(world, argc, argv); });
}
