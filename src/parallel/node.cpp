#include "alphaprune/parallel/node.hpp"

#include <utility>

#include "alphaprune/parallel/native_mpi.hpp"
#include "shared_memory.hpp"

namespace alphaprune::parallel {

template <class T>
struct NodeArray<T>::Window {
    MPI_Win handle = MPI_WIN_NULL;
    T* values = nullptr;

    Window(const Communicator& node, std::int64_t size) {
        const auto all = size * static_cast<MPI_Aint>(sizeof(T));
        check_mpi(MPI_Win_allocate_shared(node.is_root() ? all : 0, sizeof(T), MPI_INFO_NULL,
                                          native(node), &values, &handle),
                  "MPI_Win_allocate_shared");
        check_mpi(MPI_Win_set_errhandler(handle, MPI_ERRORS_RETURN), "MPI_Win_set_errhandler");
        MPI_Aint bytes = 0;
        int unit = 0;
        check_mpi(MPI_Win_shared_query(handle, 0, &bytes, &unit, &values), "MPI_Win_shared_query");
        check_mpi(MPI_Win_lock_all(MPI_MODE_NOCHECK, handle), "MPI_Win_lock_all");
    }
    Window(const Window&) = delete;
    Window& operator=(const Window&) = delete;
    ~Window() {
        static_cast<void>(MPI_Win_unlock_all(handle));
        static_cast<void>(MPI_Win_free(&handle));
    }
};

template <class T>
NodeArray<T>::NodeArray(const Communicator& node, std::int64_t size) : node_(&node) {
    const auto count = static_cast<std::size_t>(size);
    if (node.size() == 1) {
        own_ = std::make_unique<T[]>(count);
        values_ = {own_.get(), count};
        return;
    }
    require_shared_memory(node, count * sizeof(T));
    window_ = std::make_unique<Window>(node, size);
    values_ = {window_->values, count};
    reserve_shared_memory(node, std::as_writable_bytes(values_));
}

template <class T>
NodeArray<T>::NodeArray(NodeArray&& other) noexcept = default;
template <class T>
NodeArray<T>& NodeArray<T>::operator=(NodeArray&& other) noexcept = default;
template <class T>
NodeArray<T>::~NodeArray() = default;

template <class T>
void NodeArray<T>::sync() {
    if (window_) {
        check_mpi(MPI_Win_sync(window_->handle), "MPI_Win_sync");
        node_->barrier();
        check_mpi(MPI_Win_sync(window_->handle), "MPI_Win_sync");
    }
}

template class NodeArray<float>;
template class NodeArray<double>;

NodeMap::NodeMap(const Communicator& ranks) : NodeMap(ranks, ranks.split_by_node()) {}

NodeMap::NodeMap(const Communicator& ranks, Communicator node) : node_(std::move(node)) {
    constexpr int kLeaders = 0;
    constexpr int kOthers = 1;
    Communicator half = ranks.split(node_.is_root() ? kLeaders : kOthers, ranks.rank());
    int number = half.rank();  // a leader's number is its node's number
    node_.broadcast(std::span(&number, 1));
    node_of_rank_ = ranks.all_gather(number);
    nodes_ = ranks.sum(node_.is_root() ? 1 : 0);
    if (node_.is_root()) {
        leaders_.emplace(std::move(half));
    }
}

void NodeMap::broadcast_from_node_of(int rank, std::span<float> values) const {
    if (leaders_ && nodes_ > 1) {
        leaders_->broadcast(values, node_of_rank_[static_cast<std::size_t>(rank)]);
    }
}

}  // namespace alphaprune::parallel
