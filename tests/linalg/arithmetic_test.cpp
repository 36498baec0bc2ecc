#include "alphaprune/linalg/arithmetic.hpp"

#include <gtest/gtest.h>

#include <set>

namespace alphaprune::linalg {
namespace {

TEST(Arithmetic, TheBlasHasANameInOneLine) {
    const std::string name = blas_name();
    EXPECT_GE(name.size(), 4U);
    EXPECT_EQ(name.find('\n'), std::string::npos);
    EXPECT_EQ(name, blas_name());
    EXPECT_EQ(name.find("MAX_THREADS"), std::string::npos);
}

TEST(Arithmetic, TheKernelsAreAmongThoseThereAre) {
    EXPECT_TRUE(
        (std::set<std::string_view>{"avx512", "avx2", "baseline"}.contains(vector_kernels())));
}

}  // namespace
}  // namespace alphaprune::linalg
