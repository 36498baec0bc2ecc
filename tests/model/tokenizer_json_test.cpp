#include "tokens/tokenizer_json.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/support/file.hpp"
#include "model/faults.hpp"

namespace alphaprune::test {
namespace {

using TokenIds = std::vector<std::int32_t>;

const std::string kTokenizers = std::string(ALPHAPRUNE_SOURCE_DIR) + "/tests/data/tokenizers/";

TokenIds ids_in(const formats::Json& list) {
    TokenIds ids;
    for (const formats::Json& id : list.elements()) {
        ids.push_back(static_cast<std::int32_t>(id.as_integer().value()));
    }
    return ids;
}

/// A tokenizer.json of byte-pair encoding with these parts; the vocabulary is a b c ab abc ▁ 1.
std::string pairs_json(const std::string& parts, const std::string& options = "") {
    return fmt::format(
        R"({{"version": "1.0", "truncation": null, "padding": null, "decoder": null, {}
            "model": {{"type": "BPE", "dropout": null, {}
                       "vocab": {{"a": 0, "b": 1, "c": 2, "ab": 3, "abc": 4, "▁": 5, "1": 6}},
                       "merges": [["a", "b"], "ab c"]}}}})",
        parts, options);
}

TokenIds encode(const std::string& json, const std::string& text) {
    return model::JsonTokenizer(json, "tokenizer.json").encode(text);
}

void expect_refused(const std::string& json, const std::vector<std::string_view>& words) {
    const auto faults = faults_of([&] { model::JsonTokenizer(json, "tokenizer.json"); });
    EXPECT_EQ(count_faults(faults, words), 1) << json << "\n" << text_of(faults);
}

std::string token_json(const std::string& content, int id, const std::string& flags) {
    std::string json = fmt::format(R"({{"content": "{}", "id": {}, "special": true)", content, id);
    for (const std::string name : {"single_word", "lstrip", "rstrip", "normalized"}) {
        json += fmt::format(R"(, "{}": {})", name, flags.find(name) != std::string::npos);
    }
    return json + "}";
}

class GoldenTokenizers : public testing::TestWithParam<const char*> {};

// The expected ids are those of the Python package tokenizers 0.23.3.
TEST_P(GoldenTokenizers, GiveTheIdsOfTheLibrary) {
    const std::string folder = kTokenizers + GetParam();
    const formats::Json golden =
        formats::Json::parse(support::read_text(folder + "/golden.json"), "golden.json");
    model::JsonTokenizer tokenizer(support::read_text(folder + "/tokenizer.json"),
                                   folder + "/tokenizer.json");
    int texts = 0;
    for (const char* kind : {"strings", "excerpts"}) {
        for (const formats::Json& text : golden.find(kind)->elements()) {
            const std::string contents = text.find("text")->as_string().value();
            EXPECT_EQ(tokenizer.encode(contents), ids_in(*text.find("ids"))) << contents;
            EXPECT_EQ(tokenizer.encode(contents, false), ids_in(*text.find("ids_plain")))
                << contents;
            ++texts;
        }
    }
    EXPECT_EQ(texts, 78);
}

INSTANTIATE_TEST_SUITE_P(All, GoldenTokenizers,
                         testing::Values("llama3", "qwen2", "gpt2", "llama2", "gemma", "unigram"));

TEST(JsonTokenizer, MergesByRankAndDropsWhatNoTokenStandsFor) {
    EXPECT_EQ(encode(pairs_json(""), "abcab"), (TokenIds{4, 3}));
    EXPECT_EQ(encode(pairs_json(""), "axbc"), (TokenIds{4}));  // as the library does
    EXPECT_EQ(encode(pairs_json(""), std::string(100, 'x') + "axbc"), (TokenIds{4}));
    EXPECT_EQ(encode(pairs_json("", R"("unk_token": "1",)"), "axxbc"), (TokenIds{0, 6, 6, 1, 2}));
    EXPECT_EQ(encode(pairs_json("", R"("unk_token": "1", "fuse_unk": true,)"), "axxbc"),
              (TokenIds{0, 6, 1, 2}));
    EXPECT_EQ(encode(pairs_json(""), ""), TokenIds());
}

