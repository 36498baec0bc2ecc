#include <algorithm>
#include <vector>

#include "alphaprune/linalg/joint_products.hpp"
#include "alphaprune/parallel/agreement.hpp"

namespace alphaprune::linalg {

/// The ranks of a node add theirs to different rows in turn, always in the same order.
JointProducts::JointProducts(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                             std::int64_t order, std::span<const std::int64_t> companions,
                             FarSums* own)
    : ranks_(ranks), nodes_(nodes), parts_{{order, 0}} {
    for (const std::int64_t size : companions) {
        parts_.push_back({size, height()});
    }
    parallel::run_collectively(ranks_,
                               [&] { sums_.emplace(nodes_.node(), height() * this->order()); });
    const parallel::Communicator& node = nodes_.node();
    support::FirstError problem;
    for (int turn = 0; turn < node.size(); ++turn) {
        if (own != nullptr) {
            const int share = (node.rank() + turn) % node.size();
            problem.guard([&] { add_far(*own, parallel::share_of(height(), node.size(), share)); });
        }
        sums_->sync();
    }
    parallel::agree(ranks_, problem.get());
    finish();
}

void JointProducts::add_far(FarSums& own, parallel::RowRange rows) {
    constexpr std::int64_t kAtATime = 65536;  // values that a thread takes
    const auto row_bytes = static_cast<std::uint64_t>(order()) * sizeof(double);
    std::vector<double> some;
    parallel::for_each_slab(rows, row_bytes, [&](parallel::RowRange slab) {
        some.resize(static_cast<std::size_t>(slab.size() * order()));
        own.take({slab.begin, slab.end, 0, order()}, some);
        double* const sums = sums_->values().data() + slab.begin * order();
        nodes_.threads().run_slices(std::ssize(some), kAtATime, [&](parallel::RowRange values) {
            for (std::int64_t at = values.begin; at < values.end; ++at) {
                sums[at] += some[static_cast<std::size_t>(at)];
            }
        });
    });
}

}  // namespace alphaprune::linalg
