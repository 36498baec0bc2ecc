#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::transformer {

/// Looks up tensors by the names of the family and checks their shapes and types; what is missing
/// or wrong is collected, to be told at once. Remembers which tensors were asked for.
class TensorFinder {
  public:
    using Shape = std::vector<std::int64_t>;

    /// @param catalogue  outlives the finder
    explicit TensorFinder(const model::Catalogue& catalogue)
        : catalogue_(catalogue), used_(catalogue.tensors.size()) {}

    /// Whether the files have it; does not count as asking.
    bool has(const std::string& name) const { return catalogue_.find_tensor(name) != nullptr; }
    /// Index into Catalogue::tensors; −1, with a fault noted, when it is not there.
    int find(const std::string& name, const Shape& shape);

    /// Adds what was found wrong since the last report.
    void report(support::FaultList& faults);

    /// One for each tensor of the catalogue: whether it was found.
    const std::vector<bool>& used() const { return used_; }

  private:
    const model::Catalogue& catalogue_;
    std::vector<bool> used_;
    std::vector<std::string> missing_;
    std::vector<std::string> misshapen_;
    std::vector<int> found_;
};

}  // namespace alphaprune::transformer
