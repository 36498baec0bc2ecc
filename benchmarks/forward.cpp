// Seconds of a block's forward pass over some sequences, and how far that is from the limit that
// the flops of its matrix products set at the SGEMM rate measured in the same run.
//
// Processor time stands beside wall time, so that the ratio means something on a busy machine, too.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/program_options.hpp>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "alphaprune/linalg/arithmetic.hpp"
#include "alphaprune/linalg/sgemm.hpp"
#include "alphaprune/model/weight_reader.hpp"
#include "alphaprune/parallel/native_mpi.hpp"
#include "alphaprune/parallel/runtime.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/transformer/block_runner.hpp"
#include "command_line.hpp"
#include "measuring.hpp"

namespace {

using namespace alphaprune;
using namespace alphaprune::benchmark;

struct Request {
    std::string model;
    std::string shape;
    std::int64_t tokens = 0;
    int sequences = 0;
};

/// A LLaMA block of given sizes, without files.
model::Catalogue made_up_model(const std::string& shape) {
    long long hidden = 0;
    long long inner = 0;
    long long heads = 0;
    long long key_value_heads = 0;
    int end = 0;
    const int found = std::sscanf(shape.c_str(), "%lldx%lldx%lldx%lld%n", &hidden, &inner, &heads,
                                  &key_value_heads, &end);
    if (found != 4 || static_cast<std::size_t>(end) != shape.size() || hidden < 1 || inner < 1 ||
        heads < 1 || key_value_heads < 1 || hidden % heads != 0 || heads % key_value_heads != 0) {
        throw bad_request(fmt::format("'{}' is no shape of a block", shape), "--shape",
                          "give hidden x intermediate x heads x key/value heads, such as "
                          "4096x11008x32x32");
    }
    model::Catalogue catalogue;
    catalogue.model_name = shape;
    catalogue.family = "llama";
    model::ModelConfiguration& model = catalogue.configuration;
    model.model_type = "llama";
    model.activation = "silu";
    model.hidden_size = model.embedding_size = hidden;
    model.intermediate_size = inner;
    model.blocks = 1;
    model.heads = heads;
    model.key_value_heads = key_value_heads;
    model.head_size = hidden / heads;
    model.vocabulary = 256;
    model.tied_embeddings = true;
    const auto add = [&](const std::string& name, std::vector<std::int64_t> sizes) {
        catalogue.tensors.push_back(
            {name + ".weight", support::ScalarType::bfloat16, std::move(sizes), 0, 0, -1});
    };
    const std::int64_t keys = key_value_heads * model.head_size;
    const std::string block = "model.layers.0.";
    add("model.embed_tokens", {model.vocabulary, hidden});
    add("model.norm", {hidden});
    add(block + "input_layernorm", {hidden});
    add(block + "post_attention_layernorm", {hidden});
    add(block + "self_attn.q_proj", {hidden, hidden});
    add(block + "self_attn.k_proj", {keys, hidden});
    add(block + "self_attn.v_proj", {keys, hidden});
    add(block + "self_attn.o_proj", {hidden, hidden});
    add(block + "mlp.gate_proj", {inner, hidden});
    add(block + "mlp.up_proj", {inner, hidden});
    add(block + "mlp.down_proj", {hidden, inner});
    return catalogue;
}

/// Values between −1 and 1, over the root of the row's length: sums of products stay moderate.
void made_up_rows(const model::TensorInfo& tensor, parallel::RowRange rows,
                  std::span<std::byte> out) {
    const auto count = static_cast<std::size_t>(rows.size() * tensor.row_length());
    const double size = 1 / std::sqrt(static_cast<double>(tensor.row_length()));
    std::vector<float> values(count);
    std::uint64_t state = static_cast<std::uint64_t>(rows.begin) + 1;
    for (float& value : values) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        value = static_cast<float>((static_cast<double>(state >> 40) / (1 << 23) - 1) * size);
    }
    support::narrow(values, tensor.scalar_type(), out);
}

