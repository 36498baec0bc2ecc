#include "forecast_parts.hpp"

#include <algorithm>
#include <cmath>

namespace alphaprune::planning {
namespace {

constexpr double kLatency = 5e-6;  // of a message

double rounds(int parties) {
    return std::ceil(std::log2(std::max(parties, 1)));
}

}  // namespace

Transfers::Transfers(const Cluster& cluster, const CostModel& model)
    : rates_(model.rates),
      generated_(model.generated),
      ranks_(cluster.ranks),
      nodes_((cluster.ranks + cluster.ranks_per_node - 1) / cluster.ranks_per_node) {}

double Transfers::reading_seconds(double bytes) const {
    const double rate = generated_ ? ranks_ * rates_.generate_gbps
                                   : std::min(nodes_ * rates_.read_gbps, rates_.storage_gbps);
    return bytes / (rate * 1e9);
}

double Transfers::writing_seconds(double bytes) const {
    return bytes / (std::min(nodes_ * rates_.write_gbps, rates_.storage_gbps) * 1e9);
}

double Transfers::message_seconds() const {
    return 2 * rounds(ranks_) * kLatency;
}

double Transfers::sum_seconds(double bytes) const {
    const double within = std::min(ranks_ - 1, 1) * 2 * bytes / (rates_.memory_gbps * 1e9);
    const double between = std::min(nodes_ - 1, 1) * 2 * bytes / (rates_.network_gbps * 1e9);
    return message_seconds() + within + between;
}

double Transfers::broadcast_seconds(double bytes) const {
    return std::min(nodes_ - 1, 1) * bytes / (rates_.network_gbps * 1e9) +
           rounds(nodes_) * kLatency;
}

}  // namespace alphaprune::planning
