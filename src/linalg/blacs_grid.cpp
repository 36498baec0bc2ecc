#include "blacs_grid.hpp"

#include <algorithm>

#include "alphaprune/parallel/native_mpi.hpp"
#include "scalapack.hpp"

namespace alphaprune::linalg {

BlacsGrid::BlacsGrid(const parallel::Communicator& group, GridShape shape)
    : shape_(shape), ranks_(group.split(group.rank() < shape.ranks() ? 0 : 1, group.rank())) {
    if (group.rank() < shape.ranks()) {
        // BLACS and ELPA do not look at what MPI returns: an error must not come back to them.
        parallel::check_mpi(MPI_Comm_set_errhandler(parallel::native(ranks_), MPI_ERRORS_ARE_FATAL),
                            "MPI_Comm_set_errhandler");
        handle_ = Csys2blacs_handle(parallel::native(ranks_));
        context_ = handle_;
        Cblacs_gridinit(&context_, "C", shape_.rows, shape_.cols);
        GridShape made;
        Cblacs_gridinfo(context_, &made.rows, &made.cols, &row_, &col_);
    }
}

BlacsGrid::~BlacsGrid() {
    if (context_ >= 0) {
        Cblacs_gridexit(context_);
        Cfree_blacs_system_handle(handle_);
    }
}

std::array<int, 9> BlacsGrid::descriptor(const BlockCyclicLayout& layout) const {
    constexpr int kDense = 1;
    return {kDense,
            context_,
            static_cast<int>(layout.rows.size),
            static_cast<int>(layout.cols.size),
            static_cast<int>(layout.rows.block),
            static_cast<int>(layout.cols.block),
            0,
            0,
            static_cast<int>(std::max<std::int64_t>(1, layout.rows.local_size()))};
}

}  // namespace alphaprune::linalg
