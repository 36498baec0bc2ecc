#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune {

/// Looks up tensors by the names of the family and checks their shapes and types; what is missing
/// or wrong is collected, to be told at once.
class TensorFinder {
  public:
    using Shape = std::vector<std::int64_t>;

    /// @param catalogue  outlives the finder
    explicit TensorFinder(const Catalogue& catalogue) : catalogue_(catalogue) {}

    /// Index into Catalogue::tensors; −1, with a fault noted, when it is not there.
    int find(const std::string& name, const Shape& shape);
    /// The same for a tensor that need not be there.
    int find_if_present(const std::string& name, const Shape& shape);

    /// Adds what was found wrong.
    void report(FaultList& faults) const;

  private:
    const Catalogue& catalogue_;
    std::vector<std::string> missing_;
    std::vector<std::string> misshapen_;
    std::vector<int> found_;
};

}  // namespace alphaprune
