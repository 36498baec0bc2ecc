#define PCRE2_CODE_UNIT_WIDTH 8

#include <pcre2.h>

#include <array>
#include <cstdint>

#include "alphaprune/model/matrix_choice.hpp"
#include "alphaprune/support/message.hpp"

namespace alphaprune::model {
namespace {

constexpr std::size_t kLongestPattern = 10'000;
/// Steps of one search. A pattern like (a*)*b would otherwise run forever on a hostile name.
constexpr std::uint32_t kMostSteps = 1'000'000;
constexpr std::uint32_t kMostMemory = 16U << 10;  // KiB

const support::BadRequest<std::size_t, std::size_t> kLongPattern{
    "model.long-pattern", "the regular expression has {} characters, more than {}",
    "patterns of any sensible use are much shorter",
    "write a shorter one, or give the option twice"};

const support::BadRequest<std::string_view, std::string, std::size_t> kBadPattern{
    "model.bad-pattern", "the regular expression '{}' is not valid: {} (at character {})",
    "a special character is not escaped, or a bracket is not closed",
    "write it as for grep -P, as in 'layers\\.(0|1)\\.mlp'"};

const support::BadRequest<std::string, std::string> kCostlyPattern{
    "model.costly-pattern", "the search for '{}' in a name was given up: {}",
    "the pattern backtracks without end, as (a*)*b does",
    "write a simpler regular expression, without a repetition inside a repetition"};

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

template <class T, void (*release)(T*)>
struct Releaser {
    void operator()(T* owned) const { release(owned); }
};
using Code = std::unique_ptr<pcre2_code, Releaser<pcre2_code, pcre2_code_free>>;
using Limits =
    std::unique_ptr<pcre2_match_context, Releaser<pcre2_match_context, pcre2_match_context_free>>;
using Match = std::unique_ptr<pcre2_match_data, Releaser<pcre2_match_data, pcre2_match_data_free>>;

std::string reason_of(int code) {
    std::array<unsigned char, 256> text{};
    pcre2_get_error_message(code, text.data(), text.size());
    return reinterpret_cast<const char*>(text.data());
}

Code compiled(std::string_view pattern, std::string_view where) {
    if (pattern.size() > kLongestPattern) {
        throw kLongPattern(std::string(where), pattern.size(), kLongestPattern);
    }
    int code = 0;
    std::size_t at = 0;
    Code made(
        pcre2_compile(bytes_of(pattern), pattern.size(), PCRE2_NEVER_UTF, &code, &at, nullptr));
    if (!made) {
        throw kBadPattern(std::string(where), pattern, reason_of(code), at);
    }
    return made;
}

}  // namespace

struct NamePattern::Compiled {
    Code code;
    Limits limits{pcre2_match_context_create(nullptr)};
};

NamePattern::NamePattern(std::string_view text, std::string_view where)
    : text_(text), where_(where) {
    auto made = std::make_shared<Compiled>();
    made->code = compiled(text, where);
    if (!made->limits) {
        throw support::out_of_memory();
    }
    pcre2_set_match_limit(made->limits.get(), kMostSteps);
    pcre2_set_heap_limit(made->limits.get(), kMostMemory);
    compiled_ = std::move(made);
}

bool NamePattern::found_in(std::string_view name) const {
    const Match match(pcre2_match_data_create(1, nullptr));
    if (!match) {
        throw support::out_of_memory();
    }
    const int found = pcre2_match(compiled_->code.get(), bytes_of(name), name.size(), 0, 0,
                                  match.get(), compiled_->limits.get());
    if (found < 0 && found != PCRE2_ERROR_NOMATCH) {
        throw kCostlyPattern(where_, text_, reason_of(found));
    }
    return found != PCRE2_ERROR_NOMATCH;
}

}  // namespace alphaprune::model
