#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "alphaprune/device/card_error.hpp"
#include "alphaprune/device/card_module.hpp"
#include "cuda/forward_lane.hpp"
#include "transformer/random_values.hpp"

namespace alphaprune::test {

namespace card = transformer::card;
using linalg::ForwardPrecision;
using support::ScalarType;

/// What float32 rounds a value by at most, relative to it.
inline const double kFloatRounding = std::ldexp(1.0, -24);

/// How far a sum in float32 is from the exact one at most, relative to the sum of the sizes of what
/// is added. Roundings to nearest are as often up as down: they grow with the root of their number.
inline double sum_error(std::int64_t count) {
    return kFloatRounding * (8 + std::sqrt(static_cast<double>(count)));
}

/// What a value in parts of a type with so many bits is off by at most, relative to it: each part
/// is what the ones before left, rounded to its bits.
inline double parts_error(int bits, ForwardPrecision precision) {
    const int parts = precision == ForwardPrecision::bf16     ? 1
                      : precision == ForwardPrecision::bf16x2 ? 2
                                                              : 3;
    return std::ldexp(1.0, -std::min(24, parts * bits));
}

/// Of either sign, their sizes from 10^lowest to 10^highest, as many of one size as of another.
inline std::vector<float> wide_values(std::int64_t count, std::uint64_t seed, double lowest = -6,
                                      double highest = 4) {
    std::vector<float> values = random_values(count, seed);
    for (float& value : values) {
        const double place = std::abs(static_cast<double>(value));
        value = std::copysign(
            static_cast<float>(std::pow(10.0, lowest + (highest - lowest) * place)), value);
    }
    return values;
}

/// Many values against what is expected of them. What is not finite must show, and nothing else.
class Comparison {
  public:
    void add(float found, double expected, double tolerance) {
        ++count_;
        if (!std::isfinite(expected) || !std::isfinite(found)) {
            wrong_ += std::isfinite(expected) != std::isfinite(found) ? 1 : 0;
            return;
        }
        const double off = std::abs(static_cast<double>(found) - expected);
        wrong_ += off <= tolerance ? 0 : 1;
        worst_ = std::max(worst_, tolerance > 0 ? off / tolerance : 0);
    }
    void expect_all_near(const std::string& what) const {
        EXPECT_GT(count_, 0) << what;
        EXPECT_EQ(wrong_, 0) << "of " << count_ << ", " << what << "; the farthest finite one is "
                             << worst_ << " times its tolerance away";
    }
    double worst() const { return worst_; }

  private:
    std::int64_t count_ = 0;
    std::int64_t wrong_ = 0;
    double worst_ = 0;
};

/// A lane of the card, made up or true, and values in its memory. About all of them lie bytes that
/// are NaN in each type and must stay so.
class ForwardLane : public testing::Test {
  protected:
    void SetUp() override {
        const device::CardModule& module = device::CardModule::get();
        if (module.cards().empty()) {
            GTEST_SKIP() << "no card: " << module.reason();
        }
        is_made_up_ = module.cards().front().name == "made-up card";
        lane_ = make_lane();
    }
    void TearDown() override {
        for (const Margins& one : placed_) {
            std::vector<std::byte> bytes(one.bytes + 2 * kMargin);
            lane_->download(bytes, one.memory);
            const auto is_untouched = [](std::byte byte) { return byte == kFilled; };
            EXPECT_TRUE(std::all_of(bytes.begin(), bytes.begin() + kMargin, is_untouched));
            EXPECT_TRUE(std::all_of(bytes.end() - kMargin, bytes.end(), is_untouched));
            lane_->release(one.memory);
        }
    }

    static std::unique_ptr<card::ForwardLane> make_lane() {
        auto* const make =
            device::CardModule::get().function<card::MakeForwardLane>(card::kMakeForwardLane);
        return std::unique_ptr<card::ForwardLane>(make(0));
    }

    std::byte* room_for(std::size_t bytes) {
        const std::vector<std::byte> filled(bytes + 2 * kMargin, kFilled);
        void* const memory = lane_->allocate(filled.size());
        lane_->upload(memory, filled);
        placed_.push_back({memory, bytes});
        return static_cast<std::byte*>(memory) + kMargin;
    }
    float* room(std::int64_t count) {
        return reinterpret_cast<float*>(room_for(static_cast<std::size_t>(count) * sizeof(float)));
    }
    template <class Value>
    Value* put(const std::vector<Value>& values) {
        std::byte* const memory = room_for(values.size() * sizeof(Value));
        lane_->upload(memory, std::as_bytes(std::span(values)));
        return reinterpret_cast<Value*>(memory);
    }
    /// Rounded to the type.
    std::byte* put_as(ScalarType type, const std::vector<float>& values) {
        std::byte* const memory = room_for(values.size() * support::size_of(type));
        lane_->upload_as(memory, type, values);
        return memory;
    }
    template <class Value>
    std::vector<Value> get(const Value* from, std::int64_t count) {
        std::vector<Value> values(static_cast<std::size_t>(count));
        lane_->download(std::as_writable_bytes(std::span(values)), from);
        return values;
    }

    bool is_made_up_ = false;
    std::unique_ptr<card::ForwardLane> lane_;

  private:
    static constexpr std::ptrdiff_t kMargin = 256;
    static constexpr std::byte kFilled{0xFF};
    struct Margins {
        void* memory;
        std::size_t bytes;
    };
    std::vector<Margins> placed_;
};

/// The values as they are stored in the type.
inline std::vector<float> stored_in(ScalarType type, const std::vector<float>& values) {
    std::vector<std::byte> stored(values.size() * support::size_of(type));
    std::vector<float> out(values.size());
    support::narrow(values, type, stored);
    support::widen(stored, type, std::span(out));
    return out;
}

template <class Value>
bool same_bits(const std::vector<Value>& one, const std::vector<Value>& other) {
    return std::ranges::equal(std::as_bytes(std::span(one)), std::as_bytes(std::span(other)));
}

}  // namespace alphaprune::test
