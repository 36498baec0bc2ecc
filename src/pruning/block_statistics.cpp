#include "block_statistics.hpp"

#include <algorithm>
#include <cassert>

#include "alphaprune/parallel/agreement.hpp"

namespace alphaprune::pruning {

BlockStatistics::BlockStatistics(const BlockInputs& inputs, const PrunerSettings& settings)
    : inputs_(inputs),
      settings_(settings),
      sites_(inputs.sites.size()),
      routed_(inputs.mixtures.size()),
      routed_finished_(inputs.mixtures.size(), false) {}

SiteStatistics BlockStatistics::statistics_of(const SiteShape& site) {
    if (!vectors_ && inputs_.far == nullptr) {
        std::int64_t most = 0;
        for (const SiteShape& one : inputs_.sites) {
            most = std::max(most, SiteStatistics::vectors_size(inputs_.nodes.node().size(), one,
                                                               settings_.outputs));
        }
        vectors_ = parallel::run_collectively(inputs_.ranks, [&] {
            return std::make_shared<parallel::NodeArray<float>>(inputs_.nodes.node(), most);
        });
    }
    return {inputs_, site, settings_, vectors_};
}

void BlockStatistics::observe(std::size_t site, const SiteInput& input) {
    if (!sites_[site]) {
        sites_[site].emplace(statistics_of(inputs_.sites[site]));
    }
    sites_[site]->add(input);
}

void BlockStatistics::observe_routed(std::size_t mixture, const RoutedInput& input) {
    assert(!routed_finished_[mixture]);
    if (!routed_[mixture]) {
        routed_[mixture].emplace(
            statistics_of({.cols = inputs_.mixtures[mixture], .is_divided = true}));
    }
    routed_[mixture]->add({0, input.tokens, input.present, input.dense, {}, {}});
}

SiteStatistics& BlockStatistics::finish(std::size_t site, const std::string& where) {
    sites_[site]->finish(where, routed(inputs_.sites[site], where));
    return *sites_[site];
}

const SiteStatistics* BlockStatistics::routed(const SiteShape& site, const std::string& where) {
    if (!site.mixture) {
        return nullptr;
    }
    const std::size_t mixture = *site.mixture;
    if (!routed_finished_[mixture]) {
        routed_[mixture]->finish(where);
        routed_finished_[mixture] = true;
    }
    return &*routed_[mixture];
}

}  // namespace alphaprune::pruning
