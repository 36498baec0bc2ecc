#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "alphaprune/support/error.hpp"
#include "alphaprune/transformer/forward_plan.hpp"

namespace alphaprune::transformer {

/// Looks up tensors by the names of the family and checks their shapes and types; what is missing
/// or wrong is collected, to be told at once. Remembers which tensors were asked for.
class TensorFinder {
  public:
    /// @param catalogue  outlives the finder
    explicit TensorFinder(const model::Catalogue& catalogue);

    /// Whether the files have it; does not count as asking.
    bool has(const std::string& name) const { return index_of(name) >= 0; }
    /// Index into Catalogue::tensors; −1, with a fault noted, when it is not there.
    int find(const std::string& name, const std::vector<std::int64_t>& shape);

    /// Adds what was found wrong since the last report.
    void report(support::FaultList& faults);

    /// One for each tensor of the catalogue: whether it was found.
    const std::vector<bool>& used() const { return used_; }

  private:
    int index_of(const std::string& name) const;

    const model::Catalogue& catalogue_;
    std::unordered_map<std::string_view, int> number_of_;
    std::vector<bool> used_;
    std::vector<std::string> missing_;
    std::vector<std::string> misshapen_;
    std::vector<int> found_;
};

/// Blocks and embedding. Where config.json ties embedding and head, and the files have the head
/// alone, it is both.
ForwardPlan find_forward_parts(TensorFinder& finder, const model::Catalogue& catalogue,
                               const model::Family& family);
/// Adds the head. One that the files have is used, whether config.json ties it to the embedding or
/// not, as transformers does: a tied one that is stored all the same is either equal or meant.
void find_head(TensorFinder& finder, ForwardPlan& plan);

}  // namespace alphaprune::transformer
