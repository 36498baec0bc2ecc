#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "alphaprune/linalg/far_lane.hpp"
#include "alphaprune/pruning/pruners.hpp"
#include "site_statistics.hpp"

namespace alphaprune::pruning {

/// UnmaskedFit far from the processor.
class FarFit {
  public:
    /// Collective. @param statistics  finished, far, with targets; outlives the object
    /// @throws Error (failure) on all ranks when H+δI is not positive definite, or where the memory
    /// there does not suffice
    FarFit(const BlockInputs& inputs, SiteStatistics& statistics, const PrunerSettings& settings,
           const std::string& where);

    /// Moves rows of a matrix of the site, which are there.
    /// @param rows  which of the matrix
    void move(float* weights, parallel::RowRange rows);
    /// Moves rows that are in the processor's memory.
    void move(const MatrixRows& rows);

  private:
    SiteStatistics& statistics_;
    linalg::FarBuffer inverse_;    ///< (H+δI)⁻¹
    linalg::FarBuffer gradients_;  ///< G
    linalg::FarBuffer weights_;
};

}  // namespace alphaprune::pruning
