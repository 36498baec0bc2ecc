#include "alphaprune/parallel/node_map.hpp"

#include <utility>

namespace alphaprune::parallel {

NodeMap::NodeMap(const Communicator& ranks) : NodeMap(ranks, ranks.split_by_node()) {}

NodeMap::NodeMap(const Communicator& ranks, Communicator node) : node_(std::move(node)) {
    constexpr int kLeaders = 0;
    constexpr int kOthers = 1;
    Communicator half = ranks.split(node_.is_root() ? kLeaders : kOthers, ranks.rank());
    int number = half.rank();  // a leader's number is its node's number
    node_.broadcast(std::span(&number, 1));
    node_of_rank_ = ranks.all_gather(number);
    nodes_ = ranks.sum(node_.is_root() ? 1 : 0);
    if (node_.is_root()) {
        leaders_.emplace(std::move(half));
    }
}

void NodeMap::broadcast_from_node_of(int rank, std::span<float> values) const {
    if (leaders_ && nodes_ > 1) {
        leaders_->broadcast(values, node_of_rank_[static_cast<std::size_t>(rank)]);
    }
}

}  // namespace alphaprune::parallel
