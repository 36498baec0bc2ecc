// Wanda, or a pruner with Hessians, on one block of a model on a graphics card, in its parts as
// published code has them: gathering statistics of all sequences, pruning, and the pass of all
// sequences through the pruned block; reading and writing left out. Beside it the limit that the
// flops of the products set at the rate that the card reached with bfloat16 in the same run.
#include <fmt/format.h>
#include <boost/program_options.hpp>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "alphaprune/device/card_module.hpp"
#include "alphaprune/linalg/arithmetic.hpp"
#include "alphaprune/linalg/blas_kernels.hpp"
#include "alphaprune/model/weight_reader.hpp"
#include "alphaprune/parallel/native_mpi.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/parallel/runtime.hpp"
#include "alphaprune/pruning/pruners.hpp"
#include "alphaprune/support/clock.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/transformer/block_runner.hpp"
#include "command_line.hpp"
#include "cuda/spectrum_lane.hpp"
#include "made_up_block.hpp"
#include "measuring.hpp"

namespace {

using namespace alphaprune;
using namespace alphaprune::benchmark;

struct Request {
    std::string shape;
    std::string type;
    std::int64_t tokens = 0;
    std::int64_t sequences = 0;
    double ratio = 0;
    std::string pruner;
    int repeat = 0;
    int threads = 1;
    linalg::ForwardPrecision precision = linalg::ForwardPrecision::bf16x2;
};

struct Steps {
    double gather = 0;
    double prune = 0;
    double forward = 0;
    double load = 0;     ///< the weights, with what makes them
    double deliver = 0;  ///< to the processor, as they would be stored
};

class Block {
  public:
    Block(const model::Catalogue& catalogue, const Request& request)
        : catalogue_(catalogue),
          request_(request),
          plan_(transformer::make_forward_plan(catalogue)),
          nodes_(parallel::Communicator::alone(),
                 std::make_shared<const parallel::ThreadPool>(request.threads,
                                                              linalg::use_one_blas_thread)),
          team_(parallel::Communicator::alone(), nodes_.threads()),
          reader_(catalogue),
          runner_(
              transformer::make_block_runner(nodes_.node(), team_, plan_, {request.precision, 0})) {
        runner_->set_needs(drops_there() ? transformer::InputNeeds::squares
                                         : transformer::InputNeeds::products);
    }

    double flops_of_pass() const {
        return transformer::block_flops(plan_, 0, request_.tokens) *
               static_cast<double>(request_.sequences);
    }

    Steps run() {
        const model::RowSource source = [&](const model::TensorInfo& tensor,
                                            parallel::RowRange rows, std::span<std::byte> out) {
            reader_.read_rows(tensor, rows, out);
        };
        Steps steps;
        support::Stopwatch watch;
        const auto lap = [&] {
            runner_->state(0);  // waits for all that was asked
            const double seconds = watch.seconds();
            watch.restart();
            return seconds;
        };
        std::vector<std::vector<std::int32_t>> tokens(static_cast<std::size_t>(request_.sequences));
        std::uint32_t next = 0;
        for (auto& sequence : tokens) {
            for (std::int64_t i = 0; i < request_.tokens; ++i) {
                next = next * 1664525U + 1013904223U;  // its upper bits are the random ones
                sequence.push_back(static_cast<std::int32_t>(
                    (next >> 8) % static_cast<std::uint32_t>(catalogue_.configuration.vocabulary)));
            }
        }
        const std::vector<std::span<const std::int32_t>> all(tokens.begin(), tokens.end());
        runner_->embed(all, source);
        watch.restart();
        runner_->load(0, source);
        steps.load = lap();
        gather();
        steps.gather = lap();
        prune();
        steps.prune = lap();
        for (const int tensor : plan_.block(0).tensors) {
            runner_->stored_rows(tensor, {0, plan_.tensor(tensor).rows()}, room_);
        }
        steps.deliver = lap();
        for (std::int64_t s = 0; s < request_.sequences; ++s) {
            runner_->advance(s);
        }
        steps.forward = lap();
        return steps;
    }

    int iterations() const { return iterations_; }

  private:
    bool drops_there() const { return request_.pruner == "wanda"; }

    void gather() {
        sites_ = transformer::input_sites(plan_, 0);
        pruning::BlockInputs inputs{nodes_.node(),      nodes_, team_,         {},
                                    request_.sequences, {},     runner_->far()};
        for (const transformer::InputSite& site : sites_) {
            inputs.sites.push_back({site.cols, site.residual_rows});
        }
        pruner_ = pruning::begin_block(*pruning::find_pruner(request_.pruner), inputs, {});
        for (std::int64_t s = 0; s < request_.sequences; ++s) {
            runner_->observe(s, [this, s](const transformer::ObservedInput& seen) {
                pruner_->observe(seen.site, {s, seen.tokens, seen.values, {}, {}, seen.squares});
            });
        }
        runner_->finish_observing();
    }

    void prune() {
        iterations_ = 0;
        for (std::size_t site = 0; site < sites_.size(); ++site) {
            pruner_->finish_statistics(site, "");
            std::vector<pruning::SiteMatrix> matrices;
            for (const int index : sites_[site].matrices) {
                const model::MatrixInfo& matrix =
                    catalogue_.matrices[static_cast<std::size_t>(index)];
                matrices.push_back({{}, {request_.ratio, {}}, catalogue_.name_of(matrix), {}});
                if (drops_there()) {
                    matrices.back().drop = [this, index, rows = matrix.outputs()](
                                               std::span<const float> norms,
                                               const pruning::PruneTarget& target) {
                        const auto cols = static_cast<std::int64_t>(norms.size());
                        return runner_->drop_lowest(index, {0, rows}, norms,
                                                    {pruning::dropped_of_row(cols, target.ratio)});
                    };
                } else {
                    const parallel::RowRange all{0, matrix.outputs()};
                    matrices.back().far = {
                        all.size(),
                        [this, index, all](float* to) { runner_->take_rows(index, all, to); },
                        [this, index, all](const float* from) {
                            runner_->put_rows(index, all, from);
                        }};
                }
            }
            for (const std::optional<pruning::Fit>& fit : pruner_->prune(site, matrices)) {
                iterations_ += fit ? fit->iterations : 0;
            }
            for (const int index : sites_[site].matrices) {
                runner_->replaced(index);
            }
            pruner_->release(site);
        }
    }

