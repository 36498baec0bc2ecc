// Memory of a card, and what the made-up one refuses.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>
#include <thread>

#include "transformer/lane_fixture.hpp"

namespace alphaprune::test {
namespace {

using device::CardError;
using device::CardFault;

class LaneMemory : public ForwardLane {};

std::vector<std::byte> counted_bytes(std::size_t count) {
    std::vector<std::byte> bytes(count);
    std::uint32_t state = 1;
    for (std::byte& byte : bytes) {
        state = state * 1664525U + 1013904223U;
        byte = static_cast<std::byte>(state >> 24U);
    }
    return bytes;
}

TEST_F(LaneMemory, IsAligned) {
    std::vector<void*> memory;
    for (const std::size_t bytes : {1, 255, 256, 257, 100000}) {
        memory.push_back(lane_->allocate(bytes));
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.back()) % 256, 0U);
    }
    for (void* const one : memory) {
        lane_->release(one);
    }
    lane_->release(nullptr);
}

/// More than any buffer that it goes through on its way.
TEST_F(LaneMemory, TakesAndGivesBackBytesOfAnyNumber) {
    for (const std::size_t bytes :
         {std::size_t{0}, std::size_t{1}, std::size_t{4097}, std::size_t{100'000'003}}) {
        std::vector<std::byte> sent = counted_bytes(bytes);
        std::byte* const there = room_for(bytes);
        lane_->upload(there, sent);
        const std::vector<std::byte> kept = sent;
        std::fill(sent.begin(), sent.end(), std::byte{0});
        EXPECT_TRUE(same_bits(get(there, static_cast<std::int64_t>(bytes)), kept)) << bytes;
    }
}

/// The next upload is filled in while the card may still be copying the last one.
TEST_F(LaneMemory, LetsTheSenderReuseItsBuffer) {
    std::vector<std::byte> sent(3'000'001);
    std::vector<std::byte*> there;
    for (int i = 0; i < 40; ++i) {
        there.push_back(room_for(sent.size()));
        std::fill(sent.begin(), sent.end(), static_cast<std::byte>(i));
        lane_->upload(there.back(), sent);
        std::fill(sent.begin(), sent.end(), std::byte{0xEE});
    }
    for (int i = 0; i < 40; ++i) {
        std::fill(sent.begin(), sent.end(), static_cast<std::byte>(i));
        EXPECT_TRUE(same_bits(get(there[static_cast<std::size_t>(i)], std::ssize(sent)), sent));
    }
}

/// Whole and in part, both ways, and as before once it is no more.
TEST_F(LaneMemory, CopiesPinnedMemoryLikeAnyOther) {
    constexpr std::size_t kBytes = 40'000'000;
    std::vector<std::byte> held = counted_bytes(kBytes);
    const std::vector<std::byte> kept = held;
    std::byte* const there = room_for(kBytes);
    const auto goes_and_comes = [&](std::span<std::byte> some) {
        lane_->upload(there, some);
        std::ranges::fill(some, std::byte{0xEE});  // what was uploaded may be changed
        lane_->download(some, there);
        EXPECT_TRUE(same_bits(held, kept));
    };
    {
        const linalg::PinnedRange pinned(*lane_, std::span(held).subspan(4096, kBytes / 2));
        goes_and_comes(std::span(held).subspan(4096, kBytes / 2));
        goes_and_comes(std::span(held).subspan(8191, 3001));
        goes_and_comes(std::span(held).subspan(100, 3001));
        goes_and_comes(held);
    }
    goes_and_comes(held);
    const linalg::PinnedRange nothing(*lane_, std::span<std::byte>{});
}

