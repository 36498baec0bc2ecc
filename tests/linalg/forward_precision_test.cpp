#include "alphaprune/linalg/forward_precision.hpp"

#include <gtest/gtest.h>

#include <string>

#include "alphaprune/support/error.hpp"

namespace alphaprune::test {
namespace {

using linalg::ForwardPrecision;

TEST(ForwardPrecision, IsFoundByItsName) {
    for (const ForwardPrecision precision : linalg::kForwardPrecisions) {
        EXPECT_EQ(linalg::forward_precision_named(linalg::name_of(precision)), precision);
    }
    EXPECT_EQ(linalg::forward_precision_named("bf16x2"), ForwardPrecision::bf16x2);
    EXPECT_FALSE(linalg::forward_precision_named("bfloat16").has_value());
    EXPECT_FALSE(linalg::forward_precision_named("").has_value());
}

TEST(ForwardPrecision, IsRefusedWhereTheProcessCannotDoIt) {
    EXPECT_NO_THROW(linalg::require_forward_precision(ForwardPrecision::float32, "--x"));
    for (const ForwardPrecision precision : {ForwardPrecision::bf16x2, ForwardPrecision::bf16}) {
        if (linalg::has_bf16_products()) {
            EXPECT_NO_THROW(linalg::require_forward_precision(precision, "--x"));
            continue;
        }
        try {
            linalg::require_forward_precision(precision, "--x");
            FAIL() << "not refused";
        } catch (const support::Error& error) {
            EXPECT_EQ(error.status(), support::ExitStatus::bad_request);
            const std::string text = error.what();
            EXPECT_NE(text.find(linalg::name_of(precision)), std::string::npos) << text;
            EXPECT_NE(text.find("--x"), std::string::npos) << text;
        }
    }
}

}  // namespace
}  // namespace alphaprune::test
