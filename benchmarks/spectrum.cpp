// Seconds for the Gram product and for its eigenvalues, by shape, backend and number of ranks, and
// how far that is from the flop limit at the DGEMM rate measured in the same run.
//
// Groups of --group-ranks ranks (one rank for two_stage and LAPACK, all ranks for ELPA and
// ScaLAPACK unless told otherwise) solve the same problem at the same time, as in a run over many
// matrices; "matrices" says how many were solved in "seconds".
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
#include "alphaprune/linalg/blas_kernels.hpp"
#include "alphaprune/linalg/spectral_backend.hpp"
#include "alphaprune/parallel/native_mpi.hpp"
#include "alphaprune/parallel/runtime.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/machine.hpp"
#include "alphaprune/support/peak_memory.hpp"
#include "command_line.hpp"
#include "measuring.hpp"

namespace {

using namespace alphaprune;
using namespace alphaprune::benchmark;

struct Request {
    std::vector<Shape> shapes;
    std::vector<linalg::Solver> backends;
    int group_ranks = 0;  ///< 0: what suits the backend
    linalg::Precision precision = linalg::Precision::in_double;
    int repeat = 1;
};

/// A matrix with heavy-tailed entries (quantiles of Student's t with two degrees of freedom), each
/// a function of its place: the same for any number of ranks, and as cheap to read as from memory.
class HashedMatrix : public linalg::MatrixSource {
  public:
    explicit HashedMatrix(Shape shape) : shape_(shape), quantiles_(std::size_t{1} << kBits) {
        for (std::size_t i = 0; i < quantiles_.size(); ++i) {
            const double p =
                (static_cast<double>(i) + 0.5) / static_cast<double>(quantiles_.size());
            quantiles_[i] = (2 * p - 1) / std::sqrt(2 * p * (1 - p));
        }
    }
    std::int64_t rows() const override { return shape_.rows; }
    std::int64_t cols() const override { return shape_.cols; }
    std::string name() const override { return fmt::format("{}x{}", shape_.rows, shape_.cols); }

    void read(const linalg::Rectangle& part, std::span<double> out) override {
        auto next = out.begin();
        for (std::int64_t row = part.row_begin; row < part.row_end; ++row) {
            const std::uint64_t start = hash(static_cast<std::uint64_t>(row));
            for (std::int64_t col = part.col_begin; col < part.col_end; ++col) {
                *next++ = quantiles_[hash(start + static_cast<std::uint64_t>(col)) >> (64 - kBits)];
            }
        }
    }

  private:
    static constexpr int kBits = 12;

    static std::uint64_t hash(std::uint64_t x) {
        x *= 0x9e3779b97f4a7c15ULL;
        return (x ^ (x >> 32)) * 0xbf58476d1ce4e5b9ULL;
    }

