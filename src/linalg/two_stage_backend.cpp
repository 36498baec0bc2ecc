#include <cmath>
#include <optional>
#include <tuple>
#include <utility>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/clock.hpp"
#include "alphaprune/support/message.hpp"
#include "backends.hpp"
#include "blas.hpp"
#include "checked_spectrum.hpp"
#include "two_stage/band_steps.hpp"

namespace alphaprune::linalg {
namespace {

using two_stage::kBand;
using two_stage::Workspace;

const support::BadRequest<> kOverflowsSingle{
    "linalg.overflow-float32", "the squares of the values overflow float32",
    "the Gram matrix of weights this large does not fit single precision",
    "use --precision double or auto"};

/// Eigenvalues of a band as Kernels::chase_bulges takes it, times 2^exponent.
template <class Real>
std::vector<double> eigenvalues_of_band(std::vector<Real> band, std::int64_t order, int exponent) {
    two_stage::kernels<Real>().chase_bulges(order, band.data());
    std::vector<double> diagonal(static_cast<std::size_t>(order));
    std::vector<double> off_diagonal(diagonal.size());
    for (std::size_t i = 0; i < diagonal.size(); ++i) {
        diagonal[i] = std::ldexp(static_cast<double>(band[i * 2 * kBand]), exponent);
        off_diagonal[i] = std::ldexp(static_cast<double>(band[i * 2 * kBand + 1]), exponent);
    }
    const int n = static_cast<int>(order);
    int info = 0;
    dsterf_(&n, diagonal.data(), off_diagonal.data(), &info);
    require_success("dsterf", info);
    return diagonal;
}

template <class Real>
void refuse_too_large(const GramMoments& moments, const std::string& matrix) {
    if (sizeof(Real) < sizeof(double) && !std::isfinite(moments.trace)) {
        throw kOverflowsSingle(matrix);
    }
    refuse_overflow(moments, matrix);
}

/// Whether the upper half of the spectrum was computed well enough in float32 for alpha_mid to be
/// good to 1e-5: its smallest eigenvalue is far above the rounding of the largest.
bool single_suffices(std::span<const double> eigenvalues) {
    constexpr double kLeastShare = 1e-4;  // of the largest; float32 rounds at 6e-8 of it
    return eigenvalues[eigenvalues.size() / 2] > kLeastShare * eigenvalues.back();
}

class TwoStageBackend : public SpectralBackend {
  public:
    /// @param group  on one node; outlives the backend
    TwoStageBackend(const parallel::Communicator& group, Precision precision)
        : group_(group), precision_(precision) {}
    GramSpectrum spectrum_of(MatrixSource& matrix) override;

  private:
    template <class Real>
    Workspace<Real>& workspace_for(std::int64_t order);
    template <class Real>
    void compute(MatrixSource& matrix, GramSpectrum& spectrum);
    bool tried_in_single(MatrixSource& matrix, GramSpectrum& spectrum);

    const parallel::Communicator& group_;
    Precision precision_;
    // Kept from one matrix to the next of the same order, one at a time.
    std::tuple<std::optional<Workspace<double>>, std::optional<Workspace<float>>> workspaces_;
};

template <class Real>
Workspace<Real>& TwoStageBackend::workspace_for(std::int64_t order) {
    auto& mine = std::get<std::optional<Workspace<Real>>>(workspaces_);
    if (!mine || mine->tiling().order != order) {
        workspaces_ = {};  // first: there is memory for one
        parallel::run_collectively(group_, [&] { mine.emplace(group_, order); });
    }
    return *mine;
}

/// Adds to the seconds of `spectrum`: a matrix may be done twice.
template <class Real>
void TwoStageBackend::compute(MatrixSource& matrix, GramSpectrum& spectrum) {
    support::Stopwatch watch;
    const GramShape shape = GramShape::of(matrix);
    Workspace<Real>& workspace = workspace_for<Real>(shape.order);
    two_stage::gram_product(group_, matrix, shape, workspace);
    spectrum.gram_seconds += watch.seconds();

    watch.restart();
    const two_stage::ScaledGram gram = two_stage::scale_gram(group_, workspace);
    parallel::run_collectively(group_,
                               [&] { refuse_too_large<Real>(gram.moments, matrix.name()); });
    std::vector<Real> band = two_stage::reduce_to_band(workspace);
    std::vector<double> values(static_cast<std::size_t>(shape.order));
    parallel::run_collectively(group_, [&] {
        if (group_.is_root()) {
            try {
                values = checked_spectrum(
                    eigenvalues_of_band(std::move(band), shape.order, gram.exponent), gram.moments,
                    Solver::two_stage, matrix.name());
            } catch (const support::Error& error) {
                throw error.faults().front().where.empty()
                    ? solver_failure(error, Solver::two_stage, matrix.name())
                    : error;
            }
        }
    });
    group_.broadcast(std::span(values));
    spectrum.eigenvalues = std::move(values);
    spectrum.eig_seconds += watch.seconds();
}

/// Whether float32 gave a spectrum that will do. Anything wrong with it, such as an overflow, is
/// left for float64 to tell.
bool TwoStageBackend::tried_in_single(MatrixSource& matrix, GramSpectrum& spectrum) {
    try {
        compute<float>(matrix, spectrum);
        return single_suffices(spectrum.eigenvalues);
    } catch (const support::Error&) {
        return false;
    }
}

GramSpectrum TwoStageBackend::spectrum_of(MatrixSource& matrix) {
    GramSpectrum spectrum;
    if (precision_ == Precision::in_single) {
        compute<float>(matrix, spectrum);
        spectrum.in_single = true;
    } else if (precision_ == Precision::automatic && tried_in_single(matrix, spectrum)) {
        spectrum.in_single = true;
    } else {
        compute<double>(matrix, spectrum);
    }
    return spectrum;
}

}  // namespace

std::unique_ptr<SpectralBackend> make_two_stage_backend(const parallel::Communicator& group,
                                                        Precision precision) {
    return std::make_unique<TwoStageBackend>(group, precision);
}

std::uint64_t two_stage_memory(int group_ranks, std::int64_t order, std::int64_t depth) {
    const std::int64_t shared = Workspace<double>::values_needed(order);
    // The band on the group's root, in addition to the shared memory; a buffer to read into.
    const std::int64_t band = (order + 3 * kBand) * 2 * kBand + 2 * order;
    const std::int64_t read = 64 * std::min(order, depth);
    return static_cast<std::uint64_t>((shared + group_ranks - 1) / group_ranks + band + read) *
           sizeof(double);
}

}  // namespace alphaprune::linalg
