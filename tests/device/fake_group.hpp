#pragma once

#include <memory>

#include "alphaprune/linalg/far_group.hpp"

// Groups of made-up cards of one node, which show each other their values in files.
//     FAKE_CARD_GROUPS=-1   none can be formed
//     FAKE_CARD_GROUPS=-2   nobody can join
//     FAKE_CARD_GROUPS=-3   nobody can add up

/// Another one each time.
alphaprune::linalg::FarGroupKey make_fake_key();
std::unique_ptr<alphaprune::linalg::FarGroup> join_fake_group(
    const alphaprune::linalg::FarGroupKey& key, int rank, int ranks);
