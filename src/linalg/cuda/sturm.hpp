#pragma once

#include "kernel_body.hpp"

// Eigenvalues of a symmetric tridiagonal matrix by bisection: Sylvester's law of inertia says how
// many lie below x (Demmel, Applied Numerical Linear Algebra, 5.3.4).

namespace alphaprune::linalg::kernels {

/// One step of the factorization of T − x I: the next pivot.
/// @param before        the pivot before; any number where off_square is 0
/// @param off_square    square of the off-diagonal value between the two
/// @param least  pivots are kept away from zero by it
ALPHAPRUNE_KERNEL double next_pivot(double diagonal, double off_square, double before, double x,
                                    double least) {
    const double pivot = diagonal - x - off_square / before;
    return pivot < least && pivot > -least ? -least : pivot;
}

/// Where the eigenvalues of a matrix lie, and how well they are to be found.
struct SturmBounds {
    double low = 0;    ///< below all of them
    double high = 0;   ///< above all of them
    int halvings = 0;  ///< of that interval, until it is small enough
    double least_pivot = 0;
};

}  // namespace alphaprune::linalg::kernels
