#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/clock.hpp"
#include "backends.hpp"
#include "distributed_gram.hpp"
#include "elpa_solver.hpp"
#include "scalapack.hpp"

namespace alphaprune::linalg {
namespace {

/// Eigenvalues, ascending, of the matrix whose lower triangle is given; it is destroyed. Collective
/// over the grid. @throws Error (failure) when pdsyev reports one
std::vector<double> scalapack_eigenvalues(const BlacsGrid& grid, DistributedMatrix& lower) {
    const std::array<int, 9> desc = grid.descriptor(lower.layout);
    const int n = static_cast<int>(lower.layout.rows.size);
    std::vector<double> values(static_cast<std::size_t>(n));
    double no_vectors = 0;
    int info = 0;
    // pdsyevd cannot do without vectors, so pdsyev it is.
    const auto solve = [&](double* work, int length) {
        pdsyev_("N", "L", &n, lower.local.data(), &kFirst, &kFirst, desc.data(), values.data(),
                &no_vectors, &kFirst, &kFirst, desc.data(), work, &length, &info, 1, 1);
        require_success("pdsyev", info);
    };
    std::array<double, 3> size{};
    solve(size.data(), -1);
    std::vector<double> work(static_cast<std::size_t>(std::max(size[0], 1.0)));
    solve(work.data(), static_cast<int>(work.size()));
    return values;
}

class GroupBackend : public SpectralBackend {
  public:
    GroupBackend(Solver solver, const parallel::Communicator& group)
        : solver_(solver), group_(group) {}
    GramSpectrum spectrum_of(MatrixSource& matrix) override;

  private:
    const BlacsGrid& grid_for(std::int64_t order);
    std::vector<double> solved(const BlacsGrid& grid, DistributedMatrix& gram,
                               const std::string& matrix) const;

    Solver solver_;
    const parallel::Communicator& group_;
    std::optional<BlacsGrid> grid_;  ///< kept from one matrix to the next
};

const BlacsGrid& GroupBackend::grid_for(std::int64_t order) {
    const GridShape shape = near_square_grid(group_.size(), order);
    if (!grid_ || grid_->shape() != shape) {
        grid_.reset();
        grid_.emplace(group_, shape);
    }
    return *grid_;
}

std::vector<double> GroupBackend::solved(const BlacsGrid& grid, DistributedMatrix& gram,
                                         const std::string& matrix) const {
    // Each step ends with agreement: no rank enters a collective one that another cannot enter.
    const auto step = [&](auto&& action) {
        parallel::run_collectively(group_, [&] {
            try {
                if (grid.member()) {
                    action();
                }
            } catch (const support::Error& error) {
                throw solver_failure(error, solver_, matrix);
            }
        });
    };
    std::vector<double> values(static_cast<std::size_t>(gram.layout.rows.size));
    if (solver_ == Solver::scalapack) {
        step([&] { values = scalapack_eigenvalues(grid, gram); });
    } else if constexpr (ALPHAPRUNE_HAS_ELPA) {
        std::optional<ElpaSolver> elpa;
        Matrix scratch;
        step([&] { scratch = Matrix(gram.local.rows(), gram.local.cols()); });
        step([&] { mirror_lower_triangle(grid, gram, scratch); });
        scratch = {};  // ELPA needs the memory
        step([&] { elpa.emplace(grid, gram.layout, solver_); });
        step([&] { values = elpa->eigenvalues(gram); });
    }
    group_.broadcast(std::span(values));  // the same bits everywhere, also outside the grid
    return values;
}

GramSpectrum GroupBackend::spectrum_of(MatrixSource& matrix) {
    GramSpectrum spectrum;
    support::Stopwatch watch;
    const BlacsGrid& grid = grid_for(std::min(matrix.rows(), matrix.cols()));
    DistributedMatrix gram = distributed_gram(group_, grid, matrix);
    spectrum.gram_seconds = watch.seconds();

    watch.restart();
    const GramMoments moments = moments_of(group_, gram);
    parallel::run_collectively(group_, [&] { refuse_overflow(moments, matrix.name()); });
    std::vector<double> values = solved(grid, gram, matrix.name());
    spectrum.eigenvalues = parallel::run_collectively(group_, [&] {
        return checked_spectrum(std::move(values), moments, solver_, matrix.name());
    });
    spectrum.eig_seconds = watch.seconds();
    return spectrum;
}

}  // namespace

std::unique_ptr<SpectralBackend> make_group_backend(Solver solver,
                                                    const parallel::Communicator& group) {
    return std::make_unique<GroupBackend>(solver, group);
}

}  // namespace alphaprune::linalg
