#pragma once

#include <map>
#include <memory>

#include "alphaprune/model/weight_reader.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/schedule/spectrum_phase.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune {

/// One group of ranks at work on one matrix after another. Made, used and destroyed collectively by
/// the group.
class GroupWorker {
  public:
    /// @param group   outlives the worker, as catalogue, options and results do
    /// @param owner   of the results: this rank, as others call it
    GroupWorker(const Communicator& group, int owner, const Catalogue& catalogue,
                const SpectrumOptions& options, SpectrumResults& results);

    /// Into the results of the group's root, and its journal. A solver that fails is followed by
    /// another.
    void solve(const PlannedMatrix& planned);

    /// This rank will be asked to solve that one next.
    void will_need(const PlannedMatrix& planned);

  private:
    const MatrixInfo& matrix(const PlannedMatrix& planned) const;
    SpectralBackend& backend(Solver solver);
    GramSpectrum solve_again(Solver solver, MatrixSource& source, const Error& first);

    const Communicator& group_;
    int owner_;
    const Catalogue& catalogue_;
    const SpectrumOptions& options_;
    SpectrumResults& results_;
    WeightReader reader_;
    std::map<Solver, std::unique_ptr<SpectralBackend>> backends_;
};

}  // namespace alphaprune
