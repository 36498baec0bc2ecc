#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "alphaprune/model/weight_reader.hpp"
#include "phases/shared_model.hpp"
#include "phases/stores.hpp"
#include "support/threads.hpp"

namespace alphaprune::test {

/// Sequences of random tokens, the same on every rank.
inline model::TokenSequences random_sequences(std::int64_t count, std::int64_t length,
                                              std::uint32_t seed = 5) {
    constexpr std::uint32_t kVocabulary = 32;
    std::minstd_rand next(seed);
    model::TokenSequences sequences{length, {}};
    for (std::int64_t i = 0; i < count * length; ++i) {
        sequences.ids.push_back(static_cast<std::int32_t>(next() % kVocabulary));
    }
    return sequences;
}

/// Another ratio for each matrix.
inline std::vector<pruning::PruneTarget> varied_targets(const model::Catalogue& catalogue) {
    std::vector<pruning::PruneTarget> targets(catalogue.matrices.size());
    for (std::size_t m = 0; m < targets.size(); ++m) {
        targets[m].ratio = 0.05 * static_cast<double>((3 * m + 7) % 20);
    }
    return targets;
}

/// This rank by itself.
inline parallel::Communicator alone() {
    return world().split(world().rank(), 0);
}

/// The world as so many nodes, neighbors on different ones, with so many threads a rank.
inline parallel::NodeMap spread_over(int nodes, int threads = 1) {
    return parallel::NodeMap(world(), world().split(world().rank() % nodes, world().rank()),
                             threads_of(threads));
}

inline std::vector<std::byte> stored_bytes(const model::Catalogue& catalogue,
                                           const model::TensorInfo& tensor) {
    std::vector<std::byte> bytes(tensor.bytes());
    model::WeightReader(catalogue).read_rows(tensor, {0, tensor.rows()}, bytes);
    return bytes;
}

inline std::vector<float> widened(std::span<const std::byte> bytes, support::ScalarType type) {
    std::vector<float> values(bytes.size() / support::size_of(type));
    support::widen(bytes, type, std::span(values));
    return values;
}

/// What came out of a run: every tensor, put together from the stores of all ranks.
struct Pruned {
    std::vector<std::vector<std::byte>> tensors;
    phases::PrunedModel result;
};

/// Adds up what the stores got, and fails the test unless each byte came exactly once.
inline std::vector<std::byte> put_together(const parallel::Communicator& ranks,
                                           std::vector<int> received, const std::string& name) {
    constexpr int kOnce = 256;  // added to a byte whenever it comes
    ranks.all_reduce_sum(std::span(received));
    std::vector<std::byte> bytes;
    int wrong = 0;
    for (const int value : received) {
        wrong += value / kOnce == 1 ? 0 : 1;
        bytes.push_back(static_cast<std::byte>(value % kOnce));
    }
    EXPECT_EQ(wrong, 0) << name << ": bytes that did not come exactly once";
    return bytes;
}

inline Pruned run_calibrated(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                             const model::Catalogue& catalogue, std::string_view pruner,
                             const model::TokenSequences& sequences,
                             std::span<const pruning::PruneTarget> targets) {
    std::vector<std::vector<int>> received;
    for (const model::TensorInfo& tensor : catalogue.tensors) {
        received.emplace_back(tensor.bytes(), 0);
    }
    Pruned pruned;
    RowsTo store([&](const resume::WrittenRows& written, std::span<const std::byte> bytes) {
        const auto t = static_cast<std::size_t>(written.tensor);
        auto at = static_cast<std::size_t>(written.rows.begin) * catalogue.tensors[t].row_bytes();
        for (const std::byte byte : bytes) {
            received[t].at(at++) += 256 + std::to_integer<int>(byte);
        }
    });
    pruned.result = prune_calibrated(ranks, nodes, catalogue, pruner, sequences, targets, store);
    for (std::size_t t = 0; t < received.size(); ++t) {
        pruned.tensors.push_back(
            put_together(ranks, std::move(received[t]), catalogue.tensors[t].name));
    }
    return pruned;
}

/// The same run by this rank alone.
inline Pruned run_alone(const model::Catalogue& catalogue, std::string_view pruner,
                        const model::TokenSequences& sequences,
                        std::span<const pruning::PruneTarget> targets) {
    const parallel::Communicator self = alone();
    return run_calibrated(self, parallel::NodeMap(self), catalogue, pruner, sequences, targets);
}

inline void expect_same_bits(const model::Catalogue& catalogue, const Pruned& one,
                             const Pruned& other) {
    for (std::size_t t = 0; t < catalogue.tensors.size(); ++t) {
        EXPECT_TRUE(one.tensors[t] == other.tensors[t]) << catalogue.tensors[t].name;
        EXPECT_EQ(one.result.tensors[t].checksum, other.result.tensors[t].checksum);
        EXPECT_EQ(one.result.tensors[t].zeros, other.result.tensors[t].zeros);
    }
}

}  // namespace alphaprune::test
