#include "alphaprune/linalg/arithmetic.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <initializer_list>
#include <system_error>
#include <vector>

#include "alphaprune/linalg/packed_product.hpp"
#include "alphaprune/support/clock.hpp"
#include "blas.hpp"
#include "loaded_function.hpp"
#include "two_stage/kernels.hpp"

namespace alphaprune::linalg {
namespace {

template <class Count>
void call_if_present(const char* name, Count threads) {
    if (const auto call = function_named<void (*)(Count)>(name)) {
        call(threads);
    }
}

/// How many threads it was built for means nothing to the bits.
std::string openblas_name() {
    std::string config = text_of("openblas_get_config");
    config.resize(std::min(config.find(" MAX_THREADS="), config.size()));
    const std::string core = text_of("openblas_get_corename");
    return config.empty() || core.empty() || config.ends_with(core) ? config : config + ' ' + core;
}

std::string mkl_name() {
    const auto call = function_named<void (*)(char*, int)>("MKL_Get_Version_String");
    if (call == nullptr) {
        return {};
    }
    std::array<char, 200> text{};
    call(text.data(), static_cast<int>(text.size()) - 1);
    std::string name = text.data();
    name.resize(name.find_last_not_of(' ') + 1);
    return name;
}

std::string blis_name() {
    const std::string version = text_of("bli_info_get_version_str");
    return version.empty() ? version : "BLIS " + version;
}

std::string file_name() {
    Dl_info found{};
    if (::dladdr(reinterpret_cast<const void*>(&dgemm_), &found) == 0 ||
        found.dli_fname == nullptr) {
        return "unknown";
    }
    std::error_code unknown;
    const auto file = std::filesystem::canonical(found.dli_fname, unknown);
    return unknown ? found.dli_fname : file.filename().string();
}

constexpr int kOrder = 512;

/// Best of several products of this order within about `seconds`.
template <class Multiply>
double best_gflops(double seconds, const Multiply& multiply) {
    constexpr double kFlops = 2.0 * kOrder * kOrder * kOrder;
    multiply();  // the first call touches the library's buffers
    double best = 0;
    const support::Stopwatch all;
    do {
        const support::Stopwatch one;
        multiply();
        best = std::max(best, kFlops / one.seconds() * 1e-9);
    } while (all.seconds() < seconds);
    return best;
}

template <class Real>
double measure_gflops(double seconds) {
    use_one_blas_thread();
    const std::vector<Real> a(std::size_t{kOrder} * kOrder, Real{0.5});
    std::vector<Real> c(a.size());
    return best_gflops(seconds, [&] { gemm(kOrder, a.data(), a.data(), c.data()); });
}

}  // namespace

std::string blas_name() {
    for (const auto& name : {openblas_name(), mkl_name(), blis_name()}) {
        if (!name.empty()) {
            return name;
        }
    }
    return file_name();
}

std::string_view vector_kernels() {
    return two_stage::best_kernels().name;
}

double measure_dgemm_gflops(double seconds) {
    return measure_gflops<double>(seconds);
}

double measure_sgemm_gflops(double seconds) {
    return measure_gflops<float>(seconds);
}

double measure_bf16_gflops(double seconds) {
    const std::vector<float> a(std::size_t{kOrder} * kOrder, 0.5F);
    std::vector<float> c(a.size());
    const ConstFloatView factor{a.data(), kOrder, kOrder, kOrder};
    const PackedShape shape{kOrder, kOrder, PackedParts::one};
    std::vector<std::byte> packed(packed_bytes(shape));
    pack_weights(factor, 0, shape, packed);
    SplitBuffer buffer;
    const SplitInput& input = buffer.assign(factor, ForwardPrecision::bf16);
    ProductScratch scratch;
    return best_gflops(seconds, [&] {
        packed_product(input, {packed, shape}, 0, false, {c.data(), kOrder, kOrder, kOrder},
                       scratch);
    });
}

double expected_dgemm_gflops() {
#if defined(__x86_64__)
    // A BLAS that does not know the processor falls back to SSE kernels: 4 flops a cycle, 8 to 14
    // GFLOP/s at today's clocks. Kernels for AVX2 do 16 a cycle, for AVX-512 16 to 32: 25 and more
    // even at 2 GHz, but half of that when two threads share a core.
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f")) {
        return 18;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        return 12;
    }
#endif
    return 0;
}

void use_one_blas_thread() {
    for (const char* const function :
         {"openblas_set_num_threads", "MKL_Set_Num_Threads", "nvpl_blas_set_num_threads",
          "flexiblas_set_num_threads",
          "omp_set_num_threads"}) {  // LibSci asks OpenMP alone, which counts for each thread
        call_if_present<int>(function, 1);
    }
    call_if_present<long>("bli_thread_set_num_threads", 1);  // BLIS, AOCL; for each thread, too
}

}  // namespace alphaprune::linalg
