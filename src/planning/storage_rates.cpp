#include "alphaprune/planning/storage_rates.hpp"

#include <algorithm>
#include <system_error>
#include <vector>

#include "alphaprune/model/weight_check.hpp"
#include "alphaprune/model/weight_reader.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/clock.hpp"
#include "alphaprune/support/file.hpp"

namespace alphaprune::planning {
namespace {

constexpr double kSeconds = 0.05;

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
            if (watch.seconds() > kSeconds) {
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

double measure_reading_gbps(const parallel::Communicator& ranks,
                            const model::Catalogue& catalogue) {
    ranks.barrier();
    const double mine = parallel::together(
        ranks, [&] { return reading_rate(catalogue, ranks.rank(), ranks.size()); });
    const double parties =
        catalogue.origin == model::WeightOrigin::synthetic ? ranks.size() : nodes_of(ranks);
    return ranks.sum(mine) / parties * 1e-9;
}

double measure_writing_gbps(const parallel::Communicator& ranks,
                            const std::filesystem::path& folder) {
    ranks.barrier();
    const double mine =
        parallel::together(ranks, [&] { return writing_rate(folder, ranks.rank()); });
    return ranks.sum(mine) / nodes_of(ranks) * 1e-9;
}

}  // namespace alphaprune::planning
