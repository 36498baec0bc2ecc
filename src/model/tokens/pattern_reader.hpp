#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace alphaprune::model {

/// ASCII's.
bool is_letter(char32_t character);

/// Goes through a regular expression in Oniguruma's syntax from left to right.
class PatternReader {
  public:
    /// @param pattern, where  must outlive it
    PatternReader(std::string_view pattern, const std::string& where)
        : pattern_(pattern), where_(where) {}

    /// @param what  that is here and is not understood
    [[noreturn]] void refuse(std::string_view what) const;
    bool at_end() const { return at_ >= pattern_.size(); }
    bool has(std::string_view text) const { return pattern_.substr(at_).starts_with(text); }
    bool skip(std::string_view text);
    char32_t take();
    /// Of repetitions; nothing where there is none.
    std::optional<std::uint32_t> number();
    /// The name of a property, braces around it.
    std::string_view name_in_braces();
    /// A character behind a backslash, which is next.
    char32_t escaped_literal();

  private:
    char32_t hexadecimal(int least, int most, std::string_view end);

    std::string_view pattern_;
    const std::string& where_;
    std::size_t at_ = 0;
};

}  // namespace alphaprune::model
