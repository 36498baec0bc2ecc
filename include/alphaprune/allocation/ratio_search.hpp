#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "alphaprune/allocation/allocation.hpp"

namespace alphaprune::allocation {

/// What kind of layer a matrix is, as far as ratios follow it.
enum class LayerKind { query_key, value_output, other };

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

/// Ratios that minimize a loss, within a number of evaluations: the best of the starts; then, one
/// coordinate after the other, an offset of attention, one of query and key against value and
/// output, one of the first block and a slope over the blocks; then an evolution as EvoPress has it
/// (arXiv 2410.14649): a step of the ratio is moved from a matrix to another of the same size, and
/// what is better survives. Every candidate meets S. Deterministic where the loss is.
/// @param starts    at least one
/// @param evaluate  the loss of some ratios; NaN or infinite: worse than any other
/// @param stop      asked before each evaluation but the first: true ends the search, as the caller
///                  does when the limit of time is reached
SearchResult search_ratios(std::span<const SearchItem> items, std::span<const SearchStart> starts,
                           const SearchLimits& limits,
                           const std::function<double(std::span<const double>)>& evaluate,
                           const std::function<bool()>& stop);

}  // namespace alphaprune::allocation