    const model::Catalogue& catalogue_;
    const Request& request_;
    transformer::ForwardPlan plan_;
    parallel::NodeMap nodes_;
    parallel::Team team_;
    model::WeightReader reader_;
    std::unique_ptr<transformer::BlockRunner> runner_;
    std::vector<transformer::InputSite> sites_;
    std::unique_ptr<pruning::BlockPruner> pruner_;
    int iterations_ = 0;  ///< of all matrices
    std::vector<std::byte> room_;
};

void measure(const model::Catalogue& catalogue, const Request& request) {
    const device::CardModule& module = device::CardModule::get();
    if (module.cards().empty()) {
        throw bad_request(fmt::format("no card: {}", module.reason()), "benchmark",
                          "run it where alphaprune_cuda.so and a card are");
    }
    const auto rate = module.function<linalg::CardBf16Gemm>(linalg::kCardBf16Gemm);
    Block block(catalogue, request);
    std::vector<double> gather, prune, forward, load, deliver, all, rates{rate(0)};
    for (int i = 0; i <= request.repeat; ++i) {
        const Steps steps = block.run();
        if (i == 0) {  // touches its memory
            continue;
        }
        gather.push_back(steps.gather);
        prune.push_back(steps.prune);
        forward.push_back(steps.forward);
        load.push_back(steps.load);
        deliver.push_back(steps.deliver);
        all.push_back(steps.gather + steps.prune + steps.forward);
        rates.push_back(rate(0));
    }
    const double limit = 2 * block.flops_of_pass() / (median(rates) * 1e9);
    fmt::print(
        "{{\"pruner\": \"{}\", \"shape\": \"{}\", \"type\": \"{}\", \"card\": \"{}\", "
        "\"precision\": \"{}\", "
        "\"sequences\": {}, "
        "\"tokens\": {}, \"gather_seconds\": {:.4f}, \"prune_seconds\": {:.4f}, "
        "\"forward_seconds\": {:.4f}, \"seconds\": {:.4f}, \"load_seconds\": {:.4f}, "
        "\"deliver_seconds\": {:.4f}, "
        "\"iterations\": {}, \"bf16_gflops\": {:.0f}, \"limit_seconds\": {:.4f}, \"ratio\": "
        "{:.3f}}}\n",
        request.pruner, request.shape, request.type, module.cards().front().name,
        linalg::name_of(request.precision), request.sequences, request.tokens, median(gather),
        median(prune), median(forward), median(all), median(load), median(deliver),
        block.iterations(), median(rates), limit, limit / median(all));
    std::fflush(stdout);
}

std::optional<Request> request_of(int argc, char** argv) {
    namespace po = boost::program_options;
    Request request;
    std::string precision;
    po::options_description options("card_forward, options");
    options.add_options()("help", "show this")(
        "shape", po::value(&request.shape)->default_value("4096x11008x32x32"),
        "hidden x intermediate x heads x key/value heads of a LLaMA block")(
        "type", po::value(&request.type)->default_value("bfloat16"),
        "of the weights: or float16, float32")(
        "tokens", po::value(&request.tokens)->default_value(2048), "of a sequence")(
        "sequences", po::value(&request.sequences)->default_value(128), "of calibration")(
        "sparsity-ratio", po::value(&request.ratio)->default_value(0.7), "of every matrix")(
        "pruner", po::value(&request.pruner)->default_value("wanda"), "or sparsegpt, alps, admm")(
        "threads", po::value(&request.threads)->default_value(1), "of the processor")(
        "precision", po::value(&precision)->default_value("bf16x2"), "or float32 or bf16")(
        "repeat", po::value(&request.repeat)->default_value(3), "the median of so many");
    if (!read_command_line(options, argc, argv, true)) {
        return std::nullopt;
    }
    const auto named = linalg::forward_precision_named(precision);
    const auto* const pruner = pruning::find_pruner(request.pruner);
    if (pruner == nullptr || !pruner->needs_activations()) {
        throw bad_request(request.pruner + " needs no inputs", "command line", "give another one");
    }
    if (!named || request.sequences < 1 || request.tokens < 1 || request.repeat < 1) {
        throw bad_request("nothing to measure", "command line",
                          "give 1 sequence, token and repetition or more, and a precision that "
                          "there is");
    }
    request.precision = *named;
    return request;
}

void run(int argc, char** argv) {
    const std::optional<Request> request = request_of(argc, argv);
    if (!request) {
        return;
    }
    linalg::use_one_blas_thread();
    const model::Catalogue catalogue = made_up_model(request->shape, request->type);
    measure(catalogue, *request);
}

}  // namespace

int main(int argc, char** argv) {
    alphaprune::linalg::restart_with_better_kernels(argv);
    alphaprune::parallel::MpiRuntime runtime(argc, argv);
    const auto all = alphaprune::parallel::view(MPI_COMM_WORLD);
    return status_of(all, [&] { run(argc, argv); });
}
