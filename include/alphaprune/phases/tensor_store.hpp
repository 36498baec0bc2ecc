#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "alphaprune/parallel/share.hpp"
#include "alphaprune/pruning/pruners.hpp"
#include "alphaprune/resume/journal.hpp"

namespace alphaprune::phases {

/// Where the rows of a pruned model go to, and where those of an earlier attempt at the run come
/// from. By default there was no such attempt.
class TensorStore {
  public:
    virtual ~TensorStore() = default;

    /// Takes rows that are done. Called on the rank that holds them, one call at a time, but not
    /// always by the same thread; must not communicate. @throws Error
    virtual void write_rows(const resume::WrittenRows& rows, std::span<const std::byte> bytes) = 0;
    /// Makes durable all that was written on this rank. @throws Error
    virtual void make_durable() {}

    /// What an earlier attempt has left of a tensor that need not be done again: the same on every
    /// rank.
    virtual std::optional<pruning::PrunedTensor> finished(int /*tensor*/) const { return {}; }
    /// On rank 0: a finished tensor stays as it is.
    virtual void keep(int /*tensor*/) {}
    /// Rows of a finished tensor. Must not communicate. @throws Error
    virtual void read_rows(int /*tensor*/, parallel::RowRange /*rows*/,
                           std::span<std::byte> /*out*/) const {}

    /// For what lies between the tensors: hidden states and notes; nullptr: they are not kept.
    virtual resume::Journal* journal() { return nullptr; }
};

}  // namespace alphaprune::phases
