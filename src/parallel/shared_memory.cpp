#include "shared_memory.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "alphaprune/parallel/share.hpp"
#include "alphaprune/support/machine.hpp"
#include "alphaprune/support/message.hpp"

namespace alphaprune::parallel {
namespace {

const support::Failure<std::string, std::string, std::string> kNoSharedMemory{
    "parallel.shared-memory", "the ranks of this node need {} of shared memory, and {} has {} left",
    "the file system in memory is too small, as in many containers, or full",
    "give it more room (a container: --shm-size or --ipc=host), remove what dead jobs left there, "
    "or "
    "start one rank per node with several cores"};

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
    const int zeros = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    if (zeros < 0) {
        return true;  // a system without it: as before
    }
    bool filled = true;
    while (filled && !bytes.empty()) {
        constexpr std::size_t kPiece = std::size_t{64} << 20;
        const ssize_t done = read(zeros, bytes.data(), std::min(bytes.size(), kPiece));
        if (done > 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(done));
        } else {
            filled = done < 0 && errno == EINTR;
        }
    }
    close(zeros);
    return filled;
}

}  // namespace

void require_shared_memory(const Communicator& node, std::uint64_t bytes) {
    if (node.size() == 1) {
        return;  // then it is ordinary memory
    }
    const std::uint64_t room = room_left(node, bytes);
    if (room < bytes) {
        refuse(bytes, room);
    }
}

void reserve_shared_memory(const Communicator& node, std::span<std::byte> bytes) {
    const RowRange mine =
        share_of(static_cast<std::int64_t>(bytes.size()), node.size(), node.rank());
    const bool filled = fill_with_zeros(
        bytes.subspan(static_cast<std::size_t>(mine.begin), static_cast<std::size_t>(mine.size())));
    if (node.any(!filled)) {
        refuse(bytes.size(), room_left(node, 0));
    }
}

}  // namespace alphaprune::parallel
