#include "layers.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "transformer/random_values.hpp"

namespace alphaprune::test {
namespace {

constexpr std::int64_t kRows = 5;
constexpr double kEpsilon = 1e-3;

struct NormSample {
    model::NormKind kind;
    std::int64_t width;
    bool weights;
    bool biases;
};

double expected_value(const NormSample& given, const float* row, std::size_t col) {
    const auto width = static_cast<double>(given.width);
    double mean = 0;
    for (std::int64_t i = 0; i < given.width && given.kind == model::NormKind::layer; ++i) {
        mean += static_cast<double>(row[i]) / width;
    }
    double variance = 0;
    for (std::int64_t i = 0; i < given.width; ++i) {
        variance += (static_cast<double>(row[i]) - mean) * (static_cast<double>(row[i]) - mean);
    }
    return (static_cast<double>(row[col]) - mean) / std::sqrt(variance / width + kEpsilon);
}

class NormCase : public testing::TestWithParam<NormSample> {};

TEST_P(NormCase, AgreesWithItsDefinition) {
    const NormSample& given = GetParam();
    auto values = random_values(kRows * given.width, 7, 0.3);
    for (float& value : values) {
        value += 2;  // far from zero, where the mean matters
    }
    const auto width = static_cast<std::size_t>(given.width);
    const auto weights = random_values(given.weights ? given.width : 0, 8);
    const auto biases = random_values(given.biases ? given.width : 0, 9);
    std::vector<float> out(values.size());
    const model::NormLayer norm{given.kind, kEpsilon, given.width, -1, -1};
    transformer::apply_norm(norm, {weights, biases}, values, out);
    for (std::size_t i = 0; i < out.size(); ++i) {
        const std::size_t col = i % width;
        double expected = expected_value(given, values.data() + (i - col), col);
        expected *= given.weights ? static_cast<double>(weights[col]) : 1;
        expected += given.biases ? static_cast<double>(biases[col]) : 0;
        EXPECT_NEAR(static_cast<double>(out[i]), expected, 5e-6) << i;
    }
    transformer::apply_norm(norm, {weights, biases}, values, values);
    EXPECT_EQ(values, out) << "in place";
}

INSTANTIATE_TEST_SUITE_P(All, NormCase,
                         testing::Values(NormSample{model::NormKind::rms, 64, true, false},
                                         NormSample{model::NormKind::rms, 1, false, false},
                                         NormSample{model::NormKind::rms, 103, true, false},
                                         NormSample{model::NormKind::layer, 64, true, true},
                                         NormSample{model::NormKind::layer, 103, false, false},
                                         NormSample{model::NormKind::layer, 33, true, true}));

}  // namespace
}  // namespace alphaprune::test
