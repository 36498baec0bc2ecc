#include "shared_memory.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>

#include "alphaprune/support/error.hpp"
#include "alphaprune/support/machine.hpp"

namespace alphaprune {
namespace {

/// Where Open MPI puts windows of shared memory.
std::string backing_folder() {
    const char* chosen = std::getenv("OMPI_MCA_osc_sm_backing_directory");
    return chosen != nullptr ? chosen : "/dev/shm";
}

}  // namespace

void require_shared_memory(const Communicator& node, std::uint64_t bytes) {
    if (node.size() == 1) {
        return;  // then it is memory as any other
    }
    std::uint64_t room = bytes;
    if (node.is_root()) {
        std::error_code unknown;
        const auto space = std::filesystem::space(backing_folder(), unknown);
        room = unknown ? bytes : space.available;
    }
    node.broadcast(std::span(&room, 1));
    if (room < bytes) {
        throw failure(
            fmt::format("the ranks of this node need {} of shared memory, and {} has {} left",
                        human_bytes(bytes), backing_folder(), human_bytes(room)),
            host_name(),
            "give it more room (a container: --shm-size or --ipc=host), remove what dead jobs left "
            "there, or start one rank a node with several cores");
    }
}

}  // namespace alphaprune
