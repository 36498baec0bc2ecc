// Seconds of the Kolmogorov–Smirnov scan over every start of a spectrum, by number of eigenvalues
// and kind of spectrum, against the seconds of the eigenvalues themselves: 1.7 · 4/3·N³ operations
// at the DGEMM rate measured in the same run. Beyond 16384 values it is the pool of FARMS, whose
// yardstick is the eigenvalues of N/2000 windows of 2000.
//
// "same_as_plain": the scan's answer, bit for bit, against the double loop that skips nothing.
#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <cmath>
#include <cstdio>
#include <functional>
#include <iostream>
#include <numbers>
#include <random>
#include <string>
#include <vector>

#include "alphaprune/linalg/arithmetic.hpp"
#include "alphaprune/linalg/blas_kernels.hpp"
#include "alphaprune/spectrum/metrics.hpp"
#include "alphaprune/spectrum/power_law.hpp"
#include "alphaprune/support/clock.hpp"

namespace {

using namespace alphaprune;

constexpr std::size_t kLargestMatrix = 16384;
constexpr std::size_t kWindow = 2000;

struct Kind {
    std::string name;
    std::function<std::vector<double>(std::size_t)> make;
};

/// Values of a random variable, ascending.
std::vector<double> drawn(std::size_t size, const std::function<double(std::mt19937_64&)>& draw) {
    std::mt19937_64 generator(size);
    std::vector<double> values(size);
    std::ranges::generate(values, [&] { return draw(generator); });
    std::ranges::sort(values);
    return values;
}

double uniform(std::mt19937_64& generator) {
    return std::uniform_real_distribution<double>(1e-12, 1)(generator);
}

std::vector<double> pareto_quantiles(std::size_t size) {
    std::vector<double> values;
    for (std::size_t i = 0; i < size; ++i) {
        const double share = (static_cast<double>(i) + 0.5) / static_cast<double>(size);
        values.push_back(std::pow(1 - share, -1 / 1.5));
    }
    return values;
}

/// Squared singular values of a square matrix of noise: rigid, as eigenvalues are, down to 1/N².
std::vector<double> quarter_circle(std::size_t size) {
    std::vector<double> values;
    for (std::size_t i = 0; i < size; ++i) {
        const double share = (static_cast<double>(i) + 0.5) / static_cast<double>(size);
        double s = share;  // share = 2/π·(s·√(1−s²) + arcsin s), by bisection
        for (double low = 0, high = 1; high - low > 1e-15; s = (low + high) / 2) {
            const double below = 2 / std::numbers::pi * (s * std::sqrt(1 - s * s) + std::asin(s));
            (below < share ? low : high) = s;
        }
        values.push_back(s * s);
    }
    return values;
}

/// Noise with a tail: what trained weights look like.
std::vector<double> bulk_and_tail(std::size_t size) {
    std::vector<double> values = quarter_circle(size);
    for (std::size_t i = 0; i < size; ++i) {
        const double share = (static_cast<double>(i) + 0.5) / static_cast<double>(size);
        values[i] += 0.05 * (std::pow(1 - share, -1 / 1.8) - 1);
    }
    return values;
}

const std::vector<Kind>& kinds() {
    static const std::vector<Kind> all{
        {"bulk_and_tail", bulk_and_tail},
        {"quarter_circle", quarter_circle},
        {"pareto_quantiles", pareto_quantiles},
        {"pareto_drawn",
         [](std::size_t n) {
             return drawn(n, [](auto& g) { return std::pow(uniform(g), -1 / 1.5); });
         }},
        {"log_normal",
         [](std::size_t n) {
             return drawn(
                 n, [](auto& g) { return std::exp(std::normal_distribution<double>(0, 2)(g)); });
         }},
        {"uniform", [](std::size_t n) { return drawn(n, uniform); }},
        {"geometric",
         [](std::size_t n) {
             return drawn(n, [k = 0.0, n](auto&) mutable {
                 return std::pow(1e6, k++ / static_cast<double>(n));
             });
         }},
    };
    return all;
}

/// The formulas as they stand: every start, every value of its tail.
std::optional<spectrum::PowerLawFit> plain_scan(const std::vector<double>& values) {
    const spectrum::TailFits fits(values);
    std::vector<double> logs;
    for (const double value : values) {
        logs.push_back(std::log(value));
    }
    std::optional<spectrum::PowerLawFit> best;
    for (std::size_t start = 0; start < values.size(); ++start) {
        const double alpha = fits.alpha(start);
        if (std::isfinite(alpha) && alpha > 1) {
            const auto tail = static_cast<double>(values.size() - start);
            double distance = 0;
            for (std::size_t j = start; j < values.size(); ++j) {
                const double fitted = 1 - std::exp((1 - alpha) * (logs[j] - logs[start]));
                const double counted = static_cast<double>(j - start) / tail;
                distance = std::max(distance, std::abs(fitted - counted));
            }
            if (!best || distance < best->distance) {
                best = {start, alpha, distance};
            }
        }
    }
    return best;
}

template <class Action>
double best_seconds(Action action) {
    double best = HUGE_VAL;
    double spent = 0;
    for (int i = 0; i < 5 && spent < 2; ++i) {
        const support::Stopwatch watch;
        action();
        best = std::min(best, watch.seconds());
        spent += watch.seconds();
    }
    return best;
}

double eigenvalue_seconds(std::size_t size, double gflops) {
    const auto cube = [](double n) { return 1.7 * 4 / 3 * n * n * n; };
    const auto n = static_cast<double>(size);
    const double operations =
        size <= kLargestMatrix ? cube(n) : n / kWindow * cube(static_cast<double>(kWindow));
    return operations / (gflops * 1e9);
}

void measure(const Kind& kind, std::size_t size, bool check, double gflops) {
    const std::vector<double> values = kind.make(size);
    std::optional<spectrum::PowerLawFit> fit;
    const double scan =
        best_seconds([&] { fit = spectrum::TailFits(values).best(0, values.size()); });
    const double metrics = best_seconds([&] { spectrum::shape_metrics(values); });
    const double eig = eigenvalue_seconds(size, gflops);
    std::string same = "null";
    if (check) {
        const auto plain = plain_scan(values);
        same = fit.has_value() == plain.has_value() &&
                       (!fit || (fit->start == plain->start && fit->alpha == plain->alpha &&
                                 fit->distance == plain->distance))
                   ? "true"
                   : "false";
    }
    fmt::print(
        "{{\"n\": {}, \"spectrum\": \"{}\", \"scan_seconds\": {:.3e}, \"metrics_seconds\": {:.3e}, "
        "\"eig_seconds\": {:.3e}, \"ratio\": {:.5f}, \"limit\": 0.05, \"gemm_gflops\": {:.2f}, "
        "\"same_as_plain\": {}}}\n",
        size, kind.name, scan, metrics, eig, scan / eig, gflops, same);
    std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
    linalg::restart_with_better_kernels(argv);
    namespace po = boost::program_options;
    std::vector<std::size_t> sizes;
    std::size_t checked = 0;
    po::options_description options("ks_scan, options");
    options.add_options()("help", "show this")(
        "size", po::value(&sizes)->multitoken()->composing(),
        "eigenvalues; repeatable (default: 256 to 16384, and a pool of 200000)")(
        "check-up-to", po::value(&checked)->default_value(4096),
        "compare with the double loop, which takes long, up to this size");
    po::variables_map given;
    try {
        po::store(po::parse_command_line(argc, argv, options), given);
        po::notify(given);
    } catch (const po::error& error) {
        std::cerr << "error: " << error.what() << "; see --help\n";
        return 2;
    }
    if (given.count("help") != 0) {
        std::cout << options;
        return 0;
    }
    if (sizes.empty()) {
        sizes = {256, 512, 1024, 2048, 4096, 8192, 16384, 200000};
    }
    linalg::use_one_blas_thread();
    const double gflops = linalg::measure_dgemm_gflops(0.2);
    for (const std::size_t size : sizes) {
        for (const Kind& kind : kinds()) {
            measure(kind, size, size <= checked, gflops);
        }
    }
    return 0;
}
