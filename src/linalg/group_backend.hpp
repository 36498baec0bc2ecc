#pragma once

#include <optional>
#include <vector>

#include "alphaprune/linalg/spectral_backend.hpp"
#include "blacs_grid.hpp"
#include "distributed_gram.hpp"

namespace alphaprune::linalg {

/// The ranks of a group compute one spectrum together, with ELPA or ScaLAPACK.
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

}  // namespace alphaprune::linalg
