#include <gtest/gtest.h>

#include <string>

#include "alphaprune/support/error.hpp"
#include "sparsegpt.hpp"
#include "support/world.hpp"

namespace alphaprune::pruning {
namespace {

using test::world;

constexpr std::int64_t kOrder = 20;

/// The products of one vector of ones, on the last rank: all elements 1, so that eigenvalues are
/// `order` and, with d on the diagonal, d − 1.
std::unique_ptr<linalg::OuterProducts> ones(std::int64_t largest_local) {
    auto products = linalg::make_outer_products(world(), kOrder, largest_local);
    const std::vector<float> vector(kOrder, 1.0F);
    const bool last = world().rank() == world().size() - 1;
    products->add(last ? std::span(vector) : std::span<const float>{}, last ? 1 : 0);
    products->finish(1.0F);
    return products;
}

double damping_with_diagonal(float diagonal, std::int64_t largest_local) {
    const auto products = ones(largest_local);
    return factor_damped(*products, std::vector<float>(kOrder, diagonal), "block 3, q");
}

TEST(Damping, IsRaisedUntilTheHessianIsPositiveDefinite) {
    for (const std::int64_t largest_local : {0, 100}) {
        EXPECT_EQ(damping_with_diagonal(1.0F, largest_local), 0.01);
        EXPECT_EQ(damping_with_diagonal(0.95F, largest_local), 0.1);  // 0.95·1.1 > 1
        EXPECT_EQ(damping_with_diagonal(0.6F, largest_local), 1.0);   // 0.6·2 > 1
    }
}

TEST(Damping, ThatDoesNotHelpIsAnErrorOnAllRanksWithBlockAndMatrix) {
    for (const std::int64_t largest_local : {0, 100}) {
        try {
            damping_with_diagonal(0.4F, largest_local);
            ADD_FAILURE() << "no error";
        } catch (const support::Error& error) {
            EXPECT_EQ(error.status(), support::ExitStatus::failed);
            EXPECT_TRUE(error.agreed());
            EXPECT_NE(std::string(error.what()).find("block 3, q"), std::string::npos);
        }
    }
}

TEST(Damping, InputsThatAreNotFiniteAreAnErrorOnAllRanks) {
    for (const float wrong : {std::numeric_limits<float>::quiet_NaN(), 1e30F}) {  // 1e60 overflows
        for (const std::int64_t largest_local : {0, 100}) {
            Hessian hessian(world(), kOrder, largest_local);
            std::vector<float> input(2 * kOrder, 1.0F);
            input[kOrder + 7] = world().rank() == world().size() - 1 ? wrong : 1.0F;
            hessian.add(input, 2);
            try {
                const InverseFactor factor(std::move(hessian), 2, "block 5, down");
                ADD_FAILURE() << "no error";
            } catch (const support::Error& error) {
                EXPECT_TRUE(error.agreed());
                const std::string text = error.what();
                EXPECT_NE(text.find("block 5, down"), std::string::npos) << text;
                EXPECT_NE(text.find("NaN"), std::string::npos) << text;
                EXPECT_NE(text.find("1 of 20 inputs"), std::string::npos) << text;
            }
        }
    }
}

}  // namespace
}  // namespace alphaprune::pruning
