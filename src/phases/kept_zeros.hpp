#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/weight_reader.hpp"
#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::phases {

/// The zeros of another run's matrices, which are to stay zero. For one thread.
class KeptZeros {
  public:
    /// @param model  that is pruned; outlives the object, as the next does
    /// @param mask   the other run's, with tensors of the same names and shapes (require_mask);
    ///               nullptr: there is none
    KeptZeros(const model::Catalogue& model, const model::Catalogue* mask);

    bool any() const { return reader_.has_value(); }
    /// For some outputs of a matrix, outputs × inputs: 1 where the other run has a zero, else 0;
    /// nothing without a mask. @throws Error when reading fails
    std::vector<std::uint8_t> of(int matrix, parallel::RowRange outputs);
    /// The same for this rank's share of the outputs of each of some matrices.
    std::vector<std::vector<std::uint8_t>> of_shares(const parallel::Communicator& ranks,
                                                     std::span<const int> matrices);
    /// The values of a tensor's matrices that are zero there become zero.
    /// @param stored  these rows of the model's tensor @throws Error when reading fails
    void apply(int tensor, parallel::RowRange rows, std::span<std::byte> stored);

  private:
    void apply_part(int tensor, parallel::RowRange rows, std::span<std::byte> stored);

    const model::Catalogue& model_;
    std::optional<model::WeightReader> reader_;
    std::vector<int> tensors_;  ///< of the mask, one for each of the model's; -1: not of a matrix
    std::vector<std::byte> zeros_;
};

}  // namespace alphaprune::phases
