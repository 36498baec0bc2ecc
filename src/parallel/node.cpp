#include "alphaprune/parallel/node.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "alphaprune/parallel/native_mpi.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/support/file_system.hpp"
#include "alphaprune/support/machine.hpp"
#include "alphaprune/support/message.hpp"

namespace alphaprune::parallel {
namespace {

const support::Failure<std::string, std::string, std::string> kNoSharedMemory{
    "parallel.shared-memory", "the ranks of this node need {} of shared memory, and {} has {} left",
    "the file system in memory is too small, as in many containers, or full",
    "give it more room (a container: --shm-size or --ipc=host), remove what dead jobs left there, "
    "or start one rank per node with several cores"};

/// Where Open MPI puts windows of shared memory.
std::string backing_folder() {
    const char* chosen = std::getenv("OMPI_MCA_osc_sm_backing_directory");
    return chosen != nullptr ? chosen : "/dev/shm";
}

[[noreturn]] void refuse(std::uint64_t bytes, std::uint64_t room) {
    throw kNoSharedMemory(support::host_name(), support::human_bytes(bytes), backing_folder(),
                          support::human_bytes(room));
}

/// What is free, as the first rank of the node sees it once all ranks have freed what they held
/// before; `otherwise` where that cannot be known.
std::uint64_t room_left(const Communicator& node, std::uint64_t otherwise) {
    node.barrier();
    std::uint64_t room = otherwise;
    if (node.is_root()) {
        std::error_code unknown;
        const auto space = std::filesystem::space(backing_folder(), unknown);
        room = unknown ? otherwise : space.available;
    }
    node.broadcast(std::span(&room, 1));
    return room;
}

/// Fills it with zeros through the kernel, which reports where there is no memory for a page; a
/// plain write would end in SIGBUS there.
bool fill_with_zeros(std::span<std::byte> bytes) {
    const support::Descriptor zeros(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
    if (zeros.get() < 0) {
        return true;  // a system without it: as before
    }
    bool filled = true;
    while (filled && !bytes.empty()) {
        constexpr std::size_t kPiece = std::size_t{64} << 20;
        const ssize_t done = read(zeros.get(), bytes.data(), std::min(bytes.size(), kPiece));
        if (done > 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(done));
        } else {
            filled = done < 0 && errno == EINTR;
        }
    }
    return filled;
}

/// Makes sure that the ranks of a node can share so many bytes, which MPI keeps in a file system in
/// memory; without room there it would end the job without a useful message. Collective.
void require_shared_memory(const Communicator& node, std::uint64_t bytes) {
    if (const std::uint64_t room = room_left(node, bytes); room < bytes) {
        refuse(bytes, room);
    }
}

}  // namespace

void reserve_shared_memory(const Communicator& node, std::span<std::byte> bytes) {
    const RowRange mine =
        share_of(static_cast<std::int64_t>(bytes.size()), node.size(), node.rank());
    const bool filled = fill_with_zeros(
        bytes.subspan(static_cast<std::size_t>(mine.begin), static_cast<std::size_t>(mine.size())));
    if (node.any(!filled)) {
        refuse(bytes.size(), room_left(node, 0));
    }
}

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
void NodeArray<T>::Free::operator()(T* values) const {
    std::free(values);
}

template <class T>
NodeArray<T>::NodeArray(const Communicator& node, std::int64_t size) : node_(&node) {
    const auto count = static_cast<std::size_t>(size);
    if (node.size() == 1) {
        constexpr std::size_t kLine = 64;
        const std::size_t lines = count * sizeof(T) / kLine + 1;
        own_.reset(static_cast<T*>(std::aligned_alloc(kLine, lines * kLine)));
        if (!own_) {
            throw std::bad_alloc();
        }
        std::uninitialized_value_construct_n(own_.get(), count);
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

NodeMap::NodeMap(const Communicator& ranks, std::shared_ptr<const ThreadPool> threads)
    : NodeMap(ranks, ranks.split_by_node(), std::move(threads)) {}

NodeMap::NodeMap(const Communicator& ranks, Communicator node,
                 std::shared_ptr<const ThreadPool> threads)
    : node_(std::move(node)),
      threads_(threads ? std::move(threads) : std::make_shared<const ThreadPool>(1)) {
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
    lines_ = ranks.min(node_.size());
    Communicator line = ranks.split(std::min(node_.rank(), lines_), ranks.rank());
    if (node_.rank() < lines_) {
        line_.emplace(std::move(line));
    }
}

void NodeMap::gather_over_nodes(std::span<std::byte> bytes,
                                const Communicator::Parts& of_nodes) const {
    const WorkClock::Scope exchanging = clock_->during(Work::exchange);
    if (leaders_) {
        leaders_->all_gather_parts(bytes, of_nodes);
    }
}

void NodeMap::sum_over_nodes(std::span<double> values) const {
    const WorkClock::Scope exchanging = clock_->during(Work::exchange);
    if (nodes_ > 1) {
        line_->all_reduce_sum(values);
    }
}

}  // namespace alphaprune::parallel