TEST(JsonTokenizer, ALongPieceWithoutBoundariesTakesAboutAsLongAsItIs) {
    std::string text;
    for (int i = 0; i < 300'000; ++i) {  // quadratic, it would take hours
        text += i % 3 == 0 ? "ab" : "a";
    }
    const TokenIds ids = encode(
        R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "aa": 3, "ba": 4},
            "merges": ["a b", "a a", "b a"]}})",
        text);
    EXPECT_EQ(ids.size(), 200'000U);
}

// What the pieces are is seen by what becomes one token.
TEST(JsonTokenizer, SplitsWithEveryBehavior) {
    const auto split = [](const std::string& behavior, const std::string& invert = "false") {
        return pairs_json(
            fmt::format(R"("pre_tokenizer": {{"type": "Split", "pattern": {{"String": "b"}},
                            "behavior": "{}", "invert": {}}},)",
                        behavior, invert));
    };
    EXPECT_EQ(encode(split("Isolated"), "abcab"), (TokenIds{0, 1, 2, 0, 1}));
    EXPECT_EQ(encode(split("Removed"), "abcab"), (TokenIds{0, 2, 0}));
    EXPECT_EQ(encode(split("MergedWithPrevious"), "abcab"), (TokenIds{3, 2, 3}));  // ab, cab
    EXPECT_EQ(encode(split("MergedWithNext"), "abcab"), (TokenIds{0, 1, 2, 0, 1}));
    EXPECT_EQ(encode(split("Contiguous"), "abbab"), (TokenIds{0, 1, 1, 0, 1}));
    EXPECT_EQ(encode(split("Removed", "true"), "abcab"), (TokenIds{1, 1}));
}

// What PCRE2 and Oniguruma have different ideas of.
TEST(JsonTokenizer, ReadsRegularExpressionsAsOniguruma) {
    const auto kept = [](const std::string& expression, const std::string& text) {
        const std::string json = pairs_json(
            R"("pre_tokenizer": {"type": "Split", "behavior": "Removed", "invert": false,
                "pattern": {"Regex": ")" +
                expression + R"("}},)",
            R"("unk_token": "1",)");
        return encode(json, text).size();
    };
    EXPECT_EQ(kept(R"(\\s)", "\xE1\xA0\x8E"), 1U) << "U+180E has not been white space for long";
    EXPECT_EQ(kept(R"(\\s)", "\xC2\x85\xE2\x80\xA8\xE3\x80\x80"), 0U);
    EXPECT_EQ(kept(R"(\\p{L})", "\xF0\xB1\x8D\x90"), 0U) << "U+31350 is of Unicode 15";
    EXPECT_EQ(kept(R"([^\\p{L}])", "\xF0\xB1\x8D\x90"), 1U);
    EXPECT_EQ(kept("(?i:'s|'k)", "'S'\xC5\xBF'\xE2\x84\xAA"), 0U) << "long s, Kelvin";
    EXPECT_EQ(kept("'(?i:[sd]|ll)", "'D'\xC5\xBF'Ll"), 0U);
    EXPECT_EQ(kept("a{2}+", "aaaaa"), 1U) << "any even number, which is not possessive";
    EXPECT_EQ(kept("a{,2}b", "aaab"), 1U);
    EXPECT_EQ(kept("^a|b$", "a\na\nb\nb"), 3U) << "lines, not texts";
    EXPECT_EQ(kept("[^(\\\\s|[.,])]+", "ab.c d"), 2U) << "a class in a class";
}