/// GFLOP/s of a product that fits the outer cache, by processor time.
double sgemm_gflops() {
    constexpr std::int64_t kOrder = 512;
    constexpr double kFlops = 2.0 * kOrder * kOrder * kOrder;
    static const std::vector<float> a(kOrder * kOrder, 0.5F);
    static std::vector<float> c(a.size());
    const linalg::ConstFloatView factor{a.data(), kOrder, kOrder, kOrder};
    const Seconds seconds = time_of([&] {
        linalg::sgemm(1, factor, factor, linalg::Transpose::yes, 0,
                      {c.data(), kOrder, kOrder, kOrder});
    });
    return kFlops / seconds.processor * 1e-9;
}

void measure(const parallel::Communicator& self, const model::Catalogue& catalogue,
             const model::RowSource& source, const Request& request) {
    const transformer::ForwardPlan plan = transformer::make_forward_plan(catalogue);
    const parallel::Team team(parallel::Communicator::alone());
    const auto runner = transformer::make_cpu_block_runner(self, team, plan);
    runner->load(0, source);
    std::vector<std::int32_t> tokens(static_cast<std::size_t>(request.tokens));
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        tokens[i] = static_cast<std::int32_t>(
            i * 7919 % static_cast<std::size_t>(catalogue.configuration.vocabulary));
    }
    runner->embed(std::array{std::span<const std::int32_t>(tokens)}, source);
    const std::vector<float> embedded(runner->states().begin(), runner->states().end());

    std::vector<double> walls;
    std::vector<double> processors;
    std::vector<double> rates;
    for (int i = 0; i <= request.sequences; ++i) {
        std::ranges::copy(embedded, runner->states().begin());
        const double rate = sgemm_gflops();
        const Seconds seconds = time_of([&] { runner->advance(0); });
        if (i > 0) {  // the first call touches its memory
            walls.push_back(seconds.wall);
            processors.push_back(seconds.processor);
            rates.push_back(rate);
        }
    }
    const double flops = transformer::block_flops(plan, 0, request.tokens);
    const double limit = flops / (median(rates) * 1e9);
    fmt::print(
        "{{\"model\": \"{}\", \"tokens\": {}, \"sequences\": {}, \"flops\": {:.0f}, "
        "\"seconds\": {:.6f}, \"processor_seconds\": {:.6f}, \"sgemm_gflops\": {:.2f}, "
        "\"limit_seconds\": {:.6f}, \"ratio\": {:.3f}, \"processor_ratio\": {:.3f}, "
        "\"scratch_bytes\": {}}}\n",
        catalogue.model_name, request.tokens, request.sequences, flops, median(walls),
        median(processors), median(rates), limit, limit / median(walls), limit / median(processors),
        transformer::scratch_bytes(plan, request.tokens));
}

/// Nothing when only help was asked for (and printed).
std::optional<Request> request_of(int argc, char** argv) {
    namespace po = boost::program_options;
    Request request;
    po::options_description options("forward, options");
    options.add_options()("help", "show this")(
        "model", po::value(&request.model)->default_value("data/books-7m"), "model folder")(
        "shape", po::value(&request.shape),
        "instead of a model: hidden x intermediate x heads x key/value heads of a LLaMA block")(
        "tokens", po::value(&request.tokens)->default_value(512), "tokens of a sequence")(
        "sequences", po::value(&request.sequences)->default_value(16), "the median of so many");
    if (!read_command_line(options, argc, argv, true)) {
        return std::nullopt;
    }
    if (request.sequences < 1 || request.tokens < 1) {
        throw bad_request("nothing to measure", "command line",
                          "give 1 sequence and token or more");
    }
    return request;
}

void run(const parallel::Communicator& self, int argc, char** argv) {
    const std::optional<Request> request = request_of(argc, argv);
    if (!request) {
        return;
    }
    linalg::use_one_blas_thread();
    if (!request->shape.empty()) {
        measure(self, made_up_model(request->shape), made_up_rows, *request);
        return;
    }
    const model::Catalogue catalogue = model::read_catalogue(request->model);
    model::WeightReader reader(catalogue);
    measure(
        self, catalogue,
        [&](const model::TensorInfo& tensor, parallel::RowRange rows, std::span<std::byte> out) {
            reader.read_rows(tensor, rows, out);
        },
        *request);
}

}  // namespace

int main(int argc, char** argv) {
    alphaprune::parallel::MpiRuntime runtime(argc, argv);
    const auto self = alphaprune::parallel::view(MPI_COMM_SELF);
    return status_of(self, [&] { run(self, argc, argv); });
}
