#pragma once

#include <memory>
#include <vector>

#include "distributed_gram.hpp"

namespace alphaprune::linalg {

/// Owns an ELPA handle set up for symmetric matrices of one layout. Made, used and destroyed
/// collectively by the ranks of the grid.
class ElpaSolver {
  public:
    /// @param solver  elpa1 or elpa2
    /// @throws Error (failure) when ELPA refuses the grid or the layout
    ElpaSolver(const BlacsGrid& grid, const BlockCyclicLayout& layout, Solver solver);

    /// Eigenvalues, ascending, on every rank of the grid. Both triangles must be filled (with one
    /// alone ELPA reports success and returns wrong values); the matrix is destroyed.
    /// @throws Error (failure) when ELPA reports one
    std::vector<double> eigenvalues(DistributedMatrix& full) const;

  private:
    struct Deallocate {
        void operator()(void* handle) const;
    };
    // An elpa_t; its header does not mix with others, see elpa_solver.cpp.
    std::unique_ptr<void, Deallocate> handle_;
};

}  // namespace alphaprune::linalg
