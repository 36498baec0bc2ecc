#define PCRE2_CODE_UNIT_WIDTH 8

#include "tokens/unicode_pattern.hpp"

#include <pcre2.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "alphaprune/support/message.hpp"

namespace alphaprune::model {
namespace {

const support::BadRequest<std::string, std::string> kBadTokenizerPattern{
    "model.bad-tokenizer-pattern",
    "tokenizer.json has a regular expression that cannot be compiled, '{}': {}",
    "the file is damaged, or the expression is beyond what PCRE2 compiles",
    "fetch the file again from where the model came from, or give token ids as a .npy file"};

const support::BadRequest<std::string, std::string> kCostlyTokenizerPattern{
    "model.costly-tokenizer-pattern",
    "a search for the regular expression '{}' of tokenizer.json was given up: {}",
    "the expression backtracks without end on this text", "give token ids as a .npy file"};

/// Steps of one search, beside those that a long run of one kind of characters needs.
constexpr std::size_t kLeastSteps = 10'000'000;
constexpr std::size_t kStepsOfAByte = 8;
constexpr std::uint32_t kMostHeap = 256U << 10;  // KiB
constexpr std::size_t kMostStack = std::size_t{256} << 20;

const unsigned char* subject_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

template <class T, void (*release)(T*)>
struct PatternReleaser {
    void operator()(T* owned) const { release(owned); }
};
template <class T, void (*release)(T*)>
using Owned = std::unique_ptr<T, PatternReleaser<T, release>>;

std::string pattern_trouble(int code) {
    std::array<unsigned char, 256> text{};
    pcre2_get_error_message(code, text.data(), text.size());
    return reinterpret_cast<const char*>(text.data());
}

}  // namespace

struct UnicodePattern::Compiled {
    std::string expression;
    std::string where;
    Owned<pcre2_code, pcre2_code_free> code;
    Owned<pcre2_match_data, pcre2_match_data_free> found;
    Owned<pcre2_match_context, pcre2_match_context_free> limits;
    Owned<pcre2_jit_stack, pcre2_jit_stack_free> stack;
};

UnicodePattern::UnicodePattern(const std::string& expression, std::string where)
    : compiled_(std::make_unique<Compiled>()) {
    compiled_->expression = expression;
    compiled_->where = std::move(where);
    const Owned<pcre2_compile_context, pcre2_compile_context_free> settings(
        pcre2_compile_context_create(nullptr));
    if (!settings) {
        throw support::out_of_memory();
    }
    pcre2_set_newline(settings.get(), PCRE2_NEWLINE_LF);
    int trouble = 0;
    std::size_t at = 0;
    compiled_->code.reset(pcre2_compile(subject_of(expression), expression.size(),
                                        PCRE2_UTF | PCRE2_UCP, &trouble, &at, settings.get()));
    if (!compiled_->code) {
        throw kBadTokenizerPattern(compiled_->where, expression, pattern_trouble(trouble));
    }
    pcre2_jit_compile(compiled_->code.get(), PCRE2_JIT_COMPLETE);  // where there is no JIT: slower
    compiled_->found.reset(pcre2_match_data_create(1, nullptr));
    compiled_->limits.reset(pcre2_match_context_create(nullptr));
    if (!compiled_->found || !compiled_->limits) {
        throw support::out_of_memory();
    }
    pcre2_set_heap_limit(compiled_->limits.get(), kMostHeap);
    compiled_->stack.reset(pcre2_jit_stack_create(std::size_t{64} << 10, kMostStack, nullptr));
    pcre2_jit_stack_assign(compiled_->limits.get(), nullptr, compiled_->stack.get());
}

UnicodePattern::~UnicodePattern() = default;
UnicodePattern::UnicodePattern(UnicodePattern&&) noexcept = default;

std::optional<TextRange> UnicodePattern::search(std::string_view text, std::size_t from) const {
    const std::size_t steps = std::max(kLeastSteps, kStepsOfAByte * text.size());
    pcre2_set_match_limit(compiled_->limits.get(),
                          static_cast<std::uint32_t>(std::min<std::size_t>(steps, UINT32_MAX)));
    const int found =
        pcre2_match(compiled_->code.get(), subject_of(text), text.size(), from, PCRE2_NO_UTF_CHECK,
                    compiled_->found.get(), compiled_->limits.get());
    if (found == PCRE2_ERROR_NOMATCH) {
        return std::nullopt;
    }
    if (found < 0) {
        throw kCostlyTokenizerPattern(compiled_->where, compiled_->expression,
                                      pattern_trouble(found));
    }
    const std::size_t* const ends = pcre2_get_ovector_pointer(compiled_->found.get());
    return TextRange{ends[0], ends[1]};
}

}  // namespace alphaprune::model
