#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "alphaprune/linalg/spectral_backend.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/planning/cost_model.hpp"

namespace alphaprune::planning {

/// A matrix whose spectrum is to be computed.
struct PlannedShape {
    std::string name;
    std::int64_t rows = 0;
    std::int64_t cols = 0;
    std::uint64_t stored_bytes = 0;
};
/// The prunable matrices, as in Catalogue::matrices.
std::vector<PlannedShape> shapes_of(const model::Catalogue& catalogue);

/// Where the work is to be done. The last node may have fewer ranks.
struct Cluster {
    int ranks = 1;
    int ranks_per_node = 1;
    std::optional<std::uint64_t> memory_per_rank;   ///< bytes; nothing: no limit
    int cards_per_node = 0;                         ///< graphics cards, each driven by one rank
    std::optional<std::uint64_t> card_memory = {};  ///< bytes; nothing: no limit

    int nodes() const { return (ranks + ranks_per_node - 1) / ranks_per_node; }
    /// Then activations are on cards.
    bool has_card_a_rank() const {
        return cards_per_node > 0 && cards_per_node >= std::min(ranks, ranks_per_node);
    }
};

/// The cluster in which the ranks that drive cards are all there is. @pre it has cards
Cluster with_cards_as_ranks(const Cluster& cluster);

/// Whether a solver distributes a matrix over a grid of ranks, anywhere: ELPA and ScaLAPACK.
bool spans_nodes(linalg::Solver solver);

/// How many threads of a rank can take matrices like ranks of their own: with ELPA and ScaLAPACK
/// only one, as their groups are made of ranks.
int threads_taking_matrices(std::optional<linalg::Solver> solver, int threads);

/// The cluster in which every such thread counts as a rank, with its part of the rank's memory.
Cluster with_threads_as_ranks(Cluster cluster, int threads);

/// Groups of that size within the nodes.
int groups_of(const Cluster& cluster, int group_ranks);

struct ShardOptions {
    std::optional<linalg::Solver> solver;  ///< nothing: the best for each matrix
    std::optional<int> group_ranks;  ///< ranks that share a matrix, where the solver can; nothing:
                                     ///< chosen, or with ELPA and ScaLAPACK all ranks
};

struct PlannedMatrix {
    int matrix = 0;  ///< index into the shapes
    linalg::Solver solver{};
    double seconds = 0;        ///< predicted
    std::uint64_t memory = 0;  ///< predicted, of a rank, beyond the program itself
};

/// Groups of one size at work on a list of matrices: whichever is free takes the next.
struct ShardStage {
    int group_ranks = 1;
    std::vector<PlannedMatrix> matrices;  ///< the longest first
};

/// Who does what in the spectrum phase. Every rank goes through the stages in order, without
/// waiting for other groups than its own.
struct ShardPlan {
    /// The larger groups first.
    std::vector<ShardStage> stages;
    /// Groups are formed over all ranks (ELPA, ScaLAPACK), not within the nodes.
    bool across_nodes = false;
    int threads = 1;           ///< of a rank, that take matrices, one each, where there are several
    double seconds = 0;        ///< predicted, until the last rank is done
    double balance = 1;        ///< mean over longest time that ranks work
    std::uint64_t memory = 0;  ///< predicted, of the rank that needs most
};

/// Bytes that a rank takes beside what it works on: what it, and the process that watches over it,
/// keep for themselves, and their part of the libraries, which the ranks of a node share. As
/// measured (benchmarks/node_memory.py).
std::uint64_t program_memory(const Cluster& cluster);

/// The plan that ends first by simulation: each matrix on one rank or, if it does not fit there, on
/// the smallest group of ranks of a node that it fits; beyond that some of the longest matrices on
/// larger groups, where that gains a tenth of the time at least.
/// @throws Error (bad_request) with every shape that fits no group, the memory it needs and the
///         remedy
ShardPlan make_shard_plan(const std::vector<PlannedShape>& shapes, const Cluster& cluster,
                          const CostModel& model, const ShardOptions& options);

}  // namespace alphaprune::planning
