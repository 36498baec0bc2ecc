#pragma once

#include <array>

#include "alphaprune/linalg/spectral_backend.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "block_cyclic.hpp"

namespace alphaprune::linalg {

/// The first row or column of a matrix, as ScaLAPACK counts them.
inline constexpr int kFirst = 1;

/// Owns a BLACS context, its system handle and the communicator below them, for the first ranks of
/// a group. Made and destroyed collectively by the group, and destroyed before MPI ends.
class BlacsGrid {
  public:
    BlacsGrid(const parallel::Communicator& group, GridShape shape);
    ~BlacsGrid();
    BlacsGrid(const BlacsGrid&) = delete;
    BlacsGrid& operator=(const BlacsGrid&) = delete;

    GridShape shape() const { return shape_; }
    /// False on ranks of the group that the grid leaves out.
    bool member() const { return row_ >= 0; }
    int row() const { return row_; }
    int col() const { return col_; }
    /// The ranks of the grid; on the others, those left out.
    const parallel::Communicator& ranks() const { return ranks_; }

    CyclicDimension over_rows(std::int64_t size, std::int64_t block) const {
        return {size, block, shape_.rows, row_};
    }
    CyclicDimension over_cols(std::int64_t size, std::int64_t block) const {
        return {size, block, shape_.cols, col_};
    }
    /// ScaLAPACK's descriptor of a matrix on this grid.
    std::array<int, 9> descriptor(const BlockCyclicLayout& layout) const;

  private:
    GridShape shape_;
    parallel::Communicator ranks_;
    int handle_ = -1;
    int context_ = -1;
    int row_ = -1;
    int col_ = -1;
};

}  // namespace alphaprune::linalg