/// To nearest, ties to even, values too large and too small for the type among them.
TEST_F(LaneMemory, RoundsValuesToTheTypeTheyArePutDownIn) {
    for (const std::int64_t count : {0, 1, 1031, 25'000'001}) {
        std::vector<float> values = wide_values(count, 7, -9, 6);
        const std::vector<float> ties{
            1.00390625F,  // in bfloat16, down and up
            1.01171875F,
            1.00048828125F,  // in float16
            1.00146484375F,        65519, 65520,   std::ldexp(1.0F, -25),
            std::ldexp(1.5F, -24), -0.0F, 3.4e38F, std::numeric_limits<float>::infinity()};
        if (count > std::ssize(ties)) {
            std::copy(ties.begin(), ties.end(), values.begin());
        }
        for (const ScalarType type :
             {ScalarType::bfloat16, ScalarType::float16, ScalarType::float32}) {
            const std::size_t bytes = values.size() * support::size_of(type);
            std::vector<std::byte> expected(bytes);
            support::narrow(values, type, expected);
            std::byte* const there = put_as(type, values);
            EXPECT_TRUE(same_bits(get(there, static_cast<std::int64_t>(bytes)), expected))
                << count << " in " << support::name_of(type);
        }
    }
    const std::vector<float> no_number(3, std::numeric_limits<float>::quiet_NaN());
    const std::vector<std::uint16_t> found =
        get(reinterpret_cast<std::uint16_t*>(put_as(ScalarType::bfloat16, no_number)), 3);
    EXPECT_TRUE(std::isnan(support::bfloat16_to_float(found[2])));
}

TEST_F(LaneMemory, CopiesAndClears) {
    const std::vector<std::byte> bytes = counted_bytes(1'000'003);
    std::byte* const from = put(bytes);
    std::byte* const to = room_for(bytes.size());
    lane_->copy(to, from, bytes.size());
    lane_->clear(to + 1001, 5003);
    lane_->copy(to, from, 0);
    lane_->wait();
    std::vector<std::byte> expected = bytes;
    std::fill_n(expected.begin() + 1001, 5003, std::byte{0});
    EXPECT_TRUE(same_bits(get(to, std::ssize(bytes)), expected));
}

/// Of the made-up card.
class FakeLaneFaults : public ForwardLane {
  protected:
    void SetUp() override {
        ForwardLane::SetUp();
        if (!IsSkipped() && !is_made_up_) {
            GTEST_SKIP() << "a true card does not fail on demand";
        }
    }
    /// That the work is refused, on a lane of its own with that much memory, and all after it.
    static void expect_refused(const std::string& why, std::size_t bytes,
                               const std::function<void(card::ForwardLane&, std::byte*)>& work) {
        const auto lane = make_lane();
        auto* const memory = static_cast<std::byte*>(lane->allocate(bytes));
        lane->clear(memory, bytes);
        for (int time = 0; time < 2; ++time) {
            try {
                time == 0 ? work(*lane, memory) : lane->wait();
                ADD_FAILURE() << "not refused: " << why;
            } catch (const CardError& error) {
                EXPECT_EQ(error.fault(), CardFault::refused);
                EXPECT_NE(std::string(error.what()).find(why), std::string::npos) << error.what();
            }
        }
    }
};

float* floats(std::byte* memory, std::ptrdiff_t index = 0) {
    return reinterpret_cast<float*>(memory) + index;
}

TEST_F(FakeLaneFaults, RefusesMemoryThatIsNotItsOwn) {
    std::vector<float> mine(100);
    expect_refused("added is not in memory of the card", 400, [&](auto& lane, auto* memory) {
        lane.add({floats(memory), mine.data(), 100, 1});
    });
    expect_refused("sum: 400 bytes, but 396 are left", 800, [](auto& lane, auto* memory) {
        lane.add({floats(memory, 101), floats(memory), 100, 1});
    });
    expect_refused("not in memory of the card", 400, [](auto& lane, auto* memory) {
        lane.release(memory);
        lane.clear(memory, 1);
    });
    expect_refused("was not allocated", 400,
                   [](auto& lane, auto* memory) { lane.release(memory + 256); });
    expect_refused("not aligned", 400, [](auto& lane, auto* memory) {
        lane.add({floats(memory), floats(memory + 202), 10, 1});
    });
    expect_refused("weights: 14 bytes, but 12 are left", 4096, [](auto& lane, auto* memory) {
        const card::Product one{floats(memory),       1,       7, memory + 4084,
                                ScalarType::bfloat16, nullptr, 1, nullptr,
                                floats(memory, 100),  false};
        lane.multiply({{one}}, ForwardPrecision::bf16);
    });
    expect_refused("from: 28 bytes, but 24 are left", 4096, [](auto& lane, auto* memory) {
        const std::int32_t index = 146;  // 4 before: values 1018 to 1025 of 1024
        lane.upload(memory, std::as_bytes(std::span(&index, 1)));
        lane.gather({floats(memory, -4), reinterpret_cast<const std::int32_t*>(memory),
                     floats(memory, 100), 1, 7});
    });
}