    Shape shape_;
    std::vector<double> quantiles_;
};

/// Seconds of the slowest rank; processor time stands beside them for busy machines.
struct Timing {
    double gram = 0;
    double eig = 0;
    double processor = 0;
    double total() const { return gram + eig; }
};

std::vector<linalg::Solver> backends_of(const std::vector<std::string>& names) {
    std::vector<linalg::Solver> backends;
    for (const std::string& name : names) {
        if (name == "all") {
            backends.insert(backends.end(), linalg::kSolvers.begin(), linalg::kSolvers.end());
        } else if (const auto solver = linalg::solver_named(name)) {
            backends.push_back(*solver);
        } else {
            throw bad_request(fmt::format("there is no backend '{}'", name), "--backend",
                              "give lapack1, lapack2, two_stage, elpa1, elpa2, scalapack or all");
        }
    }
    return backends;
}

/// Nothing when only help was asked for (and printed, on the rank that `speaks`).
std::optional<Request> request_of(int argc, char** argv, bool speaks) {
    namespace po = boost::program_options;
    std::vector<std::string> shapes;
    std::vector<std::string> names;
    std::string precision;
    Request request;
    po::options_description options("spectrum, options (under any number of MPI ranks)");
    options.add_options()("help", "show this")(
        "shape", po::value(&shapes)->multitoken()->composing(), "rows x columns; repeatable")(
        "backend", po::value(&names)->multitoken()->composing(),
        "lapack1, lapack2, two_stage, elpa1, elpa2, scalapack or all (the default); repeatable")(
        "group-ranks", po::value(&request.group_ranks),
        "ranks that share a matrix; the number of ranks is a multiple of it")(
        "precision", po::value(&precision)->default_value("double"),
        "double, single or auto; of two_stage")(
        "repeat", po::value(&request.repeat)->default_value(1), "best of so many");
    if (!read_command_line(options, argc, argv, speaks)) {
        return std::nullopt;
    }
    if (request.repeat < 1) {
        throw bad_request("nothing to repeat", "--repeat", "give 1 or more");
    }
    constexpr std::array kPrecisions{linalg::Precision::in_double, linalg::Precision::in_single,
                                     linalg::Precision::automatic};
    const auto* const chosen = std::ranges::find(
        kPrecisions, precision, [](linalg::Precision one) { return linalg::name_of(one); });
    if (chosen == kPrecisions.end()) {
        throw bad_request(fmt::format("there is no precision '{}'", precision), "--precision",
                          "give double, single or auto");
    }
    request.precision = *chosen;
    request.backends = backends_of(names.empty() ? std::vector<std::string>{"all"} : names);
    for (const std::string& text :
         shapes.empty() ? std::vector<std::string>{"1024x1024"} : shapes) {
        request.shapes.push_back(shape_of(text));
    }
    return request;
}

Timing best_timing(const parallel::Communicator& all, linalg::SpectralBackend& backend, Shape shape,
                   int repeat) {
    HashedMatrix matrix(shape);
    Timing best{HUGE_VAL, 0, 0};
    for (int i = 0; i < repeat; ++i) {
        all.barrier();
        linalg::GramSpectrum spectrum;
        const Seconds seconds = time_of([&] { spectrum = backend.spectrum_of(matrix); });
        const Timing timing{all.max(spectrum.gram_seconds), all.max(spectrum.eig_seconds),
                            all.max(seconds.processor)};
        best = timing.total() < best.total() ? timing : best;
    }
    return best;
}

void measure(const parallel::Communicator& all, Shape shape, linalg::Solver solver,
             const Request& request) {
    const bool library = linalg::works_on_groups(solver) && solver != linalg::Solver::two_stage;
    const int ranks = request.group_ranks > 0 ? request.group_ranks : library ? all.size() : 1;
    if (all.size() % ranks != 0) {
        throw bad_request(fmt::format("{} ranks do not make groups of {}", all.size(), ranks),
                          "--group-ranks", "start a multiple of it");
    }
    const parallel::Communicator group = all.split(all.rank() / ranks, 0);
    const linalg::Precision precision =
        linalg::has_single_precision(solver) ? request.precision : linalg::Precision::in_double;
    const auto backend = linalg::make_backend(solver, group, precision);
    const int matrices = all.size() / ranks;

    all.barrier();
    const double gflops = all.sum(linalg::measure_dgemm_gflops(0.3)) / all.size();
    const Timing timing = best_timing(all, *backend, shape, request.repeat);

    const auto n = static_cast<double>(std::min(shape.rows, shape.cols));
    const auto k = static_cast<double>(std::max(shape.rows, shape.cols));
    const double flops = matrices * (n * n * k + 4.0 / 3 * n * n * n);
    const double limit = flops / (gflops * 1e9 * all.size());
    const std::uint64_t peak = all.max(support::peak_memory());
    if (all.is_root()) {
        fmt::print(
            "{{\"shape\": \"{}x{}\", \"backend\": \"{}\", \"precision\": \"{}\", \"ranks\": {}, "
            "\"group_ranks\": {}, \"matrices\": {}, "
            "\"gram_seconds\": {:.6f}, \"eig_seconds\": {:.6f}, \"seconds\": {:.6f}, "
            "\"processor_seconds\": {:.6f}, \"gemm_gflops\": {:.2f}, \"limit_seconds\": {:.6f}, "
            "\"ratio_to_limit\": {:.3f}, \"processor_ratio\": {:.3f}, "
            "\"peak_bytes\": {}}}\n",
            shape.rows, shape.cols, linalg::name_of(solver), linalg::name_of(precision), all.size(),
            ranks, matrices, timing.gram, timing.eig, timing.total(), timing.processor, gflops,
            limit, timing.total() / limit, timing.processor / limit, peak);
        std::fflush(stdout);
    }
}

void run(const parallel::Communicator& all, int argc, char** argv) {
    const std::optional<Request> request = request_of(argc, argv, all.is_root());
    if (!request) {
        return;
    }
    for (const Shape shape : request->shapes) {
        for (const linalg::Solver solver : request->backends) {
            measure(all, shape, solver, *request);
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    alphaprune::linalg::restart_with_better_kernels(argv);
    alphaprune::parallel::MpiRuntime runtime(argc, argv);
    const auto world = alphaprune::parallel::view(MPI_COMM_WORLD);
    return status_of(world, [&] { run(world, argc, argv); });
}
