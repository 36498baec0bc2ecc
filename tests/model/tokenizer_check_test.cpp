#include "model/tokens/tokenizer.hpp"

#include <gtest/gtest.h>
#include <sentencepiece_trainer.h>

#include <string>
#include <vector>

#include "alphaprune/support/file.hpp"
#include "model/token_files.hpp"

namespace alphaprune::test {
namespace {

class Sentences : public sentencepiece::SentenceIterator {
  public:
    bool done() const override { return number_ == 200; }
    void Next() override {
        ++number_;
        text_ = "sentence " + std::to_string(number_ * number_) + " of a few plain words";
    }
    const std::string& value() const override { return text_; }
    sentencepiece::util::Status status() const override { return {}; }

  private:
    int number_ = 0;
    std::string text_ = "a first one";
};

/// A tokenizer with SentencePiece's own rules of normalisation.
std::string trained(const std::string& rules) {
    Sentences sentences;
    std::string model;
    const auto status =
        sentencepiece::SentencePieceTrainer::Train({{"vocab_size", "40"},
                                                    {"model_type", "bpe"},
                                                    {"normalization_rule_name", rules},
                                                    {"minloglevel", "2"}},
                                                   &sentences, &model);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return model;
}

TEST(TokenizerCheck, RealTokenizersPass) {
    EXPECT_TRUE(model::is_safe_tokenizer(support::read_text(kBooks + "/tokenizer.model")));
    EXPECT_TRUE(model::is_safe_tokenizer(""));
    for (const char* rules : {"identity", "nfkc", "nmt_nfkc", "nmt_nfkc_cf"}) {
        const std::string model = trained(rules);
        EXPECT_EQ(model.size() > 100'000, std::string(rules) != "identity") << model.size();
        EXPECT_TRUE(model::is_safe_tokenizer(model)) << rules;
    }
}

/// The charsmap stands alone in a normalizer_spec: field 2 of field 3.
std::string with_charsmap(const std::vector<std::uint32_t>& trie, const std::string& texts) {
    const auto field = [](int number, const std::string& contents) {
        std::string bytes(1, static_cast<char>(number << 3 | 2));
        std::size_t size = contents.size();
        for (; size > 0x7F; size >>= 7U) {
            bytes += static_cast<char>(size | 0x80U);
        }
        return bytes + static_cast<char>(size) + contents;
    };
    const auto size = static_cast<std::uint32_t>(trie.size() * sizeof(trie[0]));
    return field(
        3, field(2, std::string(reinterpret_cast<const char*>(&size), sizeof size) +
                        std::string(reinterpret_cast<const char*>(trie.data()), size) + texts));
}

TEST(TokenizerCheck, ATrieMustNotLeadOutOfItself) {
    const std::string texts("b\0", 2);
    std::vector<std::uint32_t> trie(512);
    trie[0] = 0x100U << 10U;
    EXPECT_TRUE(model::is_safe_tokenizer(with_charsmap(trie, texts)));
    trie[7] = 0x200U << 10U;  // beyond the last unit
    EXPECT_FALSE(model::is_safe_tokenizer(with_charsmap(trie, texts)));
    trie[7] = 2U << 10U | 0x200U;  // the same, its offset counted in blocks
    EXPECT_FALSE(model::is_safe_tokenizer(with_charsmap(trie, texts)));
    trie[7] = 0x80000000U | 0x7FFFFFFFU;  // a value, which nothing points to
    EXPECT_TRUE(model::is_safe_tokenizer(with_charsmap(trie, texts)));
    trie[6] = 1U << 10U | 0x100U;  // now its value is the unit 7
    EXPECT_FALSE(model::is_safe_tokenizer(with_charsmap(trie, texts)));
    trie[7] = 0x80000000U | 1U;
    EXPECT_TRUE(model::is_safe_tokenizer(with_charsmap(trie, texts)));
    EXPECT_FALSE(model::is_safe_tokenizer(with_charsmap(trie, "bb")));  // no end
    EXPECT_FALSE(model::is_safe_tokenizer(with_charsmap(trie, "")));
    trie.resize(500);
    EXPECT_FALSE(model::is_safe_tokenizer(with_charsmap(trie, texts)));
}

TEST(TokenizerCheck, MessagesMustBeWhole) {
    EXPECT_FALSE(model::is_safe_tokenizer("\x0A\x05"));
    EXPECT_FALSE(model::is_safe_tokenizer("\x1A\x02\x12\x05"));
    EXPECT_FALSE(model::is_safe_tokenizer(std::string(11, '\xFF')));
    EXPECT_FALSE(model::is_safe_tokenizer("\x0B"));  // a group
}

}  // namespace
}  // namespace alphaprune::test
