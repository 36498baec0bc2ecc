#include "alphaprune/planning/machine_rates.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "alphaprune/linalg/arithmetic.hpp"
#include "alphaprune/model/weight_reader.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/clock.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/message.hpp"

namespace alphaprune::planning {
namespace {

const support::Warning<double, double> kSlowBlas{
    "planning.slow-blas",
    "this BLAS multiplies matrices at {:.1f} GFLOP/s per core, where this processor allows far "
    "more than {:.0f}: if other work is not the cause, name the processor to OpenBLAS, e.g. "
    "OPENBLAS_CORETYPE=Haswell, or SkylakeX if it has AVX-512",
    "other work runs on the cores, or OpenBLAS works with slow kernels, which the program replaces "
    "only where the library can choose and OPENBLAS_CORETYPE is not set",
    "set OPENBLAS_CORETYPE, or leave the cores to this job"};

constexpr double kProbeSeconds = 0.02;
constexpr double kReadingSeconds = 0.05;

/// Bytes moved by a copy from one buffer to another, both beyond a core's share of the caches.
double measure_memory_gbps(double seconds) {
    constexpr std::size_t kBytes = kProbeBytes / 2;
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
        support::log_warning(kSlowBlas(fastest, expected));
    }
}

/// Bytes a second that this rank gets, its ranks reading different matrices.
double reading_rate(const model::Catalogue& catalogue, int rank, int ranks) {
    model::WeightReader reader(catalogue);
    std::vector<std::byte> piece;
    double bytes = 0;
    const support::Stopwatch watch;
    for (std::size_t m = static_cast<std::size_t>(rank); m < catalogue.matrices.size();
         m += static_cast<std::size_t>(ranks)) {
        const model::TensorInfo& tensor = catalogue.tensor_of(catalogue.matrices[m]);
        constexpr std::int64_t kValues = 1 << 20;
        const std::int64_t step = std::max<std::int64_t>(1, kValues / tensor.row_length());
        for (std::int64_t row = 0; row < tensor.rows(); row += step) {
            if (watch.seconds() > kReadingSeconds) {
                return bytes / watch.seconds();
            }
            const parallel::RowRange rows{row, std::min(row + step, tensor.rows())};
            piece.resize(static_cast<std::size_t>(rows.size()) * tensor.row_bytes());
            reader.read_rows(tensor, rows, piece);
            bytes += static_cast<double>(piece.size());
        }
    }
    return bytes / watch.seconds();
}

/// A file that is gone when the object is.
class ScratchFile {
  public:
    explicit ScratchFile(std::filesystem::path path) : path_(std::move(path)) {}
    ScratchFile(const ScratchFile&) = delete;
    ScratchFile& operator=(const ScratchFile&) = delete;
    ~ScratchFile() {
        std::error_code ignored;
        std::filesystem::remove(path_, ignored);
    }
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

double writing_rate(const std::filesystem::path& folder, int rank) {
    constexpr std::size_t kBytes = std::size_t{32} << 20;
    const ScratchFile scratch(folder / (".alphaprune-probe-" + std::to_string(rank)));
    const std::vector<std::byte> bytes(kBytes, std::byte{1});
    const support::Stopwatch watch;
    support::File file = support::File::create(scratch.path());
    file.write(bytes);
    file.sync();
    return static_cast<double>(kBytes) / watch.seconds();
}

double nodes_of(const parallel::Communicator& ranks) {
    return ranks.sum(ranks.split_by_node().is_root() ? 1 : 0);
}

}  // namespace

CardRates card_rates(const MachineRates& rates) {
    const double share = rates.card_gflops / MachineRates{}.card_gflops;
    return {.bf16_gflops = rates.card_gflops,
            .attention_gflops = 273e3 * share,
            .tf32_gflops = 212e3 * share,
            .sgemm_gflops = 45e3 * share,
            .dgemm_gflops = 50e3 * share};
}

MachineRates measure_machine_rates(const parallel::Communicator& ranks,
                                   linalg::ForwardPrecision products) {
    ranks.barrier();
    const bool has_bf16 =
        products != linalg::ForwardPrecision::float32 && linalg::has_bf16_products();
    double mine[4] = {linalg::measure_dgemm_gflops(kProbeSeconds),
                      linalg::measure_sgemm_gflops(kProbeSeconds / 2),
                      measure_memory_gbps(kProbeSeconds / 2),
                      has_bf16 ? linalg::measure_bf16_gflops(kProbeSeconds / 2) : 0};
    warn_of_slow_blas(ranks.max(mine[0]));
    ranks.all_reduce_min(std::span<double>(mine));
    MachineRates rates;
    rates.dgemm_gflops = mine[0];
    rates.sgemm_gflops = mine[1];
    rates.memory_gbps = mine[2];
    rates.bf16_gflops = mine[3] > 0 ? mine[3] : kBf16OverSgemm * mine[1];
    return rates;
}

double measure_reading_gbps(const parallel::Communicator& ranks,
                            const model::Catalogue& catalogue) {
    ranks.barrier();
    const double mine = parallel::run_collectively(
        ranks, [&] { return reading_rate(catalogue, ranks.rank(), ranks.size()); });
    const double parties =
        catalogue.origin == model::WeightOrigin::synthetic ? ranks.size() : nodes_of(ranks);
    return ranks.sum(mine) / parties * 1e-9;
}

double measure_writing_gbps(const parallel::Communicator& ranks,
                            const std::filesystem::path& folder) {
    ranks.barrier();
    const double mine =
        parallel::run_collectively(ranks, [&] { return writing_rate(folder, ranks.rank()); });
    return ranks.sum(mine) / nodes_of(ranks) * 1e-9;
}

}  // namespace alphaprune::planning
