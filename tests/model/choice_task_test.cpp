#include "alphaprune/model/choice_task.hpp"

#include <gtest/gtest.h>

#include "tokens/token_pairs.hpp"

namespace alphaprune::test {
namespace {

// The expected values are what Python says: len(text.rstrip()), len(text).
TEST(ChoiceTexts, EndWithTheWhiteSpaceOfPython) {
    EXPECT_EQ(model::without_white_end(""), "");
    EXPECT_EQ(model::without_white_end(" a b "), " a b");
    EXPECT_EQ(model::without_white_end("\t\n\v\f\r \x1C\x1D\x1E\x1F"), "");
    EXPECT_EQ(model::without_white_end("é\u00A0\u2003\u3000\u0085\u202F"), "é");
    EXPECT_EQ(model::without_white_end("a\u200B"), "a\u200B");  // of no width: no white space
    EXPECT_EQ(model::without_white_end("a\u00A1"), "a\u00A1");
}

TEST(ChoiceTexts, HaveCharactersNotBytes) {
    EXPECT_EQ(model::characters_in(""), 0);
    EXPECT_EQ(model::characters_in("Größe"), 5);
    EXPECT_EQ(model::characters_in("東京 ☃ 🙂"), 6);
}

TEST(ChoiceTask, TravelsAsBytes) {
    model::ChoiceTask task;
    task.items.push_back({{{{1, 2, 3}, 2}, {{4, 5}, 1}}, {7, 8}, {1}});
    task.items.push_back({{{{6, 7}, 1}}, {1}, {0}});
    task.shortened = 3;
    task.length = 2048;
    EXPECT_EQ(model::choice_task_in(model::bytes_of(task)), task);
}

}  // namespace
}  // namespace alphaprune::test
