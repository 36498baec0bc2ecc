#include "alphaprune/planning/shard_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <tuple>

#include "alphaprune/model/weight_reader.hpp"
#include "alphaprune/support/machine.hpp"
#include "alphaprune/support/message.hpp"
#include "stage_search.hpp"

namespace alphaprune::planning {
namespace {

const support::BadRequest<std::string, std::int64_t, std::int64_t, std::string, std::string,
                          std::string>
    kTooLarge{"planning.matrix-too-large",
              "{}, {} x {}, needs {} of memory per rank{}, and a rank has {}",
              "the matrix does not fit, not even shared by all ranks of a node",
              "use fewer ranks on each node, nodes with more memory, or --solver elpa2, which "
              "spreads a matrix over all nodes"};

/// Matrices of one kind cost the same.
struct Kind {
    int first = 0;  ///< the first matrix of this kind
    int count = 0;
    linalg::Solver solver{};
};

/// Whether groups of ranks on one node may share a matrix and come to the same bits as one rank.
bool shares_a_node(linalg::Solver solver) {
    return solver == linalg::Solver::two_stage;
}

/// Sizes worth trying: of all that give the same number of groups on a node, the largest.
std::set<int> useful_sizes(int ranks_per_node) {
    std::set<int> sizes;
    for (int groups = 1; groups <= ranks_per_node; ++groups) {
        sizes.insert(ranks_per_node / groups);
    }
    return sizes;
}

class Planner {
  public:
    Planner(const std::vector<PlannedShape>& shapes, const Cluster& cluster, const CostModel& model,
            const ShardOptions& options)
        : shapes_(shapes), cluster_(cluster), model_(model), options_(options) {
        cluster_.ranks_per_node = std::min(cluster.ranks_per_node, cluster.ranks);
        sort_into_kinds();
    }

    ShardPlan plan() {
        if (shapes_.empty()) {
            return {};
        }
        const bool across = options_.solver && spans_nodes(*options_.solver);
        StageProblem problem = across ? one_size_over_all_ranks() : sizes_within_a_node();
        tabulate(problem);
        const auto stages = stages_of(problem, best_choice(problem));
        const SimulatedStages outcome = simulated(problem, stages);
        ShardPlan plan;
        plan.across_nodes = across;
        plan.seconds = outcome.seconds;
        plan.balance = outcome.seconds > 0 ? outcome.busy / (outcome.seconds * problem.ranks) : 1;
        for (const ItemStage& stage : stages) {
            plan.stages.push_back(planned(problem, stage));
        }
        for (const ShardStage& stage : plan.stages) {
            for (const PlannedMatrix& matrix : stage.matrices) {
                plan.memory = std::max(plan.memory, matrix.memory);
            }
        }
        return plan;
    }

  private:
    void sort_into_kinds() {
        std::map<std::tuple<std::int64_t, std::int64_t, std::uint64_t>, std::size_t> known;
        for (std::size_t m = 0; m < shapes_.size(); ++m) {
            const PlannedShape& shape = shapes_[m];
            const auto [place, is_new] =
                known.try_emplace({shape.rows, shape.cols, shape.stored_bytes}, kinds_.size());
            if (is_new) {
                kinds_.push_back({static_cast<int>(m), 0,
                                  options_.solver.value_or(linalg::best_serial_solver(
                                      std::min(shape.rows, shape.cols)))});
            }
            ++kinds_[place->second].count;
            kind_of_.push_back(place->second);
        }
    }

    SpectrumTask task(const Kind& kind, int group_ranks) const {
        const PlannedShape& shape = shapes_[static_cast<std::size_t>(kind.first)];
        return {shape.rows, shape.cols, shape.stored_bytes, kind.solver, group_ranks};
    }

    /// One rank alone keeps the stored bytes beside what it makes of them, one of a group a part.
    std::uint64_t memory(const Kind& kind, int group_ranks) const {
        const SpectrumTask work = task(kind, group_ranks);
        const std::uint64_t share = work.stored_bytes / static_cast<std::uint64_t>(group_ranks);
        return linalg::memory_needed(work.solver, group_ranks, work.rows, work.cols) +
               (group_ranks == 1 ? share : std::min(share, model::kStripBytes));
    }
    bool fits(const Kind& kind, int group_ranks) const {
        return !cluster_.memory_per_rank ||
               memory(kind, group_ranks) + program_memory(cluster_) <= *cluster_.memory_per_rank;
    }

    /// The smallest group that has the memory; 0 when none on a node has.
    int least_group(const Kind& kind) const {
        const int most = shares_a_node(kind.solver) ? cluster_.ranks_per_node : 1;
        for (int group = 1; group <= most; ++group) {
            if (fits(kind, group)) {
                return group;
            }
        }
        return 0;
    }

    StageProblem one_size_over_all_ranks() {
        const int size = std::min(options_.group_ranks.value_or(cluster_.ranks), cluster_.ranks);
        const int groups = (cluster_.ranks + size - 1) / size;  // the last one may be smaller
        StageProblem problem{groups * size, groups * size, {size}, {}, {}, {}};
        support::FaultList faults;
        for (const Kind& kind : kinds_) {
            problem.least_size.push_back(0);
            if (!fits(kind, size)) {
                refuse(kind, size, faults);
            }
        }
        faults.throw_if_any();
        return problem;
    }