TEST_F(FakeLaneFaults, RefusesToWriteWhatItReads) {
    expect_refused("input is written in the same piece of work", 4096,
                   [](auto& lane, auto* memory) {
                       const card::Product one{floats(memory),      2,       7, memory + 2048,
                                               ScalarType::float32, nullptr, 3, nullptr,
                                               floats(memory, 13),  false};
                       lane.multiply({{one}}, ForwardPrecision::float32);
                   });
    expect_refused("out is written twice", 4096, [](auto& lane, auto* memory) {
        const card::Product one{floats(memory),      2,       7, memory + 2048,
                                ScalarType::float32, nullptr, 3, nullptr,
                                floats(memory, 100), false};
        lane.multiply({{one, one}}, ForwardPrecision::float32);
    });
    expect_refused("sum is written twice", 4096, [](auto& lane, auto* memory) {
        lane.scatter({floats(memory, 100), reinterpret_cast<const std::int32_t*>(memory), nullptr,
                      false, floats(memory, 200), 2, 7});
    });
}

TEST_F(FakeLaneFaults, RefusesToDropWhatItCannot) {
    const auto expect = [](const std::string& why, const card::Dropping& work) {
        expect_refused(why, 4096, [&](auto& lane, auto* memory) {
            card::Dropping placed = work;
            placed.weights = memory;
            placed.scales = placed.scales == nullptr ? floats(memory, 1000) : placed.scales;
            lane.drop_lowest(placed);
        });
    };
    const float mine[7]{};
    const auto type = ScalarType::bfloat16;
    expect("weights: 4100 bytes, but 4096 are left", {nullptr, type, 1025, 2, nullptr, 1});
    expect("scales is not in memory of the card", {nullptr, type, 2, 7, mine, 1});
    expect("scales is written in the same piece", {nullptr, type, 1001, 2, nullptr, 1});
    expect("more is dropped than there is", {nullptr, type, 2, 7, nullptr, 8});
    expect("more is dropped than there is", {nullptr, type, 2, 7, nullptr, -1});
    expect("no such groups", {nullptr, type, 2, 7, nullptr, 0, 17, 1});
    expect("no such groups", {nullptr, type, 2, 7, nullptr, 0, 4, 5});
    expect("float64 is not computed with", {nullptr, ScalarType::float64, 2, 7, nullptr, 1});
    expect_refused("a negative scale", 400, [](auto& lane, auto* memory) {
        const float scale = -1;
        lane.upload(memory + 4, std::as_bytes(std::span(&scale, 1)));
        lane.drop_lowest({memory + 8, ScalarType::float32, 1, 2, floats(memory), 1});
    });
}

