#include "tokens/pre_tokenizers.hpp"

#include <array>
#include <utility>

#include "tokens/oniguruma.hpp"
#include "tokens/tokenizer_part.hpp"
#include "tokens/unicode_classes.hpp"
#include "tokens/unicode_pattern.hpp"
#include "tokens/unicode_text.hpp"

namespace alphaprune::model {
namespace {

constexpr int kDeepestPreTokenizer = 16;

/// What becomes of the matches of a pattern, the delimiters, when a piece is split at them.
enum class Behavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };

Behavior behavior_of(const TokenizerPart& part, const std::string& name) {
    constexpr std::array<std::pair<std::string_view, Behavior>, 5> kBehaviors{
        {{"Removed", Behavior::removed},
         {"Isolated", Behavior::isolated},
         {"MergedWithPrevious", Behavior::merged_with_previous},
         {"MergedWithNext", Behavior::merged_with_next},
         {"Contiguous", Behavior::contiguous}}};
    for (const auto& [known, behavior] : kBehaviors) {
        if (known == name) {
            return behavior;
        }
    }
    part.refuse_option("behavior");
}

/// Puts delimiters and what is between them together as a behavior wants it.
class Delimiting {
  public:
    Delimiting(Behavior behavior, std::string_view piece, const PreTokenizer::Take& take)
        : behavior_(behavior), piece_(piece), take_(take) {}

    void add(TextRange range, bool is_match) {
        if (behavior_ == Behavior::isolated || behavior_ == Behavior::removed) {
            if (!is_match || behavior_ == Behavior::isolated) {
                emit(range);
            }
            return;
        }
        if (holds_ && belongs_to_held(is_match)) {
            held_.end = range.end;
        } else {
            finish();
            held_ = range;
            holds_ = true;
        }
        held_match_ = is_match;
    }
    void finish() {
        if (holds_) {
            emit(held_);
        }
        holds_ = false;
    }

  private:
    bool belongs_to_held(bool is_match) const {
        switch (behavior_) {
            case Behavior::merged_with_previous:
                return is_match && !held_match_;
            case Behavior::merged_with_next:
                return !is_match && held_match_;
            default:
                return is_match == held_match_;
        }
    }
    void emit(TextRange range) const { take_(piece_.substr(range.begin, range.end - range.begin)); }

    Behavior behavior_;
    std::string_view piece_;
    const PreTokenizer::Take& take_;
    TextRange held_;
    bool holds_ = false;
    bool held_match_ = false;  ///< whether what was added last is a match
};

/// Split, and all that are this with a pattern of their own.
class SplitAtPattern : public PreTokenizer {
  public:
    SplitAtPattern(const std::string& expression, Behavior behavior, bool inverted,
                   const std::string& where)
        : pattern_(expression, where), behavior_(behavior), inverted_(inverted) {}

    void split(std::string_view piece, bool, const Take& take) override {
        Delimiting delimiting(behavior_, piece, take);
        pattern_.for_each_part(piece, [&](TextRange range, bool is_match) {
            delimiting.add(range, is_match != inverted_);
        });
        delimiting.finish();
    }

  private:
    UnicodePattern pattern_;
    Behavior behavior_;
    bool inverted_;
};

/// The characters that stand for bytes: GPT-2's, printable ones for themselves.
std::array<std::string, 256> characters_of_bytes() {
    std::array<std::string, 256> characters;
    char32_t next = 0x100;
    for (char32_t byte = 0; byte < 256; ++byte) {
        const bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD);
        append_character(characters[byte], printable ? byte : next++);
    }
    return characters;
}

/// ByteLevel without its expression: every byte becomes a character.
class BytesAsCharacters : public PreTokenizer {
  public:
    void split(std::string_view piece, bool, const Take& take) override {
        written_.clear();
        for (const char byte : piece) {
            written_ += characters_[static_cast<unsigned char>(byte)];
        }
        take(written_);
    }

  private:
    std::array<std::string, 256> characters_ = characters_of_bytes();
    std::string written_;
};

/// The space that ByteLevel puts before a piece.
class SpaceBefore : public PreTokenizer {
  public:
    void split(std::string_view piece, bool, const Take& take) override {
        if (piece.starts_with(' ')) {
            take(piece);
        } else {
            written_.assign(" ").append(piece);
            take(written_);
        }
    }

  private:
    std::string written_;
};

/// Metaspace without its split.
class VisibleSpaces : public PreTokenizer {
  public:
    enum class Prepend { always, first, never };
    VisibleSpaces(std::string replacement, Prepend prepend)
        : replacement_(std::move(replacement)), prepend_(prepend) {}

    void split(std::string_view piece, bool at_beginning, const Take& take) override {
        const bool prepends =
            prepend_ == Prepend::always || (prepend_ == Prepend::first && at_beginning);
        written_.clear();
        if (prepends && !piece.starts_with(' ') && !piece.starts_with(replacement_)) {
            written_ += replacement_;
        }
        for (const char byte : piece) {
            if (byte == ' ') {
                written_ += replacement_;
            } else {
                written_ += byte;
            }
        }
        take(written_);
    }