    StageProblem sizes_within_a_node() {
        std::set<int> sizes{1};
        if (options_.group_ranks) {
            sizes = {std::min(*options_.group_ranks, cluster_.ranks_per_node)};
        } else if (std::ranges::any_of(kinds_,
                                       [](const Kind& k) { return shares_a_node(k.solver); })) {
            sizes.merge(useful_sizes(cluster_.ranks_per_node));
        }
        support::FaultList faults;
        std::vector<int> least;
        for (const Kind& kind : kinds_) {
            least.push_back(options_.group_ranks && shares_a_node(kind.solver)
                                ? fits(kind, *sizes.begin()) ? *sizes.begin() : 0
                                : least_group(kind));
            if (least.back() == 0) {
                refuse(kind, shares_a_node(kind.solver) ? *sizes.rbegin() : 1, faults);
            } else {
                sizes.insert(least.back());
            }
        }
        faults.throw_if_any();
        StageProblem problem;
        problem.ranks = cluster_.ranks;
        problem.ranks_per_node = cluster_.ranks_per_node;
        problem.group_sizes.assign(sizes.begin(), sizes.end());
        for (const int group : least) {
            problem.least_size.push_back(
                static_cast<std::size_t>(std::ranges::lower_bound(problem.group_sizes, group) -
                                         problem.group_sizes.begin()));
        }
        return problem;
    }

    void refuse(const Kind& kind, int group_ranks, support::FaultList& faults) const {
        const PlannedShape& shape = shapes_[static_cast<std::size_t>(kind.first)];
        const std::string more = fmt::format(" (and {} more like it)", kind.count - 1);
        const std::string sharing = fmt::format(" when {} share it", group_ranks);
        faults.add(kTooLarge(
            "--memory-per-rank", shape.name + (kind.count > 1 ? more : ""), shape.rows, shape.cols,
            support::human_bytes(memory(kind, group_ranks) + program_memory(cluster_)),
            group_ranks > 1 ? sharing : "", support::human_bytes(*cluster_.memory_per_rank)));
    }

    /// Costs by kind and group size. A group cannot share what its solver does on one rank alone.
    void tabulate(StageProblem& problem) {
        for (const Kind& kind : kinds_) {
            std::vector<double>& row = problem.seconds.emplace_back();
            for (const int size : problem.group_sizes) {
                const bool possible = size == 1 || linalg::works_on_groups(kind.solver);
                row.push_back(possible ? model_.seconds(task(kind, size)) : HUGE_VAL);
            }
        }
        order_.resize(shapes_.size());
        std::iota(order_.begin(), order_.end(), 0);
        std::ranges::stable_sort(order_, [&](int a, int b) {
            return problem.seconds[kind_of_[static_cast<std::size_t>(a)]][0] >
                   problem.seconds[kind_of_[static_cast<std::size_t>(b)]][0];
        });
        for (const int matrix : order_) {
            problem.kinds.push_back(kind_of_[static_cast<std::size_t>(matrix)]);
        }
    }

    ShardStage planned(const StageProblem& problem, const ItemStage& stage) const {
        ShardStage planned{problem.group_sizes[stage.size], {}};
        for (const std::size_t item : stage.items) {
            const std::size_t kind = problem.kinds[item];
            planned.matrices.push_back({order_[item], kinds_[kind].solver,
                                        problem.seconds[kind][stage.size],
                                        memory(kinds_[kind], planned.group_ranks)});
        }
        return planned;
    }

    const std::vector<PlannedShape>& shapes_;
    Cluster cluster_;
    const CostModel& model_;
    const ShardOptions& options_;
    std::vector<Kind> kinds_;
    std::vector<std::size_t> kind_of_;
    std::vector<int> order_;  ///< matrices, the longest first
};

}  // namespace

bool spans_nodes(linalg::Solver solver) {
    return linalg::works_on_groups(solver) && !shares_a_node(solver);
}

int threads_taking_matrices(std::optional<linalg::Solver> solver, int threads) {
    return solver && spans_nodes(*solver) ? 1 : threads;
}

Cluster with_threads_as_ranks(Cluster cluster, int threads) {
    cluster.ranks *= threads;
    cluster.ranks_per_node *= threads;
    if (cluster.memory_per_rank) {
        *cluster.memory_per_rank /= static_cast<std::uint64_t>(threads);
    }
    return cluster;
}

Cluster with_cards_as_ranks(const Cluster& cluster) {
    const int of_node = std::min(cluster.cards_per_node, cluster.ranks_per_node);
    const int last = cluster.ranks % cluster.ranks_per_node;
    const int cards =
        cluster.ranks / cluster.ranks_per_node * of_node + std::min(last, cluster.cards_per_node);
    return {cards, of_node, cluster.memory_per_rank, cluster.cards_per_node, cluster.card_memory};
}

std::uint64_t program_memory(const Cluster& cluster) {
    constexpr std::uint64_t kOwn = 12'000'000;
    constexpr std::uint64_t kOfANode = 12'000'000;
    const int sharing = std::min(cluster.ranks, cluster.ranks_per_node);
    return kOwn + kOfANode / static_cast<std::uint64_t>(sharing);
}

int groups_of(const Cluster& cluster, int group_ranks) {
    const int whole_nodes = cluster.ranks / cluster.ranks_per_node;
    const int last_node = cluster.ranks % cluster.ranks_per_node;
    return whole_nodes * (cluster.ranks_per_node / group_ranks) + last_node / group_ranks;
}

std::vector<PlannedShape> shapes_of(const model::Catalogue& catalogue) {
    std::vector<PlannedShape> shapes;
    for (const model::MatrixInfo& matrix : catalogue.matrices) {
        shapes.push_back({catalogue.name_of(matrix), matrix.rows, matrix.cols,
                          static_cast<std::uint64_t>(catalogue.stored_bytes_of(matrix))});
    }
    return shapes;
}

ShardPlan make_shard_plan(const std::vector<PlannedShape>& shapes, const Cluster& cluster,
                          const CostModel& model, const ShardOptions& options) {
    return Planner(shapes, cluster, model, options).plan();
}

}  // namespace alphaprune::planning
