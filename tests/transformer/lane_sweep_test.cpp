// SparseGPT on a card: scores, order statistics of them, and the sweep of a panel of columns.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "alphaprune/linalg/far_lane.hpp"
#include "transformer/lane_fixture.hpp"

namespace alphaprune::test {
namespace {

using linalg::PanelSweep;

/// A panel of weights and the block of U at its columns, in wider matrices.
struct SweptPanel {
    std::int64_t rows = 0;
    std::int64_t cols = 0;
    bool has_gone = false;
    std::int64_t stride = cols + 3;
    std::int64_t factor_stride = cols + 5;
    std::int64_t gone_stride = cols + 2;
    std::vector<float> weights = random_values(rows * stride, 21);
    std::vector<float> factor = make_factor();
    std::vector<std::uint8_t> gone = make_gone();

    float weight(std::int64_t row, std::int64_t col) const {
        return weights[static_cast<std::size_t>(row * stride + col)];
    }
    double upper(std::int64_t row, std::int64_t col) const {
        return factor[static_cast<std::size_t>(row * factor_stride + col)];
    }
    bool is_gone(std::int64_t row, std::int64_t col) const {
        return has_gone && gone[static_cast<std::size_t>(row * gone_stride + col)] != 0;
    }

  private:
    /// 1 to 2 on the diagonal, zero below it, up to 0.1 above it, so that errors grow little.
    std::vector<float> make_factor() const {
        std::vector<float> made = random_values(cols * factor_stride, 22, 0.1);
        for (std::int64_t i = 0; i < cols; ++i) {
            for (std::int64_t j = 0; j <= i; ++j) {
                float& value = made[static_cast<std::size_t>(i * factor_stride + j)];
                value = j < i ? 0 : 1.5F + 5 * value;
            }
        }
        return made;
    }
    std::vector<std::uint8_t> make_gone() const {
        std::vector<std::uint8_t> made;
        for (const float value : random_values(has_gone ? rows * gone_stride : 0, 23)) {
            made.push_back(value > 0.8F ? static_cast<std::uint8_t>(1 + made.size() % 255) : 0);
        }
        return made;
    }
};

/// What the lane has made of a panel.
struct SweptValues {
    std::vector<float> weights;  ///< rows × cols, as the errors
    std::vector<float> errors;
};

class LaneSweep : public ForwardLane {
  protected:
    std::vector<float> score(const SweptPanel& panel) {
        float* const scores = room(panel.rows * panel.cols);
        lane_->score({put(panel.weights), panel.stride, panel.rows, panel.cols, put(panel.factor),
                      panel.factor_stride, panel.has_gone ? put(panel.gone) : nullptr,
                      panel.gone_stride, scores});
        return get(scores, panel.rows * panel.cols);
    }
    /// @param work  its threshold or groups
    SweptValues sweep(const SweptPanel& panel, PanelSweep work);
    /// The bits of the magnitude at this position of the ascending order.
    std::uint32_t select(const std::vector<float>& values, const std::vector<std::uint8_t>& gone,
                         std::int64_t position, const std::vector<int>& rounds);
};

SweptValues LaneSweep::sweep(const SweptPanel& panel, PanelSweep work) {
    const std::int64_t error_stride = panel.cols + 7;
    const std::vector<float> kept = random_values(panel.rows * error_stride, 24);
    work.weights = put(panel.weights);
    work.stride = panel.stride;
    work.rows = panel.rows;
    work.cols = panel.cols;
    work.factor = put(panel.factor);
    work.factor_stride = panel.factor_stride;
    work.gone = panel.has_gone ? put(panel.gone) : nullptr;
    work.gone_stride = panel.gone_stride;
    work.errors = put(kept);
    work.error_stride = error_stride;
    lane_->sweep(work);
    const std::vector<float> weights = get(work.weights, std::ssize(panel.weights));
    const std::vector<float> errors = get(work.errors, std::ssize(kept));
    SweptValues swept;
    for (std::int64_t row = 0; row < panel.rows; ++row) {
        for (std::int64_t col = 0; col < std::max(panel.stride, error_stride); ++col) {
            const auto at = static_cast<std::size_t>(row * panel.stride + col);
            const auto error_at = static_cast<std::size_t>(row * error_stride + col);
            if (col < panel.cols) {
                swept.weights.push_back(weights[at]);
                swept.errors.push_back(errors[error_at]);
                continue;
            }
            EXPECT_TRUE(col >= panel.stride || weights[at] == panel.weights[at]);
            EXPECT_TRUE(errors[error_at] == kept[error_at]);
        }
    }
    return swept;
}

/// The sweep of a row in float64 with the choices that the card has made, and by how much the card
/// may be off: what is rounded, and what comes of what was off before.
class FollowedRow {
  public:
    FollowedRow(const SweptPanel& panel, std::int64_t row, const SweptValues& swept)
        : panel_(panel), row_(row), swept_(swept) {
        for (std::int64_t col = 0; col < panel.cols; ++col) {
            weights_.push_back(panel.weight(row, col));
        }
        offs_.resize(weights_.size());
    }
    bool goes(std::int64_t col) const { return swept_.weights[place(col)] == 0; }
    double score(std::int64_t col) const {
        return std::pow(weight(col) / panel_.upper(col, col), 2);
    }
    double score_off(std::int64_t col) const {
        const double off = offs_[static_cast<std::size_t>(col)] / panel_.upper(col, col);
        return 2 * std::sqrt(score(col)) * off + off * off + 4 * kFloatRounding * score(col);
    }
    void step(std::int64_t col, Comparison& comparison) {
        const std::size_t at = place(col);
        const double off = offs_[static_cast<std::size_t>(col)];
        if (!goes(col)) {
            comparison.add(swept_.weights[at], weight(col), off);
            comparison.add(swept_.errors[at], 0, 0);
            return;
        }
        const double error = weight(col) / panel_.upper(col, col);
        const double error_off =
            1.001 * (off / panel_.upper(col, col) + kFloatRounding * std::abs(error));
        comparison.add(swept_.errors[at], error, error_off);
        for (std::int64_t k = col + 1; k < panel_.cols; ++k) {
            const double change = error * panel_.upper(col, k);
            const auto other = static_cast<std::size_t>(k);
            weights_[other] -= change;
            offs_[other] += error_off * std::abs(panel_.upper(col, k)) +
                            1.001 * kFloatRounding *
                                (std::abs(change) + std::abs(weights_[other]) + offs_[other]);
        }
    }

