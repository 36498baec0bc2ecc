#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "alphaprune/allocation/allocation.hpp"

namespace alphaprune::allocation {

/// What kind of layer a matrix is, as far as ratios follow it.
enum class LayerKind { query_key, value, output, gate, up, down, other };

/// What a search knows of a prunable matrix.
struct SearchItem {
    int block = 0;
    std::int64_t weights = 0;
    LayerKind kind = LayerKind::other;
    std::string name = {};  ///< for the history
};

/// Ratios that a search may begin with, one per matrix.
struct SearchStart {
    std::string name;
    std::vector<double> ratios;
};

struct SearchLimits {
    double sparsity_ratio = 0.7;  ///< S, the weighted mean of all candidates
    double most = 0.985;          ///< no matrix gets a larger ratio
    int evaluations = 40;         ///< candidates that are tried
    double seconds = 0;           ///< after which no other is; 0: no limit
    std::uint64_t seed = 0;       ///< of the mutations
};
/// As the options of the allocation `search` and those that it shares with others say.
SearchLimits search_limits(const AllocationOptions& options, const support::MethodValues& own);

/// One candidate of a search.
struct SearchStep {
    std::string change;  ///< "uniform", "attention +0.06"
    double loss = 0;
    bool better = false;  ///< than all before

    friend bool operator==(const SearchStep&, const SearchStep&) = default;
};

struct SearchResult {
    std::vector<double> ratios;  ///< of the best candidate
    double loss = 0;             ///< its
    std::vector<SearchStep> history;
};

/// The losses of several candidates, ratios of every matrix each; NaN or infinite: worse than any
/// other. They may be found side by side. Fewer losses than candidates, but of the first in any
/// case, end the search, as a limit of time does.
using Evaluate = std::function<std::vector<double>(std::span<const std::vector<double>>)>;

/// Ratios that minimize a noisy loss, within a number of evaluations. First the starts. Then, from
/// the better, a step both ways along each of a few coordinates (query and key against value and
/// output; value against output; attention; gate against up; down against both; the first block; a
/// slope and a parabola over the blocks). A surface is fitted to the logarithms of all losses, and
/// generations of candidates around its least refine it; after 40 evaluations its least is taken,
/// not the luckiest candidate. What is left goes to generations as EvoPress has them (arXiv
/// 2410.14649): offspring in which steps of the ratio are moved between matrices of the same size.
/// Every candidate meets S. Deterministic where the losses are.
/// @param starts  at least one
SearchResult search_ratios(std::span<const SearchItem> items, std::span<const SearchStart> starts,
                           const SearchLimits& limits, const Evaluate& evaluate);

}  // namespace alphaprune::allocation
