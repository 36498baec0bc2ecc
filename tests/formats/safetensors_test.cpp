#include <fmt/format.h>
#include <gtest/gtest.h>

#include "faults_of.hpp"
#include "safetensors_bytes.hpp"
#include "support/many_types.hpp"

namespace alphaprune::test {
namespace {

using Shape = std::vector<std::int64_t>;

TEST(Safetensors, SortsTensorsByTheirPlaceInTheFile) {
    const std::string text = "{" + tensor_text("late", "F16", "[3]", "[16,22]") + "," +
                             tensor_text("early", "F32", "[2,2]", "[0,16]") + "," +
                             tensor_text("last", "BF16", "[1,2,1]", "[22,26]") + "}";
    const formats::SafetensorsHeader header = parse(text, 26);
    const std::uint64_t data = 8 + text.size();
    ASSERT_EQ(header.tensors.size(), 3U);
    EXPECT_EQ(header.tensors[0].name, "early");
    EXPECT_EQ(header.tensors[0].type, support::ScalarType::float32);
    EXPECT_EQ(header.tensors[0].shape, (Shape{2, 2}));
    EXPECT_EQ(header.tensors[0].begin, data);
    EXPECT_EQ(header.tensors[0].end, data + 16);
    EXPECT_EQ(header.tensors[1].name, "late");
    EXPECT_EQ(header.tensors[1].type, support::ScalarType::float16);
    EXPECT_EQ(header.tensors[1].end, data + 22);
    EXPECT_EQ(header.tensors[2].type, support::ScalarType::bfloat16);
    EXPECT_EQ(header.tensors[2].shape, (Shape{1, 2, 1}));
    EXPECT_EQ(header.tensors[2].end, data + 26);
    EXPECT_TRUE(header.metadata.empty());
}

TEST(Safetensors, AcceptsAHeaderWithoutTensors) {
    EXPECT_TRUE(parse("{}", 0).tensors.empty());
    EXPECT_TRUE(parse("{}      ", 0).tensors.empty());  // writers pad with spaces
}

TEST(Safetensors, KeepsTheMetadata) {
    const auto header = parse(R"({"__metadata__":{"format":"pt","by":"x\ny"}})", 0);
    ASSERT_EQ(header.metadata.size(), 2U);
    EXPECT_EQ(header.metadata[0], std::pair(std::string("format"), std::string("pt")));
    EXPECT_EQ(header.metadata[1], std::pair(std::string("by"), std::string("x\ny")));
}

TEST(Safetensors, AcceptsScalarsAndTensorsWithoutValues) {
    const std::string text = "{" + tensor_text("scalar", "F32", "[]", "[0,4]") + "," +
                             tensor_text("none", "F32", "[0]", "[0,0]") + "," +
                             tensor_text("also none", "F16", "[7,0,3]", "[4,4]") + "}";
    const formats::SafetensorsHeader header = parse(text, 4);
    ASSERT_EQ(header.tensors.size(), 3U);
    EXPECT_EQ(header.tensors[0].name, "none");
    EXPECT_EQ(header.tensors[1].name, "scalar");
    EXPECT_EQ(header.tensors[1].shape, Shape{});
    EXPECT_EQ(header.tensors[2].name, "also none");
    EXPECT_EQ(header.tensors[2].shape, (Shape{7, 0, 3}));
}

TEST(Safetensors, TakesEveryTypeOfTheFormat) {
    for (const auto& [dtype, bits] : carried_types()) {
        const auto header =
            parse("{" + tensor_text("x", dtype, "[2,4]", fmt::format("[0,{}]", bits)) + "}",
                  static_cast<std::uint64_t>(bits));
        ASSERT_EQ(header.tensors.size(), 1U) << dtype;
        EXPECT_EQ(header.tensors[0].type.name(), dtype);
        EXPECT_EQ(header.tensors[0].type.bits(), bits);
        EXPECT_FALSE(header.tensors[0].type.scalar()) << dtype;
        EXPECT_EQ(header.tensors[0].shape, (Shape{2, 4}));
    }
}

TEST(Safetensors, ATypeThatIsNotKnownHasTheBytesThatTheFileSays) {
    const std::string text = "{" + tensor_text("odd", "X3_new.1", "[7,2]", "[0,5]") + "," +
                             tensor_text("scalar", "F128", "[]", "[5,21]") + "," +
                             tensor_text("none", "F128", "[0]", "[21,21]") + "}";
    const formats::SafetensorsHeader header = parse(text, 21);
    ASSERT_EQ(header.tensors.size(), 3U);
    EXPECT_EQ(header.tensors[0].type.name(), "X3_new.1");
    EXPECT_FALSE(header.tensors[0].type.bits());
    EXPECT_EQ(header.tensors[0].end - header.tensors[0].begin, 5U);
    EXPECT_EQ(header.tensors[1].end - header.tensors[1].begin, 16U);
}

TEST(Safetensors, NeedsNoMoreThanTheHeadOfAHugeFile) {
    // 2^40 values, of which no byte is looked at.
    const std::string text =
        "{" + tensor_text("huge", "BF16", "[1048576,1048576]", "[0,2199023255552]") + "}";
    const auto head = safetensors_bytes(text, 0);
    const auto header =
        formats::parse_safetensors_header(head, head.size() + 2199023255552U, "model.safetensors");
    ASSERT_EQ(header.tensors.size(), 1U);
    EXPECT_EQ(header.tensors[0].end - header.tensors[0].begin, 2199023255552U);
}

}  // namespace
}  // namespace alphaprune::test
