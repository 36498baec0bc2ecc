#include "affinity.hpp"

#include <cerrno>
#include <memory>

namespace alphaprune::support {
namespace {

struct FreeMask {
    void operator()(cpu_set_t* mask) const { CPU_FREE(mask); }
};

}  // namespace

std::string cores_in_mask(const AffinityReader& read) {
    constexpr std::size_t kMost = std::size_t{1} << 20;
    for (std::size_t cores = CPU_SETSIZE; cores <= kMost; cores *= 2) {
        const std::unique_ptr<cpu_set_t, FreeMask> mask(CPU_ALLOC(cores));
        const std::size_t bytes = CPU_ALLOC_SIZE(cores);
        if (!mask) {
            break;
        }
        CPU_ZERO_S(bytes, mask.get());
        if (read(bytes, mask.get())) {
            std::string usable(cores, '0');
            for (std::size_t core = 0; core < cores; ++core) {
                usable[core] = CPU_ISSET_S(core, bytes, mask.get()) ? '1' : '0';
            }
            return usable;
        }
        if (errno != EINVAL) {
            break;
        }
    }
    return "1";
}

}  // namespace alphaprune::support