TEST(JsonTokenizer, PrependsMetaspacesByScheme) {
    const auto metaspace = [](const std::string& scheme) {
        return pairs_json(
            R"("added_tokens": [)" + token_json("<x>", 7, "") +
            R"(], "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": ")" +
            scheme + R"(", "split": true},)");
    };
    EXPECT_EQ(encode(metaspace("always"), "a b<x>c"), (TokenIds{5, 0, 5, 1, 7, 5, 2}));
    EXPECT_EQ(encode(metaspace("first"), "a b<x>c"), (TokenIds{5, 0, 5, 1, 7, 2}));
    EXPECT_EQ(encode(metaspace("never"), "a b<x>c"), (TokenIds{0, 5, 1, 7, 2}));
}

TEST(JsonTokenizer, FindsAddedTokensByTheirFlags) {
    const auto with = [](const std::string& flags) {
        return pairs_json(R"("added_tokens": [)" + token_json("bb", 7, flags) + "],",
                          R"("unk_token": "1",)");
    };
    EXPECT_EQ(encode(with(""), "abbc"), (TokenIds{0, 7, 2}));
    EXPECT_EQ(encode(with("single_word"), "abbc"), (TokenIds{3, 1, 2}));
    EXPECT_EQ(encode(with("single_word"), "a bb c"), (TokenIds{0, 6, 7, 6, 2}));
    EXPECT_EQ(encode(with("lstrip"), "a  bb  c"), (TokenIds{0, 7, 6, 6, 2}));
    EXPECT_EQ(encode(with("rstrip"), "a  bb  c"), (TokenIds{0, 6, 6, 7, 2}));
    // The white space that one token takes along is not found again, unless it is less.
    const auto spaces = [](const std::string& flags) {
        return pairs_json(R"("added_tokens": [)" + token_json(" ", 7, flags) + "],");
    };
    EXPECT_EQ(encode(spaces("lstrip rstrip"), "a   b"), (TokenIds{0, 7, 1}));
    EXPECT_EQ(encode(spaces("rstrip"), "a   b"), (TokenIds{0, 7, 7, 7, 1}));
    const std::string lower = R"("normalizer": {"type": "Lowercase"}, "added_tokens": [)";
    EXPECT_EQ(encode(pairs_json(lower + token_json("BB", 7, "normalized") + "],"), "aBbc"),
              (TokenIds{0, 7, 2}));
    EXPECT_EQ(encode(pairs_json(lower + token_json("BB", 7, "") + "],"), "aBbc"),
              (TokenIds{3, 1, 2}));
}

TEST(JsonTokenizer, NormalizesStepByStep) {
    const auto with = [](const std::string& normalizer) {
        return pairs_json(R"("normalizer": )" + normalizer + ",", R"("unk_token": "1",)");
    };
    EXPECT_EQ(encode(with(R"({"type": "NFKC"})"), "\xE2\x93\x90\xEF\xBD\x82"), (TokenIds{3}));
    EXPECT_EQ(encode(with(R"({"type": "NFD"})"), "\xC3\xA1"), (TokenIds{0, 6}));  // á
    EXPECT_EQ(encode(with(R"({"type": "Strip", "strip_left": true, "strip_right": false})"),
                     "\xC2\xA0 ab "),
              (TokenIds{3, 6}));
    EXPECT_EQ(encode(with(R"({"type": "Sequence", "normalizers": [
                              {"type": "Replace", "pattern": {"Regex": "x{2,}"}, "content": "b"},
                              {"type": "Prepend", "prepend": "a"}]})"),
                     "xxxc"),
              (TokenIds{4}));
}

