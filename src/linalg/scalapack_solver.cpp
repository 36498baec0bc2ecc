#include "scalapack_solver.hpp"

#include <algorithm>
#include <array>

#include "checked_spectrum.hpp"
#include "scalapack.hpp"

namespace alphaprune::linalg {

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

}  // namespace alphaprune::linalg
