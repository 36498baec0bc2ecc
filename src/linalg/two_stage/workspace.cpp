#include "workspace.hpp"

#include <sys/mman.h>

#include <cstdlib>

#include "alphaprune/support/machine.hpp"
#include "alphaprune/support/message.hpp"

namespace alphaprune::linalg::two_stage {
namespace {

const support::Failure<std::string> kNoRoom{
    "linalg.no-room-for-spectrum", "out of memory: no room for a spectrum ({})",
    "the ranks of this node, or other programs on it, take more memory than there is",
    "give each rank more memory, or let more ranks share one matrix"};

}  // namespace

template <class Real>
TeamMemory<Real>::TeamMemory(const parallel::Communicator& team, std::int64_t size) {
    if (team.size() > 1) {
        shared_.emplace(team, size);
        values_ = shared_->values();
        return;
    }
    // Huge pages: a tile's rows lie far apart, and fewer pages are allocated faster.
    constexpr std::size_t kHugePage = std::size_t{1} << 21;
    const std::size_t bytes = static_cast<std::size_t>(size) * sizeof(Real);
    const std::size_t alignment = bytes >= kHugePage ? kHugePage : 64;
    const std::size_t whole = (bytes / alignment + 1) * alignment;
    alone_.reset(static_cast<Real*>(std::aligned_alloc(alignment, whole)));
    if (!alone_) {
        throw kNoRoom(support::host_name(), support::human_bytes(whole));
    }
    if (alignment == kHugePage) {
        madvise(alone_.get(), whole, MADV_HUGEPAGE);  // a wish: it may be refused
    }
    values_ = {alone_.get(), static_cast<std::size_t>(size)};
}

template <class Real>
void TeamMemory<Real>::sync() {
    if (shared_) {
        shared_->sync();
    }
}

template <class Real>
void TeamMemory<Real>::Free::operator()(Real* values) const {
    std::free(values);
}

template class TeamMemory<double>;
template class TeamMemory<float>;

}  // namespace alphaprune::linalg::two_stage