  private:
    double weight(std::int64_t col) const { return weights_[static_cast<std::size_t>(col)]; }
    std::size_t place(std::int64_t col) const {
        return static_cast<std::size_t>(row_ * panel_.cols + col);
    }

    const SweptPanel& panel_;
    std::int64_t row_;
    const SweptValues& swept_;
    std::vector<double> weights_, offs_;
};

TEST_F(LaneSweep, ScoresWeights) {
    for (const std::int64_t rows : {0, 1, 1000}) {
        for (const std::int64_t cols : {1, 33, 128, 300}) {
            for (const bool has_gone : {false, true}) {
                const SweptPanel panel{rows, cols, has_gone};
                const std::vector<float> found = score(panel);
                Comparison comparison;
                comparison.add(0, 0, 0);
                for (std::int64_t i = 0; i < rows * cols; ++i) {
                    const std::int64_t col = i % cols;
                    const double weight = panel.weight(i / cols, col);
                    const double exact = panel.is_gone(i / cols, col)
                                             ? 0
                                             : std::pow(weight / panel.upper(col, col), 2);
                    comparison.add(found[static_cast<std::size_t>(i)], exact,
                                   4 * kFloatRounding * exact);
                }
                comparison.expect_all_near(std::to_string(rows) + " × " + std::to_string(cols));
            }
        }
    }
}

std::uint32_t LaneSweep::select(const std::vector<float>& values,
                                const std::vector<std::uint8_t>& gone, std::int64_t position,
                                const std::vector<int>& rounds) {
    linalg::MagnitudeCount work;
    work.values = put(values);
    work.count = std::ssize(values);
    work.gone = gone.empty() ? nullptr : put(gone);
    std::int64_t among = work.count;  // what has the bits decided so far
    for (const int bits : rounds) {
        work.bits = bits;
        work.counts = put(std::vector<std::uint32_t>(std::size_t{1} << bits, 77));
        lane_->count_magnitudes(work);
        const std::vector<std::uint32_t> counts = get(work.counts, std::int64_t{1} << bits);
        EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}), among);
        std::uint32_t bin = 0;
        while (bin + 1 < counts.size() && position >= counts[bin]) {
            position -= counts[bin];
            ++bin;
        }
        among = counts[bin];
        work.decided = work.decided << bits | bin;
        work.undecided -= bits;
    }
    return work.decided;
}

