#pragma once

#include <mutex>
#include <vector>

#include "shared_numbers.hpp"

namespace alphaprune::parallel {

/// The numbers of a rank alone, in its own memory, without MPI.
class OwnNumbers : public SharedNumbers {
  public:
    explicit OwnNumbers(int count) : numbers_(static_cast<std::size_t>(count)) {}

    std::int64_t update(int number, std::int64_t operand, Change change) final {
        const std::lock_guard one_at_a_time(mutex_);
        std::int64_t& value = numbers_.at(static_cast<std::size_t>(number));
        const std::int64_t before = value;
        switch (change) {
            case Change::add:
                value += operand;
                break;
            case Change::replace:
                value = operand;
                break;
            case Change::none:
                break;
        }
        return before;
    }

  private:
    std::mutex mutex_;
    std::vector<std::int64_t> numbers_;
};

}  // namespace alphaprune::parallel
