#include "workspace.hpp"

#include <sys/mman.h>

namespace alphaprune::linalg::two_stage {

template <class Real>
Workspace<Real>::Workspace(const parallel::Communicator& team, std::int64_t order)
    : tiling_{order}, share_{team.rank(), team.size()} {
    const std::int64_t size = values_needed(order);
    if (team.size() > 1) {
        shared_.emplace(team, size);
        start_ = shared_->values().data();
        return;
    }
    // Huge pages: a tile's rows lie far apart, and fewer pages are allocated faster.
    constexpr std::size_t kHugePage = std::size_t{1} << 21;
    const std::size_t bytes = static_cast<std::size_t>(size) * sizeof(Real);
    const std::size_t alignment = bytes >= kHugePage ? kHugePage : 64;
    const std::size_t whole = (bytes / alignment + 1) * alignment;
    alone_ = aligned_memory<Real>(alignment, whole, order, order);
    if (alignment == kHugePage) {
        madvise(alone_.get(), whole, MADV_HUGEPAGE);  // a wish: it may be refused
    }
    start_ = alone_.get();
}

template class Workspace<double>;
template class Workspace<float>;

}  // namespace alphaprune::linalg::two_stage
