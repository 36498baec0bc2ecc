#include "response_surface.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace alphaprune::allocation {
namespace {

using Points = std::vector<std::vector<double>>;

/// A star of points around the origin and what a surface is there.
Points star() {
    return {{0, 0}, {-1, 0}, {1, 0}, {0, -1}, {0, 1}, {0.5, 0.5}};
}

std::vector<double> values_on(const ResponseSurface& surface, const Points& points) {
    std::vector<double> values;
    for (const auto& point : points) {
        values.push_back(surface.at(point));
    }
    return values;
}

TEST(ResponseSurface, GoesThroughValuesWithoutNoise) {
    const ResponseSurface truth{3.9, {0.05, -0.02}, {0.03, 0.06}};
    SurfacePrior exact;
    exact.noise = 1e-9;
    const ResponseSurface found = fitted_surface(star(), values_on(truth, star()), exact);
    EXPECT_NEAR(found.level, truth.level, 1e-9);
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_NEAR(found.slopes[i], truth.slopes[i], 1e-8);
        EXPECT_NEAR(found.curvatures[i], truth.curvatures[i], 1e-8);
    }
}

TEST(ResponseSurface, KnowsNothingButThePriorFromOneValue) {
    const SurfacePrior prior;
    const ResponseSurface found = fitted_surface(Points{{0, 0}}, std::vector<double>{3.9}, prior);
    EXPECT_NEAR(found.level, 3.9, 1e-12);
    EXPECT_NEAR(found.slopes[0], 0, 1e-12);
    EXPECT_NEAR(found.curvatures[1], prior.curvature, 1e-12);
}

TEST(ResponseSurface, AveragesWhatWasMeasuredAgain) {
    const Points points{{1, 0}, {1, 0}, {-1, 0}, {-1, 0}};
    const ResponseSurface found =
        fitted_surface(points, std::vector<double>{3.06, 3.04, 2.96, 2.94}, {1e-6, 1, 0.04, 0.03});
    EXPECT_NEAR(found.slopes[0], 0.05, 1e-6);
}

TEST(ResponseSurface, IsLeastWhereItsParabolasAre) {
    const ResponseSurface surface{0, {0.02, -0.3, 0.1, -0.1}, {0.04, 0.1, -0.01, -0.01}};
    const std::vector<double> least = surface.least(1.5);
    EXPECT_NEAR(least[0], -0.5, 1e-12);
    EXPECT_EQ(least[1], 1.5);   // beyond what is trusted
    EXPECT_EQ(least[2], -1.5);  // falls that way without an end
    EXPECT_EQ(least[3], 1.5);
}

}  // namespace
}  // namespace alphaprune::allocation
