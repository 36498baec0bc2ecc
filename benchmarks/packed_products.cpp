// Products of activations and weights in bfloat16, on one core, against SGEMM and against oneDNN's
// own product of whole matrices that are in bfloat16 already:
//     benchmarks/packed_products --shape 4096x4096 --shape 4096x11008
// A shape is outputs x inputs of the weights. One JSON object a line for each way; the time of ours
// includes the splitting of the activations, done once for all outputs.
// ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16 does without AMX.
#include <algorithm>
#include <cstdio>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "alphaprune/linalg/arithmetic.hpp"
#include "alphaprune/linalg/packed_product.hpp"
#include "bf16_matmul.hpp"
#include "measuring.hpp"
#include "mpi_main.hpp"

using namespace alphaprune::benchmark;
namespace linalg = alphaprune::linalg;
namespace parallel = alphaprune::parallel;

namespace {

struct Request {
    std::vector<Shape> shapes;
    std::int64_t tokens = 512;
    std::int64_t tile = 1024;
    int repeat = 5;
};

std::optional<Request> request_of(int argc, char** argv, bool speaks) {
    namespace po = boost::program_options;
    std::vector<std::string> shapes;
    Request request;
    po::options_description options("packed_products, options");
    options.add_options()("help", "show this")(
        "shape", po::value(&shapes)->multitoken()->composing(),
        "outputs x inputs of the weights; repeatable (4096x4096, 4096x11008)")(
        "tokens", po::value(&request.tokens), "of a tile (512)")(
        "tile", po::value(&request.tile), "outputs of a tile, a multiple of 64 (1024)")(
        "repeat", po::value(&request.repeat), "best of so many (5)");
    if (!read_command_line(options, argc, argv, speaks)) {
        return std::nullopt;
    }
    if (request.repeat < 1 || request.tokens < 1 || request.tile < 1 ||
        request.tile % linalg::kPackedOutputs != 0) {
        throw bad_request("nothing to measure, or a tile of another size",
                          "--repeat, --tokens, --tile",
                          "give 1 or more, and a tile that is a multiple of 64");
    }
    if (shapes.empty()) {
        shapes = {"4096x4096", "4096x11008"};
    }
    for (const std::string& text : shapes) {
        request.shapes.push_back(shape_of(text));
    }
    return request;
}

std::vector<float> noise(std::int64_t count, unsigned seed) {
    std::mt19937 bits(seed);
    std::vector<float> values(static_cast<std::size_t>(count));
    std::ranges::generate(
        values, [&] { return static_cast<float>(static_cast<std::int32_t>(bits())) * 0x1p-31F; });
    return values;
}

template <class Work>
Seconds best_of(int repeat, Work&& work) {
    work();  // kernels are made, memory is touched
    Seconds best{1e300, 1e300};
    for (int i = 0; i < repeat; ++i) {
        const Seconds seconds = time_of(work);
        best = {std::min(best.wall, seconds.wall), std::min(best.processor, seconds.processor)};
    }
    return best;
}

/// One tile of tokens and the matrix of a linear layer, whose outputs are computed tile by tile.
struct Layer {
    Shape shape;
    std::int64_t tokens;
    std::int64_t tile;
    std::vector<float> input;
    std::vector<float> weights;
    std::vector<float> out;

    Layer(Shape shape, const Request& request)
        : shape(shape),
          tokens(request.tokens),
          tile(request.tile),
          input(noise(tokens * shape.cols, 1)),
          weights(noise(shape.rows * shape.cols, 2)),
          out(static_cast<std::size_t>(tokens * shape.rows)) {}

