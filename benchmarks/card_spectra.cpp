// Spectra on a graphics card: seconds of each step of one matrix alone, of cuSOLVER's way to its
// eigenvalues, and seconds a matrix where many are at work at the same time, with the flop limit at
// the DGEMM rate that the card reached in the same run. The weights are made on the card.
#include <fmt/format.h>
#include <algorithm>
#include <boost/program_options.hpp>
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "alphaprune/device/card_error.hpp"
#include "alphaprune/device/card_module.hpp"
#include "alphaprune/linalg/blas_kernels.hpp"
#include "alphaprune/linalg/spectral_pipeline.hpp"
#include "alphaprune/support/clock.hpp"
#include "command_line.hpp"
#include "cuda/spectrum_lane.hpp"

namespace {

using namespace alphaprune;
using namespace alphaprune::benchmark;

class MadeMatrix : public linalg::MatrixSource {
  public:
    MadeMatrix(Shape shape, std::uint64_t key) : shape_(shape), key_(key) {
        for (std::int64_t i = 0; i < shape.rows + shape.cols; ++i) {
            scales_.push_back(std::ldexp(1.0F, -static_cast<int>(i * 7 % 5)));
        }
    }
    std::int64_t rows() const override { return shape_.rows; }
    std::int64_t cols() const override { return shape_.cols; }
    std::string name() const override { return "made up"; }
    void read(const linalg::Rectangle&, std::span<double>) override {}
    support::ScalarType stored_type() const override { return support::ScalarType::bfloat16; }
    std::optional<linalg::GeneratedValues> generated() override {
        const auto rows = static_cast<std::size_t>(shape_.rows);
        return linalg::GeneratedValues{key_, std::span(scales_).first(rows),
                                       std::span(scales_).subspan(rows)};
    }

  private:
    Shape shape_;
    std::uint64_t key_;
    std::vector<float> scales_;
};

struct Steps {
    double gram = 0, eigenvalues = 0, cusolver = 0;
};

/// The second of two times: the first takes memory and loads libraries.
Steps steps_of(linalg::SpectrumLane& lane, MadeMatrix& matrix) {
    Steps steps;
    for (int i = 0; i < 2; ++i) {
        std::vector<double> found(static_cast<std::size_t>(std::min(matrix.rows(), matrix.cols())));
        support::Stopwatch watch;
        lane.begin({matrix.rows(), matrix.cols(), matrix.stored_type()});
        lane.generate(*matrix.generated());
        lane.gram();
        steps.gram = watch.seconds();
        watch.restart();
        lane.eigenvalues(found);
        steps.eigenvalues = watch.seconds();
        lane.gram();
        watch.restart();
        lane.library_eigenvalues(found);
        steps.cusolver = watch.seconds();
    }
    return steps;
}

/// Seconds a matrix.
double pipeline_seconds(Shape shape, int lanes, int matrices) {
    const auto pipeline = linalg::make_cuda_pipeline(0, lanes, MadeMatrix(shape, 0));
    const auto run = [&](int count) {
        for (int m = 0; m < count; ++m) {
            pipeline->submit(m, std::make_unique<MadeMatrix>(shape, static_cast<std::uint64_t>(m)));
        }
        for (int m = 0; m < count; ++m) {
            if (const auto result = pipeline->next(); result.error) {
                throw *result.error;
            }
        }
    };
    run(2 * pipeline->capacity());
    const support::Stopwatch watch;
    run(matrices);
    return watch.seconds() / matrices;
}

void measure(Shape shape, int lanes, int matrices) {
    const device::CardModule& module = device::CardModule::get();
    const double gflops = module.function<linalg::CardDgemm>(linalg::kCardDgemm)(0);
    Steps steps;
    {
        const std::unique_ptr<linalg::SpectrumLane> lane(
            module.function<linalg::MakeSpectrumLane>(linalg::kMakeSpectrumLane)(0));
        MadeMatrix matrix(shape, 1);
        steps = steps_of(*lane, matrix);
    }
    const double seconds = pipeline_seconds(shape, lanes, matrices);
    const auto n = static_cast<double>(std::min(shape.rows, shape.cols));
    const auto k = static_cast<double>(std::max(shape.rows, shape.cols));
    const double limit = (n * n * k + 4.0 / 3 * n * n * n) / (gflops * 1e9);
    fmt::print(
        "{{\"shape\": \"{}x{}\", \"card\": \"{}\", \"lanes\": {}, \"gram_seconds\": {:.5f}, "
        "\"eigenvalue_seconds\": {:.5f}, "
        "\"cusolver_seconds\": {:.5f}, \"seconds\": {:.5f}, \"dgemm_gflops\": {:.0f}, "
        "\"limit_seconds\": {:.5f}, \"ratio_to_limit\": {:.2f}, \"cusolver_ratio\": {:.2f}}}\n",
        shape.rows, shape.cols, module.cards().front().name, lanes, steps.gram, steps.eigenvalues,
        steps.cusolver, seconds, gflops, limit, seconds / limit,
        (steps.gram + steps.cusolver) / seconds);
    std::fflush(stdout);
}

int run(int argc, char** argv) {
    namespace po = boost::program_options;
    std::vector<std::string> shapes;
    int lanes = 0;
    int matrices = 0;
    po::options_description options("card_spectra, options");
    options.add_options()("help", "show this")(
        "shape", po::value(&shapes)->multitoken()->composing(), "rows x columns; repeatable")(
        "lanes", po::value(&lanes)->default_value(8), "matrices at work at the same time")(
        "matrices", po::value(&matrices)->default_value(32), "in all");
    if (!read_command_line(options, argc, argv, true)) {
        return 0;
    }
    if (device::CardModule::get().cards().empty()) {
        throw bad_request("no card: " + device::CardModule::get().reason(), "this machine",
                          "run it where there is one");
    }
    for (const std::string& shape :
         shapes.empty() ? std::vector<std::string>{"4096x11008", "8192x28672"} : shapes) {
        measure(shape_of(shape), lanes, matrices);
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    linalg::restart_with_better_kernels(argv);
    try {
        return run(argc, argv);
    } catch (const support::Error& error) {
        std::cerr << error.what();
        return static_cast<int>(error.status());
    } catch (const device::CardError& error) {
        std::cerr << "error: " << error.what() << '\n';
        return 1;
    }
}
