#include "alphaprune/parallel/node_array.hpp"

#include <utility>

#include "shared_memory.hpp"

namespace alphaprune::parallel {

template <class T>
NodeArray<T>::NodeArray(const Communicator& node, std::int64_t size) : node_(&node) {
    if (node.size() == 1) {
        own_ = std::make_unique_for_overwrite<T[]>(static_cast<std::size_t>(size));
        values_ = {own_.get(), static_cast<std::size_t>(size)};
        return;
    }
    require_shared_memory(node, static_cast<std::uint64_t>(size) * sizeof(T));
    const MPI_Aint bytes = node.is_root() ? size * static_cast<MPI_Aint>(sizeof(T)) : 0;
    T* mine = nullptr;
    check_mpi(
        MPI_Win_allocate_shared(bytes, sizeof(T), MPI_INFO_NULL, node.native(), &mine, &window_),
        "MPI_Win_allocate_shared");
    check_mpi(MPI_Win_set_errhandler(window_, MPI_ERRORS_RETURN), "MPI_Win_set_errhandler");
    MPI_Aint whole_bytes = 0;
    int unit = 0;
    T* whole = nullptr;
    check_mpi(MPI_Win_shared_query(window_, 0, &whole_bytes, &unit, &whole),
              "MPI_Win_shared_query");
    check_mpi(MPI_Win_lock_all(MPI_MODE_NOCHECK, window_), "MPI_Win_lock_all");
    values_ = {whole, static_cast<std::size_t>(size)};
    try {
        reserve_shared_memory(node, std::as_writable_bytes(values_));
    } catch (...) {
        release();
        throw;
    }
}

template <class T>
NodeArray<T>::NodeArray(NodeArray&& other) noexcept
    : node_(other.node_),
      window_(std::exchange(other.window_, MPI_WIN_NULL)),
      own_(std::move(other.own_)),
      values_(std::exchange(other.values_, {})) {}

template <class T>
NodeArray<T>& NodeArray<T>::operator=(NodeArray&& other) noexcept {
    if (this != &other) {
        release();
        node_ = other.node_;
        window_ = std::exchange(other.window_, MPI_WIN_NULL);
        own_ = std::move(other.own_);
        values_ = std::exchange(other.values_, {});
    }
    return *this;
}

template <class T>
NodeArray<T>::~NodeArray() {
    release();
}

template <class T>
void NodeArray<T>::release() noexcept {
    if (window_ != MPI_WIN_NULL) {
        static_cast<void>(MPI_Win_unlock_all(window_));
        static_cast<void>(MPI_Win_free(&window_));
    }
}

template <class T>
void NodeArray<T>::sync() {
    if (window_ == MPI_WIN_NULL) {
        return;
    }
    check_mpi(MPI_Win_sync(window_), "MPI_Win_sync");
    node_->barrier();
    check_mpi(MPI_Win_sync(window_), "MPI_Win_sync");
}

template class NodeArray<float>;
template class NodeArray<double>;

}  // namespace alphaprune::parallel
