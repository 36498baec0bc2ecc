#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/support/message.hpp"

namespace alphaprune::formats {

/// Json::parse, except that members named twice stay in the document, so that a caller can report
/// them together with its other findings.
/// @throws Error (bad_request): not JSON, or nested deeper than 64
Json read_json(std::string_view text, std::string_view where);

/// Json::parse by the rules of Python. @throws Error (bad_request) as it does
Json read_python_json(std::string_view text, std::string_view where);

/// The names that stand more than once in the object, each once, sorted.
std::vector<std::string_view> repeated_names(const Json::Object& object);

/// A name from a file in double quotes, safe to print: control characters escaped, and cut when
/// long.
std::string in_quotes(std::string_view name);

inline const support::BadRequest<std::size_t> kMoreFaults{
    "formats.more-faults", "the file has {} more faults", "only the first ones are listed",
    "see those above first"};

/// The faults of one file. The first few are kept in words, the rest counted: a broken file of a
/// million tensors must not fill a terminal.
class CappedFaults {
  public:
    explicit CappedFaults(std::string file) : file_(std::move(file)) {}

    /// @param place   where in the file, as 'tensor "x"'; may be empty
    /// @param values  of the message
    template <class... Values>
    void add(const support::BadRequest<Values...>& message, std::string_view place,
             const std::type_identity_t<Values>&... values) {
        if (++count_ <= kShown) {
            list_.add(
                message(place.empty() ? file_ : fmt::format("{}, {}", file_, place), values...));
        }
    }

    /// @throws Error (bad_request) with what was added, if anything was.
    void throw_if_any() {
        if (count_ > kShown) {
            list_.add(kMoreFaults(file_, count_ - kShown));
        }
        list_.throw_if_any();
    }

  private:
    static constexpr std::size_t kShown = 20;

    support::FaultList list_;
    std::size_t count_ = 0;
    std::string file_;
};

/// JSON as Python's json module reads it, translated to what the standard allows.
struct StandardJson {
    std::string text;  ///< as long as the original, the same lines in it
    /// Of the numbers in the text, counted from 0 in their order, those that stand for another
    /// value: an infinity, or NaN.
    std::map<std::size_t, double> values;
};

/// Infinity, -Infinity, NaN and numbers beyond double become numbers that stand for them, half a
/// surrogate pair U+FFFD. The rest, well-formed or not, stays.
StandardJson standard_json(std::string_view python);

}  // namespace alphaprune::formats
