#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace alphaprune::model {

/// A regular expression (PCRE2's syntax, bytes) that is looked for in the names of tensors.
class NamePattern {
  public:
    /// @param where  the pattern was written, for errors
    /// @throws Error (bad_request) saying what is wrong with the pattern, and at which character
    explicit NamePattern(std::string_view text, std::string_view where = {});

    /// Whether the pattern matches some part of the name.
    /// @throws Error (bad_request) when that takes more steps than any sensible pattern needs
    bool found_in(std::string_view name) const;
    const std::string& text() const { return text_; }

  private:
    struct Compiled;

    std::string text_;
    std::string where_;
    std::shared_ptr<const Compiled> compiled_;
};

}  // namespace alphaprune::model