TEST(JsonTokenizer, RefusesByNameWhatItDoesNotUnderstand) {
    const auto pre = [](const std::string& part) {
        return pairs_json(R"("pre_tokenizer": )" + part + ",");
    };
    const auto pattern = [&](const std::string& expression) {
        return pre(R"({"type": "Split", "behavior": "Isolated", "invert": false, "pattern":
                      {"Regex": ")" +
                   expression + R"("}})");
    };
    expect_refused(pre(R"({"type": "BertPreTokenizer"})"), {"BertPreTokenizer", "pre_tokenizer"});
    expect_refused(pre(R"({"type": "Digits", "individual_digits": true, "new": 1})"), {"new = 1"});
    expect_refused(pre(R"({"type": "Sequence", "pretokenizers": [{"type": "Whitespace"}]})"),
                   {"Whitespace", "pre_tokenizer.pretokenizers[0]"});
    expect_refused(pairs_json(R"("normalizer": {"type": "Precompiled",
                                 "precompiled_charsmap": "AAA="},)"),
                   {"Precompiled", "normalizer"});
    expect_refused(pairs_json(R"("post_processor": {"type": "BertProcessing"},)"),
                   {"BertProcessing", "post_processor"});
    expect_refused(pairs_json("", R"("end_of_word_suffix": "</w>",)"), {"end_of_word_suffix"});
    expect_refused(R"({"model": {"type": "WordPiece"}})", {"WordPiece", "model"});
    expect_refused(R"({"model": {"type": "BPE", "dropout": 0.1, "vocab": {}, "merges": []}})",
                   {"dropout = 0.1"});
    for (const char* foreign :
         {R"(\\w+)", R"(\\bthe)", R"(\\h)", "(?<name>a)", "[[:alpha:]]", "[a&&b]", R"(\\p{Han})",
          R"((?i:\\p{L}))", "(?i:off)", "(?m)a", "a{2}?", R"((a)\\1)", "(a", "a)", "[a", "*"}) {
        expect_refused(pattern(foreign), {"regular expression", "not understood"});
    }
}

TEST(JsonTokenizer, SaysWhatIsDamaged) {
    const auto bpe = [](const std::string& vocabulary, const std::string& merges) {
        return R"({"model": {"type": "BPE", "vocab": )" + vocabulary + R"(, "merges": )" + merges +
               "}}";
    };
    expect_refused(bpe(R"({"a": 0})", R"(["a b"])"), {"'b', of a merge, is not in the vocabulary"});
    expect_refused(bpe(R"({"a": 0})", R"(["a a"])"), {"'aa', of a merge"});
    expect_refused(bpe(R"({"a": 0})", R"(["aa"])"), {"merge 0 is not one of two tokens"});
    expect_refused(bpe(R"({"a": 0})", R"([["a"]])"), {"merge 0 is not one of two tokens"});
    expect_refused(bpe(R"({"a": -1})", "[]"), {"'a' has no id"});
    expect_refused(bpe(R"({"a": 4294967296})", "[]"), {"'a' has no id"});
    expect_refused(bpe(R"({"a": 0, "b": 0})", "[]"), {"'b' has the id 0 of another one"});
    expect_refused(bpe("[]", "[]"), {"'vocab' is not an object"});
    expect_refused(R"({"model": {"type": "Unigram", "unk_id": 1, "vocab": [["a", 0]]}})",
                   {"'unk_id' is not in the vocabulary"});
    expect_refused(R"({"model": {"type": "Unigram", "vocab": [["a"]]}})", {"token with its score"});
    expect_refused(pairs_json(R"("added_tokens": [)" + token_json("x", 9, "") + "],"),
                   {"'x' has the id 9, but is token 7"});
    expect_refused(pairs_json(R"("post_processor": {"type": "TemplateProcessing", "pair": [],
                                 "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}],
                                 "special_tokens": {}},)"),
                   {"there is no '<s>'"});
    expect_refused("{}", {"there is no 'model'"});
    expect_refused("[]", {"there is no object"});
    expect_refused("{", {"tokenizer.json"});
}

TEST(JsonTokenizer, TextBeyondTheVocabularyIsAnError) {
    const auto faults =
        faults_of([] { encode(R"({"model": {"type": "Unigram", "vocab": [["a", 0]]}})", "ab"); });
    EXPECT_EQ(count_faults(faults, {"the text has 'b'"}), 1) << text_of(faults);
}

}  // namespace
}  // namespace alphaprune::test
