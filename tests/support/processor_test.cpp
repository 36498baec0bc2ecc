#include "alphaprune/support/processor.hpp"

#include <gtest/gtest.h>

namespace alphaprune::support {
namespace {

TEST(Processor, names_itself_in_several_ways) {
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

TEST(Processor, has_some_name_here) {
    EXPECT_FALSE(processor_model().empty());
}

}  // namespace
}  // namespace alphaprune::support