    linalg::ConstFloatView input_view() const {
        return {input.data(), tokens, shape.cols, shape.cols};
    }
    linalg::ConstFloatView weights_view() const {
        return {weights.data(), shape.rows, shape.cols, shape.cols};
    }
    linalg::FloatView out_tile(std::int64_t first) {
        return {out.data() + first, tokens, std::min(tile, shape.rows - first), shape.rows};
    }
    double gflop() const {
        return 2e-9 * static_cast<double>(tokens) * static_cast<double>(shape.rows) *
               static_cast<double>(shape.cols);
    }
};

void print(const Layer& layer, const std::string& way, Seconds seconds, double yardstick) {
    const double gflops = layer.gflop() / seconds.wall;
    fmt::print(
        "{{\"shape\": \"{}x{}\", \"tokens\": {}, \"tile\": {}, \"way\": \"{}\", "
        "\"seconds\": {:.6f}, \"processor_seconds\": {:.6f}, \"gflops\": {:.1f}, "
        "\"onednn_gflops\": {:.1f}, \"ratio\": {:.3f}}}\n",
        layer.shape.rows, layer.shape.cols, layer.tokens, layer.tile, way, seconds.wall,
        seconds.processor, gflops, yardstick, yardstick > 0 ? gflops / yardstick : 0.0);
    std::fflush(stdout);
}

Seconds time_of_sgemm(Layer& layer, int repeat) {
    return best_of(repeat, [&] {
        for (std::int64_t first = 0; first < layer.shape.rows; first += layer.tile) {
            const linalg::FloatView out = layer.out_tile(first);
            linalg::sgemm(1, layer.input_view(),
                          {layer.weights.data() + first * layer.shape.cols, out.cols,
                           layer.shape.cols, layer.shape.cols},
                          linalg::Transpose::yes, 0, out);
        }
    });
}

/// The products of oneDNN alone, without gaps, without splitting: 2048 tokens at once.
double onednn_gflops(Shape shape, int repeat) {
    constexpr std::int64_t kTokens = 2048;
    const linalg::Bf16Shape whole{kTokens, shape.rows, shape.cols};
    const std::vector<linalg::Bf16> input(static_cast<std::size_t>(kTokens * shape.cols), 0x3F80);
    const std::vector<linalg::Bf16Pair> weights(
        static_cast<std::size_t>(shape.rows * shape.cols / 2), 0x3F803F80U);
    std::vector<float> out(static_cast<std::size_t>(kTokens * shape.rows));
    std::vector<std::byte> scratch;
    const Seconds seconds = best_of(repeat, [&] {
        linalg::bf16_matmul(whole, input.data(), weights.data(), false, out.data(), scratch);
    });
    return 2e-9 * static_cast<double>(kTokens) * static_cast<double>(shape.rows) *
           static_cast<double>(shape.cols) / seconds.wall;
}

void measure_bf16(Layer& layer, linalg::PackedParts parts, double yardstick, int repeat) {
    const linalg::PackedShape shape{layer.shape.rows, layer.shape.cols, parts};
    const char* const name = parts == linalg::PackedParts::two ? ", weights in two parts" : "";
    std::vector<std::byte> packed(linalg::packed_bytes(shape));
    print(layer, fmt::format("pack{}", name),
          best_of(1, [&] { linalg::pack_weights(layer.weights_view(), 0, shape, packed); }), 0);
    for (const auto precision :
         {linalg::ForwardPrecision::bf16, linalg::ForwardPrecision::bf16x2}) {
        linalg::SplitBuffer split;
        linalg::ProductScratch scratch;
        print(layer, fmt::format("split {}", linalg::name_of(precision)),
              best_of(repeat, [&] { split.assign(layer.input_view(), precision); }), 0);
        const Seconds seconds = best_of(repeat, [&] {
            split.assign(layer.input_view(), precision);
            for (std::int64_t first = 0; first < shape.outputs; first += layer.tile) {
                linalg::packed_product(split.split(), {packed, shape}, first, false,
                                       layer.out_tile(first), scratch);
            }
        });
        print(layer, fmt::format("{}{}", linalg::name_of(precision), name), seconds, yardstick);
    }
}

void measure(const parallel::Communicator&, const Request& request) {
    linalg::require_forward_precision(linalg::ForwardPrecision::bf16, "packed_products");
    linalg::use_one_blas_thread();
    for (const Shape shape : request.shapes) {
        const double yardstick =
            onednn_gflops({linalg::rounded_up(shape.rows, linalg::kStripOutputs),
                           linalg::rounded_up(shape.cols, linalg::kInputGroup)},
                          std::max(request.repeat / 2, 1));
        Layer layer(shape, request);
        print(layer, "sgemm", time_of_sgemm(layer, request.repeat), yardstick);
        measure_bf16(layer, linalg::PackedParts::one, yardstick, request.repeat);
        measure_bf16(layer, linalg::PackedParts::two, yardstick, request.repeat);
    }
}

}  // namespace

int main(int argc, char** argv) {
    return mpi_main(argc, argv, request_of, measure);
}
