#include "affinity.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>

#include "alphaprune/support/machine.hpp"

namespace alphaprune::support {
namespace {

/// A system with so many processors, of which this process may use one.
AffinityReader system_with(std::size_t processors, std::size_t usable) {
    return [=](std::size_t bytes, cpu_set_t* mask) {
        if (bytes * 8 < processors) {
            errno = EINVAL;
            return false;
        }
        CPU_SET_S(usable, bytes, mask);
        return true;
    };
}

TEST(Affinity, masks_of_any_number_of_processors_are_read) {
    for (const std::size_t processors : {1, 1024, 1025, 5000, 1 << 16}) {
        const std::string cores = cores_in_mask(system_with(processors, processors - 1));
        EXPECT_GE(cores.size(), processors);
        EXPECT_EQ(std::ranges::count(cores, '1'), 1);
        EXPECT_EQ(cores.find('1'), processors - 1);
    }
}

TEST(Affinity, without_a_mask_there_is_one_core) {
    EXPECT_EQ(cores_in_mask([](std::size_t, cpu_set_t*) {
                  errno = EPERM;
                  return false;
              }),
              "1");
    EXPECT_EQ(cores_in_mask(system_with(std::size_t{1} << 30, 0)), "1");
    EXPECT_GE(std::ranges::count(usable_cores(), '1'), 1);
}

}  // namespace
}  // namespace alphaprune::support
