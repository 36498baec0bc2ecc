#include <gtest/gtest.h>

#include "faults_of.hpp"
#include "safetensors_bytes.hpp"
#include "support/many_types.hpp"

namespace alphaprune::test {
namespace {

/// The faults of a file; each test expects the file to be named.
std::string faults_of_file(std::span<const std::byte> file) {
    const std::string text = faults_of([&] { parse(file); });
    EXPECT_TRUE(has(text, "model.safetensors")) << text;
    return text;
}

std::string faults_of_file(std::string_view header, std::size_t data_size) {
    return faults_of_file(safetensors_bytes(header, data_size));
}

/// The faults of a file of one tensor named x; the tensor must be named.
std::string faults_of_x(std::string_view dtype, std::string_view shape, std::string_view offsets,
                        std::size_t data_size) {
    const std::string text =
        faults_of_file("{" + tensor_text("x", dtype, shape, offsets) + "}", data_size);
    EXPECT_TRUE(has(text, "tensor \"x\"")) << text;
    return text;
}

int count(const std::string& text, const std::string& part) {
    int found = 0;
    for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) {
        ++found;
    }
    return found;
}

TEST(SafetensorsFaults, FileTooShort) {
    for (const std::size_t size : {0U, 1U, 7U}) {
        EXPECT_TRUE(has(faults_of_file(std::vector<std::byte>(size)), "too short"));
    }
}

TEST(SafetensorsFaults, HeaderLongerThanTheFile) {
    EXPECT_TRUE(has(faults_of_file(safetensors_bytes("{}", 0, 3)), "longer than the file"));
}

TEST(SafetensorsFaults, HeaderOverTheLimit) {
    EXPECT_TRUE(has(faults_of_file(safetensors_bytes("{}", 0, formats::kMaxSafetensorsHeader + 1)),
                    "100000000"));
    EXPECT_TRUE(has(faults_of_file(safetensors_bytes("{}", 0, ~std::uint64_t{0})), "100000000"));
    // At the limit it is the file's size that counts.
    EXPECT_TRUE(has(faults_of_file(safetensors_bytes("{}", 0, formats::kMaxSafetensorsHeader)),
                    "longer than"));
}

TEST(SafetensorsFaults, PointerOfGitLfs) {
    const std::string pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\n";
    const std::string text = faults_of_file(std::as_bytes(std::span(pointer)));
    EXPECT_TRUE(has(text, "git lfs pull")) << text;
}

TEST(SafetensorsFaults, HeaderNotJson) {
    EXPECT_TRUE(has(faults_of_file("{\"x\":", 0), "not JSON"));
    EXPECT_TRUE(has(faults_of_file("{} x", 0), "not JSON"));
    EXPECT_TRUE(has(faults_of_file(std::string_view("{}\0x", 4), 0), "not JSON"));
    EXPECT_TRUE(has(faults_of_file("{\"\xff\":1}", 0), "not JSON"));
}

TEST(SafetensorsFaults, HeaderNotAnObject) {
    for (const char* header : {"", " {}", "[]", "1", "null", "\xef\xbb\xbf{}"}) {
        EXPECT_TRUE(has(faults_of_file(header, 0), "does not start with '{'")) << header;
    }
}

TEST(SafetensorsFaults, HeaderNestedTooDeep) {
    const std::string deep = "{\"x\":" + std::string(100, '[') + std::string(100, ']') + "}";
    EXPECT_TRUE(has(faults_of_file(deep, 0), "deeper than 64"));
}

TEST(SafetensorsFaults, DuplicateTensors) {
    const std::string x = tensor_text("x", "F32", "[1]", "[0,4]");
    const std::string y = tensor_text("y", "F32", "[1]", "[4,8]");
    const std::string text =
        faults_of_file("{" + x + "," + y + "," + x + "," + y + "," + x + "}", 8);
    EXPECT_EQ(count(text, "more than once"), 2) << text;
    EXPECT_TRUE(has(text, "tensor \"x\"")) << text;
    EXPECT_TRUE(has(text, "tensor \"y\"")) << text;
}

TEST(SafetensorsFaults, MemberGivenTwice) {
    const std::string text = faults_of_file(
        R"({"x":{"dtype":"F32","dtype":"F16","shape":[1],"data_offsets":[0,4]}})", 4);
    EXPECT_TRUE(has(text, "\"dtype\" is given more than once")) << text;
}

TEST(SafetensorsFaults, DtypesThatAreNoNames) {
    const std::string endless(65, 'F');
    for (const char* dtype : {"", "F 8", "F8:E4M3", "größe", endless.c_str()}) {
        const std::string text = faults_of_x(dtype, "[4]", "[0,4]", 4);
        EXPECT_TRUE(has(text, "cannot be the name of a type")) << text;
        EXPECT_EQ(count(text, "error:"), 1) << text;
    }
}

TEST(SafetensorsFaults, SizesOfEveryKnownDtypeAreChecked) {
    for (const auto& [dtype, bits] : carried_types()) {
        const std::string text = faults_of_x(dtype, "[8]", "[0,3]", 3);
        EXPECT_TRUE(has(text, fmt::format("of {} needs {} bytes, but", dtype, bits))) << text;
        EXPECT_EQ(count(text, "error:"), 1) << text;
    }
    EXPECT_TRUE(has(faults_of_x("F4", "[3]", "[0,2]", 2), "needs 12 bits, which are no whole"));
    EXPECT_TRUE(has(faults_of_x("F6_E2M3", "[2,1]", "[0,2]", 2), "needs 12 bits"));
    EXPECT_TRUE(has(faults_of_x("F64", "[1152921504606846976]", "[0,8]", 8), "more bytes than"));
    EXPECT_TRUE(has(faults_of_x("NEW", "[4611686018427387904,4]", "[0,8]", 8), "more bytes than"));
}

TEST(SafetensorsFaults, MissingMembers) {
    const std::string text = faults_of_file(R"({"x":{}})", 0);
    EXPECT_TRUE(has(text, "no dtype")) << text;
    EXPECT_TRUE(has(text, "shape")) << text;
    EXPECT_TRUE(has(text, "data_offsets")) << text;
    EXPECT_EQ(count(text, "tensor \"x\""), 3) << text;
    EXPECT_TRUE(has(faults_of_file(R"({"x":[]})", 0), "not a JSON object"));
}

TEST(SafetensorsFaults, ShapesThatAreNoShapes) {
    for (const char* shape : {"[-1]", "[2,-2]", "[1.0]", "[\"1\"]", "1", "null", "[[1]]",
                              "[9223372036854775808]", "[18446744073709551616]", "[1e3]"}) {
        EXPECT_TRUE(has(faults_of_x("F32", shape, "[0,4]", 4), "shape")) << shape;
    }
}

TEST(SafetensorsFaults, ShapesThatOverflow) {
    for (const char* shape :
         {"[4611686018427387904,4]", "[4294967296,4294967296]", "[9223372036854775807]",
          "[4611686018427387905]", "[0,9223372036854775807,9223372036854775807]"}) {
        EXPECT_TRUE(has(faults_of_x("F32", shape, "[0,4]", 4), "more bytes than")) << shape;
    }
}

TEST(SafetensorsFaults, ShapeThatDoesNotMatchTheOffsets) {
    const std::string text = faults_of_x("F16", "[3,5]", "[0,60]", 60);
    EXPECT_TRUE(has(text, "[3, 5] of F16 needs 30 bytes")) << text;
    EXPECT_TRUE(has(text, "hold 60")) << text;
    EXPECT_TRUE(has(faults_of_x("F32", "[0]", "[0,4]", 4), "needs 0 bytes"));
}

TEST(SafetensorsFaults, OffsetsThatAreNoOffsets) {
    for (const char* offsets : {"[]", "[0]", "[0,4,4]", "[0,-4]", "[-4,0]", "[0,4.0]", "4", "null",
                                "[0,18446744073709551615]"}) {
        EXPECT_TRUE(has(faults_of_x("F32", "[1]", offsets, 4), "data_offsets")) << offsets;
    }
}

TEST(SafetensorsFaults, OffsetsThatEndBeforeTheyBegin) {
    EXPECT_TRUE(has(faults_of_x("F32", "[1]", "[4,0]", 4), "end before they begin"));
}

TEST(SafetensorsFaults, OffsetsThatPassTheEnd) {
    EXPECT_TRUE(has(faults_of_x("F32", "[2]", "[0,8]", 7), "pass the end of the file"));
    const std::string text =
        faults_of_x("F32", "[2]", "[9223372036854775799,9223372036854775807]", 8);
    EXPECT_TRUE(has(text, "pass the end of the file")) << text;
}

TEST(SafetensorsFaults, TruncationIsOneFault) {
    const std::string header = "{" + tensor_text("a", "F32", "[2]", "[0,8]") + "," +
                               tensor_text("b", "F32", "[2]", "[8,16]") + "," +
                               tensor_text("c", "F32", "[2]", "[16,24]") + "}";
    const std::string text = faults_of_file(header, 10);
    EXPECT_EQ(count(text, "error:"), 1) << text;
    EXPECT_TRUE(has(text, "tensor \"b\"")) << text;
    EXPECT_TRUE(has(text, "so do 1 more")) << text;
    EXPECT_TRUE(has(text, "truncated")) << text;
}

TEST(SafetensorsFaults, OffsetsThatOverlap) {
    const std::string header = "{" + tensor_text("a", "F32", "[2]", "[0,8]") + "," +
                               tensor_text("b", "F32", "[2]", "[4,12]") + "}";
    const std::string text = faults_of_file(header, 12);
    EXPECT_TRUE(has(text, "overlap those of tensor \"a\"")) << text;
    EXPECT_TRUE(has(text, "tensor \"b\"")) << text;
    EXPECT_EQ(count(text, "error:"), 1) << text;
}

TEST(SafetensorsFaults, OneTensorInsideAnother) {
    const std::string header = "{" + tensor_text("a", "F32", "[4]", "[0,16]") + "," +
                               tensor_text("b", "F32", "[1]", "[4,8]") + "," +
                               tensor_text("c", "F32", "[1]", "[8,12]") + "}";
    EXPECT_EQ(count(faults_of_file(header, 16), "overlap those of tensor \"a\""), 2);
}

TEST(SafetensorsFaults, OffsetsThatLeaveAHole) {
    EXPECT_TRUE(has(faults_of_x("F32", "[1]", "[4,8]", 8), "leave a hole"));
    const std::string header = "{" + tensor_text("a", "F32", "[1]", "[0,4]") + "," +
                               tensor_text("b", "F32", "[1]", "[5,9]") + "}";
    const std::string text = faults_of_file(header, 9);
    EXPECT_TRUE(has(text, "leave a hole")) << text;
    EXPECT_TRUE(has(text, "tensor \"b\"")) << text;
}

TEST(SafetensorsFaults, OffsetsThatDoNotReachTheEnd) {
    EXPECT_TRUE(has(faults_of_x("F32", "[1]", "[0,4]", 6), "last 2 bytes"));
    EXPECT_TRUE(has(faults_of_file("{}", 1), "last 1 bytes"));
}

TEST(SafetensorsFaults, MetadataThatIsNotStrings) {
    EXPECT_TRUE(has(faults_of_file(R"({"__metadata__":[]})", 0), "__metadata__"));
    EXPECT_TRUE(has(faults_of_file(R"({"__metadata__":null})", 0), "__metadata__"));
    EXPECT_TRUE(has(faults_of_file(R"({"__metadata__":{"layers":2}})", 0), "\"layers\""));
    EXPECT_TRUE(has(faults_of_file(R"({"__metadata__":{"a":"1","a":"1"}})", 0), "more than once"));
}

TEST(SafetensorsFaults, AllAreReportedTogether) {
    const std::string header = "{" + tensor_text("a", "I/64", "[1]", "[0,8]") + "," +
                               tensor_text("b", "F32", "[3]", "[8,16]") + "," +
                               tensor_text("c", "F32", "[-1]", "[20,24]") + "}";
    const std::string text = faults_of_file(header, 30);
    EXPECT_EQ(count(text, "error:"), 5) << text;
    for (const char* part :
         {"\"I/64\"", "needs 12 bytes", ">= 0", "leave a hole", "last 6 bytes"}) {
        EXPECT_TRUE(has(text, part)) << part << '\n' << text;
    }
}

TEST(SafetensorsFaults, ManyAreCounted) {
    std::string header = "{";
    for (int i = 0; i < 50; ++i) {
        header += tensor_text(fmt::format("t{}", i), "I 8", "[0]", "[0,0]") + (i < 49 ? "," : "}");
    }
    const std::string text = faults_of_file(header, 0);
    EXPECT_EQ(count(text, "error:"), 21) << text;
    EXPECT_TRUE(has(text, "30 more faults")) << text;
}

TEST(SafetensorsFaults, NamesAreSafeToPrint) {
    const std::string text = faults_of_file(
        "{\""
        R"(\u001b[31m\n)" +
            std::string(1000, 'x') + "\":1}",
        0);
    EXPECT_TRUE(has(text, R"(\u001b[31m\n)")) << text;
    EXPECT_EQ(text.find('\x1b'), text.npos);
    EXPECT_LT(text.size(), 600U);
}

}  // namespace
}  // namespace alphaprune::test