TEST_F(LaneSweep, CountsFindOrderStatistics) {
    const std::vector<std::vector<int>> all_rounds{{11, 11, 10}, {12, 12, 8}, {1, 7, 12, 12}};
    for (const std::int64_t count : {1, 33, 1000, 300'001}) {
        for (const bool has_gone : {false, true}) {
            std::vector<float> values = wide_values(count, 25, -30, 30);
            for (std::size_t i = 0; i < values.size(); i += 3) {  // ties
                values[i] = std::round(4 * std::log(std::abs(values[i])));
            }
            std::vector<std::uint8_t> gone(has_gone ? values.size() : 0);
            std::vector<std::uint32_t> keys;
            for (std::size_t i = 0; i < values.size(); ++i) {
                if (has_gone && i % 7 == 0) {
                    gone[i] = static_cast<std::uint8_t>(1 + i % 255);
                }
                const bool counts = !has_gone || gone[i] == 0;
                keys.push_back(std::bit_cast<std::uint32_t>(counts ? std::abs(values[i]) : 0.0F));
            }
            for (const std::int64_t position : {std::int64_t{0}, count / 3, count - 1}) {
                std::nth_element(keys.begin(), keys.begin() + position, keys.end());
                for (const auto& rounds : all_rounds) {
                    EXPECT_EQ(select(values, gone, position, rounds),
                              keys[static_cast<std::size_t>(position)]);
                }
            }
        }
    }
}

TEST_F(LaneSweep, CountsNothingWhereThereIsNothing) {
    auto* const counts = put(std::vector<std::uint32_t>(16, 5));
    lane_->count_magnitudes({.bits = 4, .counts = counts});
    EXPECT_EQ(get(counts, 16), std::vector<std::uint32_t>(16, 0));
    // Three magnitudes of 1.0 (0x3F800000), looked at through the four bits below the upper
    // sixteen.
    const float* const values = put(std::vector<float>{1, -1, 1, 2, 0});
    lane_->count_magnitudes({values, 5, nullptr, 0x3F80, 16, 4, counts});
    std::vector<std::uint32_t> expected(16, 0);
    expected[0] = 3;
    EXPECT_EQ(get(counts, 16), expected);
}

/// What score() finds, sweep() removes: with the score of a weight as the threshold it goes, and
/// what scores more does not.
TEST_F(LaneSweep, RemovesWhatScoresUpToAThreshold) {
    for (const std::int64_t rows : {1, 7, 1000}) {
        for (const std::int64_t cols : {1, 2, 33, 100, 128}) {
            for (const bool has_gone : {false, true}) {
                const SweptPanel panel{rows, cols, has_gone};
                const std::vector<float> scores = score(panel);
                std::vector<float> sorted = scores;
                const std::int64_t position = 7 * rows * cols / 10;
                std::nth_element(sorted.begin(), sorted.begin() + position, sorted.end());
                PanelSweep work;
                work.threshold = sorted[static_cast<std::size_t>(position)];
                const SweptValues swept = sweep(panel, work);
                const SweptValues again = sweep(panel, work);
                EXPECT_TRUE(same_bits(swept.weights, again.weights));
                EXPECT_TRUE(same_bits(swept.errors, again.errors));
                Comparison comparison;
                for (std::int64_t row = 0; row < rows; ++row) {
                    FollowedRow followed(panel, row, swept);
                    for (std::int64_t col = 0; col < cols; ++col) {
                        const float own = scores[static_cast<std::size_t>(row * cols + col)];
                        ASSERT_EQ(followed.goes(col),
                                  own <= work.threshold || panel.is_gone(row, col));
                        followed.step(col, comparison);
                    }
                }
                comparison.expect_all_near(std::to_string(rows) + " × " + std::to_string(cols));
            }
        }
    }
}

/// What is gone goes whatever it scores.
TEST_F(LaneSweep, RemovesNothingElseBelowAllScores) {
    const SweptPanel panel{33, 100, true};
    PanelSweep work;
    work.threshold = -1;
    const SweptValues swept = sweep(panel, work);
    for (std::int64_t i = 0; i < 33 * 100; ++i) {
        EXPECT_EQ(swept.weights[static_cast<std::size_t>(i)] == 0, panel.is_gone(i / 100, i % 100));
    }
}

struct RemovedInGroups {
    int group, removed;
};

/// That as many went as should, of the lowest scores there were when the group was reached.
void expect_lowest_gone(const SweptPanel& panel, std::int64_t row, std::int64_t first, int width,
                        int removed, const FollowedRow& followed) {
    int gone = 0;
    int went = 0;
    double highest_removed = -1;  // at least
    double lowest_kept = std::numeric_limits<double>::infinity();
    for (std::int64_t col = first; col < first + width; ++col) {
        const bool was_gone = panel.is_gone(row, col);
        gone += was_gone ? 1 : 0;
        went += followed.goes(col) ? 1 : 0;
        ASSERT_TRUE(followed.goes(col) || !was_gone) << row << ", " << col;
        if (!followed.goes(col)) {
            lowest_kept = std::min(lowest_kept, followed.score(col) + followed.score_off(col));
        } else if (!was_gone) {
            highest_removed =
                std::max(highest_removed, followed.score(col) - followed.score_off(col));
        }
    }
    ASSERT_EQ(went, std::max(gone, removed)) << row << ", " << first;
    ASSERT_LE(highest_removed, lowest_kept) << row << ", " << first;
}

TEST_F(LaneSweep, RemovesTheLowestOfEachGroup) {
    for (const RemovedInGroups& rule :
         {RemovedInGroups{4, 2}, {8, 4}, {16, 5}, {16, 11}, {2, 1}, {3, 2}, {4, 0}, {4, 4}}) {
        for (const std::int64_t rows : {1, 1000}) {
            for (const std::int64_t cols : {1, 2, 30, 101, 128}) {
                const SweptPanel panel{rows, cols, cols % 2 == 0};
                PanelSweep work;
                work.group = rule.group;
                work.removed = rule.removed;
                work.threshold = std::numeric_limits<float>::infinity();  // does not count
                const SweptValues swept = sweep(panel, work);
                Comparison comparison;
                for (std::int64_t row = 0; row < rows; ++row) {
                    FollowedRow followed(panel, row, swept);
                    for (std::int64_t col = 0; col < cols; ++col) {
                        if (col % rule.group == 0) {
                            const int width =
                                static_cast<int>(std::min<std::int64_t>(rule.group, cols - col));
                            ASSERT_NO_FATAL_FAILURE(
                                expect_lowest_gone(panel, row, col, width,
                                                   width * rule.removed / rule.group, followed));
                        }
                        followed.step(col, comparison);
                    }
                }
                comparison.expect_all_near(std::to_string(rule.removed) + ":" +
                                           std::to_string(rule.group) + " of " +
                                           std::to_string(cols));
            }
        }
    }
}

/// Where all scores are equal, with U the identity: nothing is made up for.
TEST_F(LaneSweep, RemovesTheLeftmostOfEquals) {
    SweptPanel panel{3, 10, true};
    for (std::size_t i = 0; i < panel.weights.size(); ++i) {
        panel.weights[i] = i % 2 == 0 ? 3.0F : -3.0F;
    }
    std::fill(panel.gone.begin(), panel.gone.end(), std::uint8_t{0});
    for (std::int64_t i = 0; i < 10; ++i) {
        for (std::int64_t j = i; j < 10; ++j) {
            panel.factor[static_cast<std::size_t>(i * panel.factor_stride + j)] = i == j ? 1 : 0;
        }
    }
    panel.gone[2] = 1;                                                  // of row 0
    panel.gone[static_cast<std::size_t>(panel.gone_stride) + 1] = 255;  // of row 1, and three more
    panel.gone[static_cast<std::size_t>(panel.gone_stride) + 2] = 1;
    panel.gone[static_cast<std::size_t>(panel.gone_stride) + 3] = 1;
    PanelSweep work;
    work.group = 4;
    work.removed = 2;
    const SweptValues swept = sweep(panel, work);
    const std::string expected =
        "-+-+--++-+"
        "+---"
        "--++-+"
        "--++--++-+";
    for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ(swept.weights[i] == 0, expected[i] == '-') << i;
    }
}

}  // namespace
}  // namespace alphaprune::test
