#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "alphaprune/support/error.hpp"

namespace alphaprune::formats {

/// The faults of one file. The first few are kept in words, the rest counted: a broken file of a
/// million tensors must not fill a terminal.
class CappedFaults {
  public:
    explicit CappedFaults(std::string file) : file_(std::move(file)) {}

    /// @param place  where in the file, as 'tensor "x"'; may be empty
    void add(std::string what, std::string remedy, std::string_view place = {}) {
        ++count_;
        if (count_ <= kShown) {
            list_.add(std::move(what), place.empty() ? file_ : fmt::format("{}, {}", file_, place),
                      std::move(remedy));
        }
    }

    /// @throws Error (bad_request) with what was added, if anything was.
    void throw_if_any() {
        if (count_ > kShown) {
            list_.add(fmt::format("the file has {} more faults", count_ - kShown), file_,
                      "see those above first");
        }
        list_.throw_if_any();
    }

  private:
    static constexpr std::size_t kShown = 20;

    support::FaultList list_;
    std::size_t count_ = 0;
    std::string file_;
};

}  // namespace alphaprune::formats
