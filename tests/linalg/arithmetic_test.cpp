#include "alphaprune/linalg/arithmetic.hpp"

#include <gtest/gtest.h>

#include <set>

namespace alphaprune::linalg {
namespace {

TEST(Arithmetic, the_blas_has_a_name_in_one_line) {
    const std::string name = blas_name();
    EXPECT_GE(name.size(), 4U);
    EXPECT_EQ(name.find('\n'), std::string::npos);
    EXPECT_EQ(name, blas_name());
    EXPECT_EQ(name.find("MAX_THREADS"), std::string::npos);
}

TEST(Arithmetic, the_kernels_are_among_those_there_are) {
    EXPECT_TRUE(
        (std::set<std::string_view>{"avx512", "avx2", "baseline"}.contains(vector_kernels())));
}

}  // namespace
}  // namespace alphaprune::linalg
