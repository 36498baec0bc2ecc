#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "alphaprune/pruning/pruners.hpp"
#include "site_statistics.hpp"

namespace alphaprune::pruning {

/// The statistics of the sites of a block, each from its first sequence until it is released, and
/// those of what its mixtures of experts divide, with which experts of few tokens are blended:
/// these stay as long as the object. All calls are collective.
class BlockStatistics {
  public:
    BlockStatistics(const BlockInputs& inputs, const PrunerSettings& settings);

    void observe(std::size_t site, const SiteInput& input);
    void observe_routed(std::size_t mixture, const RoutedInput& input);

    /// @throws Error (failure) on all ranks: see SiteStatistics::finish
    SiteStatistics& finish(std::size_t site, const std::string& where);
    void release(std::size_t site) { sites_[site].reset(); }

  private:
    SiteStatistics statistics_of(const SiteShape& site);
    /// Of the mixture that the site is a part of; nullptr: of none.
    const SiteStatistics* routed(const SiteShape& site, const std::string& where);

    BlockInputs inputs_;
    PrunerSettings settings_;
    std::vector<std::optional<SiteStatistics>> sites_;
    std::vector<std::optional<SiteStatistics>> routed_;
    std::vector<bool> routed_finished_;
    std::shared_ptr<parallel::NodeArray<float>> vectors_;  ///< of which all make use in turn
};

}  // namespace alphaprune::pruning
