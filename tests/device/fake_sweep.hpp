#pragma once

#include "alphaprune/linalg/far_lane.hpp"
#include "fake_memory.hpp"

// What the made-up card does for SparseGPT, see FarLane: plain loops.

void score_panel(const alphaprune::linalg::PanelScores& work, TouchedMemory& memory);
void count_by_bits(const alphaprune::linalg::MagnitudeCount& work, TouchedMemory& memory);
void sweep_panel(const alphaprune::linalg::PanelSweep& work, TouchedMemory& memory);
