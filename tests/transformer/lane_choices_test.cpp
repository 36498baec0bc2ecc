// Weights that are chosen to stay, on a card.
// conjugate gradients.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "alphaprune/linalg/far_lane.hpp"
#include "transformer/lane_fixture.hpp"

namespace alphaprune::test {
namespace {

/// Nonzero for about one value in so many.
std::vector<std::uint8_t> some_marks(std::int64_t count, std::uint64_t seed, int one_in) {
    std::vector<std::uint8_t> marks;
    for (const float value : random_values(count, seed)) {
        const int number = static_cast<int>((value + 1) * 1e6F);
        marks.push_back(number % one_in == 0 ? static_cast<std::uint8_t>(1 + number % 255) : 0);
    }
    return marks;
}

std::uint32_t magnitude_bits(float value) {
    return std::bit_cast<std::uint32_t>(std::abs(value));
}

class LaneChoices : public ForwardLane {
  protected:
    std::uint8_t* room_of_bytes(std::int64_t count) {
        return reinterpret_cast<std::uint8_t*>(room_for(static_cast<std::size_t>(count)));
    }
    std::vector<std::uint8_t> choose(linalg::GroupChoice work, const std::vector<float>& values,
                                     const std::vector<std::uint8_t>& gone) {
        work.values = put(values);
        work.gone = gone.empty() ? nullptr : put(gone);
        work.stays = room_of_bytes(std::ssize(values));
        lane_->choose_in_groups(work);
        return get(work.stays, std::ssize(values));
    }
};

TEST_F(LaneChoices, KeepLargerMagnitudes) {
    for (const std::int64_t count : {0, 1, 33, 300'001}) {
        std::vector<float> values = wide_values(count, 31);
        if (count > 7) {
            values[3] = 0.25F;
            values[4] = -0.25F;
            values[5] = std::nextafter(-0.25F, -1.0F);
            values[6] = std::numeric_limits<float>::infinity();
        }
        for (const bool has_gone : {false, true}) {
            const auto gone = some_marks(has_gone ? count : 0, 32, 5);
            for (const std::uint32_t bound : {0U, magnitude_bits(0.25F)}) {
                std::uint8_t* const stays = room_of_bytes(count);
                lane_->choose_larger(
                    {put(values), has_gone ? put(gone) : nullptr, count, bound, stays});
                std::vector<std::uint8_t> expected;
                for (std::size_t i = 0; i < values.size(); ++i) {
                    const bool is_gone = has_gone && gone[i] != 0;
                    const bool is_larger = std::abs(values[i]) > std::bit_cast<float>(bound);
                    expected.push_back(is_larger && !is_gone ? 1 : 0);
                }
                EXPECT_EQ(get(stays, count), expected);
            }
        }
    }
}

/// Many values of one magnitude, of which the first ones go, whichever group of threads sees them.
TEST_F(LaneChoices, TellEqualsApartByTheirOrder) {
    for (const std::int64_t count : {1, 300, 70000, 3000000}) {
        std::vector<float> values = random_values(count, 35);
        for (std::size_t i = 0; i < values.size(); ++i) {
            values[i] = i * i % 7 == 2 ? std::copysign(0.25F, values[i]) : values[i];
            values[i] = i % 5 == 4 ? 0.0F : values[i];
        }
        const auto gone = some_marks(count, 16, 7);
        for (const float bound : {0.25F, 0.0F, 7.0F}) {
            std::int64_t equals = 0;
            for (std::size_t i = 0; i < values.size(); ++i) {
                equals += std::abs(gone[i] != 0 ? 0.0F : values[i]) == bound ? 1 : 0;
            }
            for (const std::int64_t to_go : {std::int64_t{0}, equals / 3, equals}) {
                std::uint8_t* const stays = room_of_bytes(count);
                lane_->choose_larger(
                    {put(values), put(gone), count, magnitude_bits(bound), stays, to_go});
                std::vector<std::uint8_t> expected;
                std::int64_t seen = 0;
                for (std::size_t i = 0; i < values.size(); ++i) {
                    const float size = std::abs(gone[i] != 0 ? 0.0F : values[i]);
                    const bool chosen = size == bound ? seen++ >= to_go : size > bound;
                    expected.push_back(chosen && gone[i] == 0 ? 1 : 0);
                }
                ASSERT_EQ(get(stays, count), expected) << count << ", " << bound << ", " << to_go;
            }
        }
    }
}

/// By a stable sort of each group, with ties and zeros of either sign among the values.
TEST_F(LaneChoices, DropTheSmallestOfEachGroup) {
    struct Rule {
        int group, removed;
    };
    for (const Rule& rule : {Rule{4, 2}, {8, 4}, {16, 5}, {2, 1}, {3, 2}, {4, 0}, {16, 16}}) {
        for (const std::int64_t rows : {1, 1000}) {
            for (const std::int64_t cols : {1, 33, 300}) {
                std::vector<float> values = random_values(rows * cols, 33);
                for (std::size_t i = 0; i < values.size(); i += 2) {
                    values[i] = std::round(2 * values[i]);
                }
                const auto gone = some_marks(cols == 33 ? 0 : rows * cols, 34, 4);
                linalg::GroupChoice work;
                work.rows = rows;
                work.cols = cols;
                work.group = rule.group;
                work.removed = rule.removed;
                std::vector<std::uint8_t> expected(values.size(), 1);
                for (std::int64_t at = 0; at < rows * cols;) {
                    const std::int64_t width = std::min<std::int64_t>(rule.group, cols - at % cols);
                    std::vector<std::size_t> order(static_cast<std::size_t>(width));
                    std::iota(order.begin(), order.end(), static_cast<std::size_t>(at));
                    const auto rank = [&](std::size_t i) {
                        return !gone.empty() && gone[i] != 0 ? -1.0F : std::abs(values[i]);
                    };
                    std::ranges::stable_sort(order, {}, rank);
                    const std::int64_t removed = width * rule.removed / rule.group;
                    for (std::int64_t i = 0; i < width; ++i) {
                        const std::size_t one = order[static_cast<std::size_t>(i)];
                        expected[one] = i < removed || rank(one) < 0 ? 0 : 1;
                    }
                    at += width;
                }
                EXPECT_EQ(choose(work, values, gone), expected)
                    << rule.removed << ":" << rule.group << ", " << rows << " × " << cols;
            }
        }
    }
}

/// Out of place and in either place; each value with the factor of where it is.
TEST_F(LaneChoices, AddWhatIsChosen) {
    struct Factors {
        float if_stays, if_goes;
    };
    for (const std::int64_t count : {0, 1, 33, 300'001}) {
        const std::vector<float> base = wide_values(count, 35, -2, 1);
        const std::vector<float> values = wide_values(count, 36, -2, 1);
        const auto stays = some_marks(count, 37, 2);
        for (const Factors& factors : {Factors{1, 0.3F}, {0, -0.7F}, {1, 0}, {0, 0}}) {
            // Where they do not count they are no numbers.
            std::vector<float> given = values;
            for (std::size_t i = 0; i < given.size(); ++i) {
                if ((stays[i] != 0 ? factors.if_stays : factors.if_goes) == 0) {
                    given[i] = i % 2 == 0 ? std::numeric_limits<float>::quiet_NaN()
                                          : std::numeric_limits<float>::infinity();
                }
            }
            for (const int place : {0, 1, 2, 3}) {  // apart, no base, in the base, in the values
                linalg::ChosenSum work;
                float* const there = put(given);
                float* const from = put(base);
                work.base = place == 1 ? nullptr : from;
                work.values = there;
                work.stays = put(stays);
                work.count = count;
                work.if_stays = factors.if_stays;
                work.if_goes = factors.if_goes;
                work.out = place == 2 ? from : place == 3 ? there : room(count);
                lane_->add_chosen(work);
                const std::vector<float> found = get(work.out, count);
                Comparison comparison;
                comparison.add(0, 0, 0);
                for (std::size_t i = 0; i < values.size(); ++i) {
                    const double factor = stays[i] != 0 ? factors.if_stays : factors.if_goes;
                    const double begin = place == 1 ? 0 : double{base[i]};
                    const double change = factor * double{values[i]};
                    comparison.add(found[i], begin + change,
                                   1.001 * kFloatRounding *
                                       (std::abs(change) + std::abs(begin + change)) *
                                       (factor == 0 ? 0 : 1));
                }
                comparison.expect_all_near(std::to_string(count) + " in place " +
                                           std::to_string(place));
            }
        }
    }
}

TEST_F(LaneChoices, ShowValuesThatCountAndAreNoNumbers) {
    const std::vector<float> values(40, std::numeric_limits<float>::quiet_NaN());
    float* const out = room(40);
    lane_->add_chosen(
        {nullptr, put(values), put(std::vector<std::uint8_t>(40, 1)), 40, 0.5F, 0, out});
    for (const float value : get(out, 40)) {
        EXPECT_TRUE(std::isnan(value));
    }
}

TEST_F(LaneChoices, LookAtTheSupport) {
    for (const std::int64_t count : {0, 1, 33, 300'001}) {
        std::uint8_t* const support = room_of_bytes(count);
        lane_->clear(support, static_cast<std::size_t>(count));
        std::vector<std::uint8_t> expected(static_cast<std::size_t>(count), 0);
        for (const std::uint64_t seed : {40, 41, 41}) {
            std::vector<float> values = random_values(count, seed);
            for (std::size_t i = 0; i < values.size(); i += 5) {
                values[i] = i % 2 == 0 ? 0.0F : -0.0F;
            }
            const auto stays = some_marks(count, seed + 10, 2);
            std::int64_t changed = 0;
            for (std::size_t i = 0; i < values.size(); ++i) {
                const std::uint8_t now = values[i] != 0 && stays[i] != 0 ? 1 : 0;
                changed += now != expected[i] ? 1 : 0;
                expected[i] = now;
            }
            EXPECT_EQ(lane_->look_at_support({put(values), put(stays), count, support}), changed);
            EXPECT_EQ(get(support, count), expected);
        }
    }
}

}  // namespace
}  // namespace alphaprune::test
