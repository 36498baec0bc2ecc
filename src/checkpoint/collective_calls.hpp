#pragma once

#include <optional>

#include "alphaprune/parallel/agreement.hpp"

namespace alphaprune {

/// A run of collective HDF5 calls. Every rank must make every one of them even after one has failed
/// on it, or the others would wait inside the library for ever: so the first error is only kept,
/// and all ranks compare at the end.
class CollectiveCalls {
  public:
    explicit CollectiveCalls(const Communicator& ranks) : ranks_(ranks) {}

    template <class Action>
    void make(Action&& action) {
        try {
            action();
        } catch (const Error& error) {
            if (!first_) {
                first_ = error;
            }
        }
    }

    /// Collective. @throws the common Error on all ranks if a call failed on any
    void agree() const { alphaprune::agree(ranks_, first_); }

  private:
    const Communicator& ranks_;
    std::optional<Error> first_;
};

}  // namespace alphaprune
