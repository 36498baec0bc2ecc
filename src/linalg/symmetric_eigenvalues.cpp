#include "symmetric_eigenvalues.hpp"

#include <algorithm>
#include <utility>

#include "blas.hpp"
#include "checked_spectrum.hpp"

namespace alphaprune::linalg {
namespace {

constexpr int kAskForSize = -1;  // LAPACK's workspace query

std::vector<double> workspace(double answer) {
    return std::vector<double>(static_cast<std::size_t>(std::max(answer, 1.0)));
}

/// The band of the reduced matrix, (kd+1)×n, in LAPACK's lower band storage.
Matrix reduced_to_band(Matrix& lower, int kd) {
    const int n = static_cast<int>(lower.rows());
    const int rows = kd + 1;
    Matrix band(rows, n);
    std::vector<double> tau(static_cast<std::size_t>(std::max(1, n)));
    double size = 0;
    int info = 0;
    dsytrd_sy2sb_("L", &n, &kd, lower.data(), &n, band.data(), &rows, tau.data(), &size,
                  &kAskForSize, &info, 1);
    require_success("dsytrd_sy2sb", info);
    std::vector<double> work = workspace(size);
    const int length = static_cast<int>(work.size());
    dsytrd_sy2sb_("L", &n, &kd, lower.data(), &n, band.data(), &rows, tau.data(), work.data(),
                  &length, &info, 1);
    require_success("dsytrd_sy2sb", info);
    return band;
}

struct Tridiagonal {
    std::vector<double> diagonal;
    std::vector<double> off_diagonal;
};

Tridiagonal reduced_to_tridiagonal(Matrix& band) {
    const int n = static_cast<int>(band.cols());
    const int rows = static_cast<int>(band.rows());
    const int kd = rows - 1;
    Tridiagonal form{std::vector<double>(static_cast<std::size_t>(n)),
                     std::vector<double>(static_cast<std::size_t>(n))};
    double hous_size = 0;
    double work_size = 0;
    int info = 0;
    dsytrd_sb2st_("Y", "N", "L", &n, &kd, band.data(), &rows, form.diagonal.data(),
                  form.off_diagonal.data(), &hous_size, &kAskForSize, &work_size, &kAskForSize,
                  &info, 1, 1, 1);
    require_success("dsytrd_sb2st", info);
    std::vector<double> hous = workspace(hous_size);
    std::vector<double> work = workspace(work_size);
    const int hous_length = static_cast<int>(hous.size());
    const int work_length = static_cast<int>(work.size());
    dsytrd_sb2st_("Y", "N", "L", &n, &kd, band.data(), &rows, form.diagonal.data(),
                  form.off_diagonal.data(), hous.data(), &hous_length, work.data(), &work_length,
                  &info, 1, 1, 1);
    require_success("dsytrd_sb2st", info);
    return form;
}

}  // namespace

int bandwidth_for(std::int64_t order) {
    const int best = order <= 1024 ? 32 : order <= 4096 ? 48 : 64;  // as measured
    return static_cast<int>(std::min<std::int64_t>(best, order - 1));
}

std::vector<double> eigenvalues_one_stage(Matrix& lower) {
    const int n = static_cast<int>(lower.rows());
    std::vector<double> values(static_cast<std::size_t>(n));
    double work_size = 0;
    int iwork_size = 0;
    int info = 0;
    dsyevd_("N", "L", &n, lower.data(), &n, values.data(), &work_size, &kAskForSize, &iwork_size,
            &kAskForSize, &info, 1, 1);
    require_success("dsyevd", info);
    std::vector<double> work = workspace(work_size);
    std::vector<int> iwork(static_cast<std::size_t>(std::max(iwork_size, 1)));
    const int work_length = static_cast<int>(work.size());
    const int iwork_length = static_cast<int>(iwork.size());
    dsyevd_("N", "L", &n, lower.data(), &n, values.data(), work.data(), &work_length, iwork.data(),
            &iwork_length, &info, 1, 1);
    require_success("dsyevd", info);
    return values;
}

std::vector<double> eigenvalues_two_stage(Matrix& lower) {
    const int n = static_cast<int>(lower.rows());
    if (n == 1) {
        return {lower(0, 0)};
    }
    Matrix band = reduced_to_band(lower, bandwidth_for(n));
    Tridiagonal form = reduced_to_tridiagonal(band);
    int info = 0;
    dsterf_(&n, form.diagonal.data(), form.off_diagonal.data(), &info);
    require_success("dsterf", info);
    return std::move(form.diagonal);
}

}  // namespace alphaprune::linalg
