#include "alphaprune/parallel/node_array.hpp"

#include <utility>

namespace alphaprune {

NodeArray::NodeArray(const Communicator& node, std::int64_t size) : node_(&node) {
    const MPI_Aint bytes = node.is_root() ? size * static_cast<MPI_Aint>(sizeof(float)) : 0;
    float* mine = nullptr;
    MPI_Win_allocate_shared(bytes, sizeof(float), MPI_INFO_NULL, node.native(), &mine, &window_);
    MPI_Aint whole_bytes = 0;
    int unit = 0;
    float* whole = nullptr;
    MPI_Win_shared_query(window_, 0, &whole_bytes, &unit, &whole);
    MPI_Win_lock_all(MPI_MODE_NOCHECK, window_);
    values_ = {whole, static_cast<std::size_t>(size)};
}

NodeArray::NodeArray(NodeArray&& other) noexcept
    : node_(other.node_),
      window_(std::exchange(other.window_, MPI_WIN_NULL)),
      values_(std::exchange(other.values_, {})) {}

NodeArray& NodeArray::operator=(NodeArray&& other) noexcept {
    if (this != &other) {
        release();
        node_ = other.node_;
        window_ = std::exchange(other.window_, MPI_WIN_NULL);
        values_ = std::exchange(other.values_, {});
    }
    return *this;
}

NodeArray::~NodeArray() {
    release();
}

void NodeArray::release() noexcept {
    if (window_ != MPI_WIN_NULL) {
        MPI_Win_unlock_all(window_);
        MPI_Win_free(&window_);
    }
}

void NodeArray::sync() {
    MPI_Win_sync(window_);
    node_->barrier();
    MPI_Win_sync(window_);
}

}  // namespace alphaprune
