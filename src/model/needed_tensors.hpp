#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "alphaprune/model/catalogue.hpp"

namespace alphaprune::model {

/// Which tensors a model cannot be without: those of its blocks, and what the forward pass uses
/// around them. Of a family that the program does not know it is all that goes by the name of the
/// decoder, and the output head.
class NeededTensors {
  public:
    /// @param catalogue  with its matrices, if they could be found; outlives this
    explicit NeededTensors(const Catalogue& catalogue);

    bool contains(std::string_view name) const;

  private:
    bool is_in_decoder(std::string_view name) const;

    const Catalogue& catalogue_;
    std::set<std::string_view> prunable_;
    std::set<std::string, std::less<>> listed_;  ///< of a known family
    std::string_view block_prefix_;              ///< else: what stands before a block's number
};

}  // namespace alphaprune::model
