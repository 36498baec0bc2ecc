#include "alphaprune/planning/machine_rates.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

#include "alphaprune/linalg/arithmetic.hpp"
#include "alphaprune/support/clock.hpp"
#include "alphaprune/support/log.hpp"

namespace alphaprune::planning {
namespace {

constexpr double kProbeSeconds = 0.02;

/// Bytes moved by a copy from one buffer to another, both beyond a core's share of the caches.
double measure_memory_gbps(double seconds) {
    constexpr std::size_t kBytes = std::size_t{8} << 20;
    std::vector<std::byte> from(kBytes, std::byte{1});
    std::vector<std::byte> to(kBytes, std::byte{2});
    double best = 0;
    const support::Stopwatch all;
    do {
        const support::Stopwatch one;
        std::memcpy(to.data(), from.data(), kBytes);
        best = std::max(best, 2e-9 * static_cast<double>(kBytes) / one.seconds());
        from.front() = to.back();  // each copy is needed by the next
    } while (all.seconds() < seconds);
    return best;
}

/// The fastest rank shows whether the BLAS is a fallback; a slow one may share its core with other
/// work.
void warn_of_slow_blas(double fastest) {
    const double expected = linalg::expected_dgemm_gflops();
    if (fastest < expected) {
        support::log_warning(fmt::format(
            "this BLAS multiplies matrices at {:.1f} GFLOP/s a core, where this processor allows "
            "far more than {:.0f}: if other work is not the cause, name the processor to OpenBLAS, "
            "e.g. OPENBLAS_CORETYPE=Haswell, or SkylakeX where there is AVX-512",
            fastest, expected));
    }
}

}  // namespace

MachineRates measure_machine_rates(const parallel::Communicator& ranks) {
    ranks.barrier();
    double mine[3] = {linalg::measure_dgemm_gflops(kProbeSeconds),
                      linalg::measure_sgemm_gflops(kProbeSeconds / 2),
                      measure_memory_gbps(kProbeSeconds / 2)};
    warn_of_slow_blas(ranks.max(mine[0]));
    ranks.all_reduce_min(std::span<double>(mine));
    MachineRates rates;
    rates.dgemm_gflops = mine[0];
    rates.sgemm_gflops = mine[1];
    rates.memory_gbps = mine[2];
    return rates;
}

}  // namespace alphaprune::planning
