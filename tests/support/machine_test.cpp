#include "alphaprune/support/machine.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <limits>

namespace alphaprune::support {
namespace {

/// A system with so many processors, of which this process may use one.
AffinityReader system_with(std::size_t processors, std::size_t usable) {
    return [=](std::span<unsigned long> mask) {
        constexpr std::size_t kBits = std::numeric_limits<unsigned long>::digits;
        if (mask.size() * kBits < processors) {
            errno = EINVAL;
            return false;
        }
        mask[usable / kBits] = 1UL << usable % kBits;
        return true;
    };
}

TEST(Affinity, MasksOfAnyNumberOfProcessorsAreRead) {
    for (const std::size_t processors : {1, 1024, 1025, 5000, 1 << 16}) {
        const std::string cores = usable_cores(system_with(processors, processors - 1));
        EXPECT_GE(cores.size(), processors);
        EXPECT_EQ(std::ranges::count(cores, '1'), 1);
        EXPECT_EQ(cores.find('1'), processors - 1);
    }
}

TEST(Affinity, WithoutAMaskThereIsOneCore) {
    EXPECT_EQ(usable_cores([](std::span<unsigned long>) {
                  errno = EPERM;
                  return false;
              }),
              "1");
    EXPECT_EQ(usable_cores(system_with(std::size_t{1} << 30, 0)), "1");
    EXPECT_GE(std::ranges::count(usable_cores(), '1'), 1);
}

TEST(Processor, NamesItselfInSeveralWays) {
    EXPECT_EQ(processor_in("processor\t: 0\nmodel\t\t: 143\nmodel name\t: Intel(R) Xeon(R)\n"
                           "processor\t: 1\nmodel name\t: another\n"),
              "Intel(R) Xeon(R)");
    EXPECT_EQ(processor_in("cpu\t\t: POWER9, altivec supported\nclock\t\t: 2300MHz\n"),
              "POWER9, altivec supported");
    EXPECT_EQ(processor_in("processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd40\n"),
              "Arm implementer 0x41, part 0xd40");
    EXPECT_EQ(processor_in(""), "");
    EXPECT_EQ(processor_in(":\nno colon\n: \n"), "");
}

TEST(Processor, HasSomeNameHere) {
    EXPECT_FALSE(processor_model().empty());
}

}  // namespace
}  // namespace alphaprune::support