TEST_F(FakeLaneFaults, RefusesAlgebraThatIsNotOffered) {
    const auto sweep = [](const std::string& why, std::int64_t cols, std::int64_t stride, int group,
                          int removed) {
        expect_refused(why, 1 << 20, [&](auto& lane, auto* memory) {
            lane.sweep({.weights = floats(memory),
                        .stride = stride,
                        .rows = 2,
                        .cols = cols,
                        .factor = floats(memory, 100'000),
                        .factor_stride = cols,
                        .group = group,
                        .removed = removed,
                        .errors = floats(memory, 50'000),
                        .error_stride = cols});
        });
    };
    sweep("too wide a panel", 129, 129, 0, 0);
    sweep("rows that overlap", 128, 127, 0, 0);
    sweep("no such groups", 128, 128, 17, 1);
    sweep("no such groups", 128, 128, 1, 1);
    sweep("no such groups", 128, 128, 4, 5);
    const auto refuse = [](const std::string& why, const auto& work) {
        expect_refused(why, 4096, work);
    };
    refuse("no such groups", [](auto& lane, auto* memory) {
        lane.choose_in_groups({.values = floats(memory),
                               .rows = 1,
                               .cols = 8,
                               .group = 32,
                               .removed = 1,
                               .stays = reinterpret_cast<std::uint8_t*>(memory) + 2048});
    });
    for (const int bits : {0, 13}) {
        refuse("count_magnitudes: bits", [&](auto& lane, auto* memory) {
            lane.count_magnitudes(
                {.bits = bits, .counts = reinterpret_cast<std::uint32_t*>(memory)});
        });
    }
    refuse("undecided bits", [](auto& lane, auto* memory) {
        lane.count_magnitudes(
            {.undecided = 10, .bits = 11, .counts = reinterpret_cast<std::uint32_t*>(memory)});
    });
    refuse("factor: no order", [](auto& lane, auto* memory) {
        lane.factor({}, false, reinterpret_cast<double*>(memory));
    });
    refuse("of another order", [](auto& lane, auto* memory) {
        const std::vector<double> two(2);
        lane.make_scaled({reinterpret_cast<double*>(memory), 3, two, two}, floats(memory, 100));
    });
    refuse("a is written in the same piece", [](auto& lane, auto* memory) {
        lane.multiply_add(
            {1, floats(memory), 7, floats(memory, 100), 2, 0, floats(memory, 6), 2, 2, 7, 2});
    });
    refuse("base is written in the same piece", [](auto& lane, auto* memory) {
        lane.add_chosen({floats(memory, 1), floats(memory, 100),
                         reinterpret_cast<std::uint8_t*>(memory) + 2048, 9, 1, 1, floats(memory)});
    });
    refuse("float64 is not computed with", [](auto& lane, auto* memory) {
        lane.widen(memory, ScalarType::float64, 2, floats(memory, 100));
    });
}

TEST_F(FakeLaneFaults, RefusesASecondThread) {
    expect_refused("second thread", 400, [](auto& lane, auto* /*memory*/) {
        std::exception_ptr fault;
        std::thread([&] {
            try {
                lane.wait();
            } catch (const CardError&) {
                fault = std::current_exception();
            }
        }).join();
        if (fault) {
            std::rethrow_exception(fault);
        }
    });
}

TEST_F(FakeLaneFaults, IsLostOnDemandForGood) {
    ::setenv("FAKE_CARD_FORWARD_LOST", "2", 1);
    lane_->multiply({}, ForwardPrecision::bf16);
    for (int time = 0; time < 2; ++time) {
        try {
            time == 0 ? lane_->multiply({}, ForwardPrecision::bf16) : lane_->wait();
            ADD_FAILURE() << "not lost";
        } catch (const CardError& error) {
            EXPECT_EQ(error.fault(), CardFault::lost);
        }
    }
    EXPECT_STREQ(std::getenv("FAKE_CARD_FORWARD_LOST"), "0");
    ::unsetenv("FAKE_CARD_FORWARD_LOST");
    make_lane()->multiply({}, ForwardPrecision::bf16);
}

TEST_F(FakeLaneFaults, IsFullOnDemandAndGoesOn) {
    ::setenv("FAKE_CARD_FORWARD_FULL", "2", 1);
    void* const memory = lane_->allocate(100);
    try {
        lane_->allocate(100);
        ADD_FAILURE() << "not full";
    } catch (const CardError& error) {
        EXPECT_EQ(error.fault(), CardFault::out_of_memory);
    }
    ::unsetenv("FAKE_CARD_FORWARD_FULL");
    lane_->release(memory);
    lane_->release(lane_->allocate(100));
}

}  // namespace
}  // namespace alphaprune::test