  private:
    std::string replacement_;
    Prepend prepend_;
    std::string written_;
};

/// GPT-2's.
constexpr std::string_view kByteLevelPattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

class PreTokenizerReader {
  public:
    PreTokenizerReader(PreTokenizers& all, bool keeps_beginning)
        : all_(all), keeps_beginning_(keeps_beginning) {}

    void add(const TokenizerPart& part, int depth = 0) {
        const std::string type = part.type();
        if (type == "Sequence") {
            part.allow({"pretokenizers"});
            if (depth >= kDeepestPreTokenizer) {
                part.refuse_option("pretokenizers");
            }
            for (const TokenizerPart& inner : part.parts("pretokenizers")) {
                add(inner, depth + 1);
            }
        } else if (type == "Split") {
            add_split(part);
        } else if (type == "ByteLevel") {
            add_byte_level(part);
        } else if (type == "Metaspace") {
            add_metaspace(part);
        } else if (type == "Digits") {
            part.allow({"individual_digits"});
            add_pattern(part, "[" + numeric_class() + "]",
                        part.flag("individual_digits") ? Behavior::isolated : Behavior::contiguous);
        } else if (type == "Punctuation") {
            part.allow({"behavior"});
            add_pattern(part, punctuation_expression(),
                        behavior_of(part, part.text_or("behavior", "Isolated")));
        } else if (type == "WhitespaceSplit") {
            part.allow({});
            add_pattern(part, "[" + std::string(white_space_class()) + "]", Behavior::removed);
        } else {
            part.refuse_type();
        }
    }

  private:
    void add_pattern(const TokenizerPart& part, const std::string& expression, Behavior behavior,
                     bool inverted = false) {
        all_.steps.push_back(
            std::make_unique<SplitAtPattern>(expression, behavior, inverted, part.where()));
    }

    void add_split(const TokenizerPart& part) {
        part.allow({"pattern", "behavior", "invert"});
        const TokenizerPart pattern = part.part("pattern");
        pattern.allow({"String", "Regex"});
        const bool literal = pattern.find("String") != nullptr;
        if (literal && pattern.text("String").empty()) {
            pattern.refuse_option("String");
        }
        add_pattern(part,
                    literal ? literal_expression(pattern.text("String"))
                            : pcre2_expression(pattern.text("Regex"), part.where()),
                    behavior_of(part, part.text("behavior")), part.flag("invert"));
    }

    void add_byte_level(const TokenizerPart& part) {
        part.allow({"add_prefix_space", "trim_offsets", "use_regex"});  // offsets are not kept
        if (part.flag("add_prefix_space")) {
            all_.steps.push_back(std::make_unique<SpaceBefore>());
        }
        if (part.flag_or("use_regex", true)) {
            add_pattern(part, pcre2_expression(kByteLevelPattern, part.where()),
                        Behavior::isolated);
        }
        all_.steps.push_back(std::make_unique<BytesAsCharacters>());
    }

    void add_metaspace(const TokenizerPart& part) {
        part.allow({"replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep"});
        const std::string replacement = part.text("replacement");
        if (replacement.empty() || character_bytes(replacement[0]) != replacement.size() ||
            part.text_or("str_rep", replacement) != replacement) {
            part.refuse_option("replacement");
        }
        const std::string scheme = part.text_or("prepend_scheme", "always");
        using Prepend = VisibleSpaces::Prepend;
        Prepend prepend = Prepend::always;
        if (scheme == "never") {
            prepend = Prepend::never;
        } else if (scheme == "first" && keeps_beginning_ && all_.steps.empty()) {
            prepend = Prepend::first;
        } else if (scheme != "always") {  // "first" behind what may move the first character, too
            part.refuse_option("prepend_scheme");
        }
        if (!part.flag_or("add_prefix_space", true) && prepend != Prepend::never) {
            part.refuse_option("add_prefix_space");
        }
        all_.steps.push_back(std::make_unique<VisibleSpaces>(replacement, prepend));
        if (part.flag_or("split", true)) {
            add_pattern(part, literal_expression(replacement), Behavior::merged_with_next);
        }
    }

    PreTokenizers& all_;
    bool keeps_beginning_;
};

}  // namespace

void PreTokenizers::split(std::string_view text, bool at_beginning,
                          const PreTokenizer::Take& take) const {
    std::vector<PreTokenizer::Take> takes(steps.size() + 1);
    for (std::size_t step = 0; step <= steps.size(); ++step) {
        takes[step] = [this, &take, &takes, step, at_beginning](std::string_view piece) {
            if (piece.empty()) {
                return;
            }
            if (step == steps.size()) {
                take(piece);
            } else {
                steps[step]->split(piece, at_beginning && step == 0, takes[step + 1]);
            }
        };
    }
    takes.front()(text);
}

PreTokenizers read_pre_tokenizers(const formats::Json* value, bool keeps_beginning,
                                  const std::string& where) {
    PreTokenizers all;
    if (value != nullptr && !value->is_null()) {
        PreTokenizerReader(all, keeps_beginning).add(TokenizerPart(*value, "pre_tokenizer", where));
    }
    return all;
}

}  // namespace alphaprune::model
