#pragma once

#include <vector>

#include "blacs_grid.hpp"
#include "distributed_gram.hpp"

namespace alphaprune::linalg {

enum class ElpaStages { one, two };

/// Owns an ELPA handle set up for symmetric matrices of one layout. Made, used and destroyed
/// collectively by the ranks of the grid.
class ElpaSolver {
  public:
    /// @throws Error (failure) when ELPA refuses the grid or the layout
    ElpaSolver(const BlacsGrid& grid, const BlockCyclicLayout& layout, ElpaStages stages);
    ElpaSolver(ElpaSolver&& other) noexcept;
    ElpaSolver& operator=(ElpaSolver&&) = delete;
    ~ElpaSolver();

    /// Eigenvalues, ascending, on every rank of the grid. Both triangles must be filled (with one
    /// alone ELPA reports success and returns wrong values); the matrix is destroyed.
    /// @throws Error (failure) when ELPA reports one
    std::vector<double> eigenvalues(DistributedMatrix& full) const;

  private:
    void* handle_ = nullptr;  // elpa_t; its header does not mix with others, see elpa_solver.cpp
};

}  // namespace alphaprune::linalg
