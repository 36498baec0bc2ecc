// Activations that are split for products while they are computed: no product may differ by it.
#include <gtest/gtest.h>

#include <array>

#include "transformer/lane_fixture.hpp"

namespace alphaprune::test {
namespace {

using linalg::ForwardPrecision;
using support::ScalarType;

class LaneIntents : public ForwardLane {
  protected:
    static constexpr std::int64_t kTokens = 19;
    static constexpr std::int64_t kRows = 24;

    /// What the values at `input`, tokens × cols, come to with some weights.
    /// @param doubled  the weights are there twice
    std::vector<float> product_of(const float* input, std::int64_t cols, ScalarType type,
                                  ForwardPrecision precision, bool doubled = false) {
        card::Product work;
        work.input = input;
        work.tokens = kTokens;
        work.cols = cols;
        const std::vector<float> weights = random_values(kRows * cols, 5);
        work.weights = put_as(type, weights);
        if (doubled) {
            std::vector<float> twice;
            for (auto row = weights.begin(); row != weights.end(); row += cols) {
                twice.insert(twice.end(), row, row + cols);
                twice.insert(twice.end(), row, row + cols);
            }
            work.doubled = put_as(type, twice);
        }
        work.type = type;
        work.rows = kRows;
        work.out = room(kTokens * kRows);
        lane_->multiply({&work, 1}, precision);
        return get(work.out, kTokens * kRows);
    }
};

TEST_F(LaneIntents, ChangeNoProductOfNorms) {
    for (const std::int64_t cols : {7, 64, 200, 1032}) {
        const std::vector<float> values = wide_values(kTokens * cols, 3);
        for (const ScalarType type : {ScalarType::bfloat16, ScalarType::float16}) {
            for (const ForwardPrecision precision : linalg::kForwardPrecisions) {
                bool doubled = false;
                const auto found = [&](const card::Intent& intent) {
                    card::Norm norm;
                    norm.values = put(values);
                    norm.out = room(kTokens * cols);
                    norm.rows = kTokens;
                    norm.width = cols;
                    norm.epsilon = 1e-5;
                    norm.intent = intent;
                    lane_->norm(norm);
                    return product_of(norm.out, cols, type, precision, doubled);
                };
                const std::vector<float> plain = found({});
                EXPECT_EQ(found({type, precision}), plain) << cols;
                EXPECT_EQ(found({ScalarType::bfloat16, ForwardPrecision::bf16}), plain) << cols;
                if (type == ScalarType::bfloat16) {
                    doubled = true;
                    const std::vector<float> at_once = found({});
                    EXPECT_EQ(found({type, precision, true}), at_once) << cols;
                    doubled = false;
                }
            }
        }
    }
}

TEST_F(LaneIntents, ChangeNoProductOfGates) {
    for (const std::int64_t cols : {7, 64, 1032}) {
        const std::vector<float> gates = random_values(kTokens * cols, 3);
        const std::vector<float> ups = random_values(kTokens * cols, 4);
        const auto found = [&](const card::Intent& intent) {
            card::Gate gate;
            gate.gate = put(gates);
            gate.up = put(ups);
            gate.count = kTokens * cols;
            gate.intent = intent;
            lane_->gate(gate);
            return product_of(gate.gate, cols, ScalarType::bfloat16, ForwardPrecision::bf16x2);
        };
        EXPECT_EQ(found({ScalarType::bfloat16, ForwardPrecision::bf16x2}), found({})) << cols;
    }
}

TEST_F(LaneIntents, AreForgottenWhenTheValuesChange) {
    constexpr std::int64_t kCols = 64;
    const std::vector<float> values = random_values(kTokens * kCols, 3);
    const std::vector<float> others = random_values(kTokens * kCols, 4);
    const card::Intent intent{ScalarType::bfloat16, ForwardPrecision::bf16x2};
    const auto gated = [&] {
        card::Gate gate;
        gate.gate = put(values);
        gate.count = kTokens * kCols;
        gate.intent = intent;
        lane_->gate(gate);
        return gate.gate;
    };
    const auto multiplied = [&](const float* input) {
        return product_of(input, kCols, ScalarType::bfloat16, ForwardPrecision::bf16x2);
    };
    const std::vector<float> expected = multiplied(put(others));
    float* at = gated();
    lane_->copy(at, put(others), others.size() * sizeof(float));
    EXPECT_EQ(multiplied(at), expected);
    at = gated();
    lane_->upload(at, std::as_bytes(std::span(others)));
    EXPECT_EQ(multiplied(at), expected);
    at = gated();
    lane_->clear(at, others.size() * sizeof(float));
    lane_->add({at, put(others), kTokens * kCols, 1});
    EXPECT_EQ(multiplied(at), expected);
    // The latest counts.
    at = gated();
    card::Norm norm;
    norm.values = put(values);
    norm.out = at;
    norm.rows = kTokens;
    norm.width = kCols;
    norm.epsilon = 1e-5;
    norm.intent = intent;
    lane_->norm(norm);
    norm.out = room(kTokens * kCols);
    norm.intent = {};
    lane_->norm(norm);
    EXPECT_EQ(multiplied(at), multiplied(norm.out));
}

TEST_F(LaneIntents, DownloadsGoOnWhileValuesChange) {
    const std::vector<float> first = random_values(5000, 1);
    const std::vector<float> second = random_values(70000, 2);
    float* const at = put(first);
    float* const other = put(second);
    lane_->begin_download(0, at, first.size() * sizeof(float));
    lane_->clear(at, first.size() * sizeof(float));
    lane_->begin_download(1, other, second.size() * sizeof(float));
    lane_->clear(other, second.size() * sizeof(float));
    const auto expect = [&](int turn, const std::vector<float>& expected) {
        const auto bytes = lane_->finish_download(turn);
        ASSERT_EQ(bytes.size(), expected.size() * sizeof(float));
        EXPECT_TRUE(std::ranges::equal(bytes, std::as_bytes(std::span(expected))));
    };
    expect(0, first);
    expect(1, second);
    lane_->begin_download(0, at, 8);
    expect(0, {0, 0});
}

}  // namespace
}  // namespace alphaprune::test
