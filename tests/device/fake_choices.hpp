#pragma once

#include <cstdint>

#include "alphaprune/linalg/far_lane.hpp"
#include "fake_memory.hpp"

// What the made-up card does where weights are chosen, see FarLane.

inline constexpr int kLargestFakeGroup = 16;

/// Which of so many scores come first, up to 32: the `removed` lowest, leftmost of equals first.
std::uint32_t lowest_of(const float* scores, int width, int removed);

void choose_above(const alphaprune::linalg::LargerChoice& work, TouchedMemory& memory);
void choose_by_group(const alphaprune::linalg::GroupChoice& work, TouchedMemory& memory);
void sum_chosen(const alphaprune::linalg::ChosenSum& work, TouchedMemory& memory);
std::int64_t take_support(const alphaprune::linalg::SupportLook& work, TouchedMemory& memory);
