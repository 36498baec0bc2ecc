#include <gtest/gtest.h>

#include "alphaprune/formats/npy.hpp"
#include "faults_of.hpp"
#include "npy_file.hpp"

namespace alphaprune::test {
namespace {

std::string faults(std::span<const std::byte> file) {
    const std::string text = faults_of([&] { formats::parse_npy_numbers(file, "alpha.npy"); });
    EXPECT_TRUE(has(text, "alpha.npy")) << text;
    return text;
}

std::string token_faults(std::span<const std::byte> file) {
    return faults_of([&] { formats::parse_npy_tokens(file, "tokens.npy"); });
}

std::string faults_of_text(std::string_view text) {
    return faults(npy_file(text, {}));
}

TEST(NpyFaults, NotNpy) {
    const std::string zip = "PK\x03\x04 not an array";
    EXPECT_TRUE(has(faults(std::as_bytes(std::span(zip))), "not a .npy file"));
    const auto whole = npy_file(dictionary("<f8", "(0,)"), {}, 2);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        faults(std::span(whole).first(size));
    }
}

TEST(NpyFaults, UnknownVersion) {
    for (const unsigned char version : {0, 4, 255}) {
        EXPECT_TRUE(has(faults(npy_file(dictionary("<f8", "(0,)"), {}, version)), "version"));
    }
}

TEST(NpyFaults, HeaderTooLong) {
    auto file = npy_file(dictionary("<f8", "(0,)"), {}, 2);
    file[11] = std::byte{0x7F};
    EXPECT_TRUE(has(faults(file), "longer than the file"));
    const std::string padded = dictionary("<f8", "(0,)") + std::string(70000, ' ');
    EXPECT_TRUE(has(faults(npy_file(padded, {}, 2)), "more than an array"));
}

TEST(NpyFaults, OtherTypes) {
    for (const char* descr : {">f8", "<f2", "<c16", "<i8", "|b1", "|O", "=f8", "f8"}) {
        const std::string text = faults_of_text(dictionary(descr, "(0,)"));
        EXPECT_TRUE(has(text, "\"" + std::string(descr) + "\"")) << text;
        EXPECT_TRUE(has(text, "astype(\"<f8\")")) << text;
    }
    const std::string text = token_faults(npy_file(dictionary("<f8", "(0,)"), {}));
    EXPECT_TRUE(has(text, "\"<f8\"")) << text;
    EXPECT_TRUE(has(text, "astype(\"<i4\")")) << text;
}

TEST(NpyFaults, FortranOrder) {
    const std::vector<double> values(4);
    const auto data = std::as_bytes(std::span(values));
    EXPECT_TRUE(has(faults(npy_file(dictionary("<f8", "(2, 2)", "True"), data)), "Fortran"));
    EXPECT_NO_THROW(
        formats::parse_npy_numbers(npy_file(dictionary("<f8", "(4,)", "True"), data), "x"));
}

TEST(NpyFaults, SizesThatDoNotMatch) {
    const std::vector<double> values(4);
    EXPECT_TRUE(has(faults(npy_file("<f8", "(5,)", values)), "holds 32 bytes"));
    EXPECT_TRUE(has(faults(npy_file("<f8", "(3,)", values)), "needs 24"));
    EXPECT_TRUE(has(faults(npy_file("<f8", "(0, 4)", values)), "needs 0"));
    EXPECT_TRUE(has(faults(npy_file("<f4", "(4,)", values)), "needs 16"));
    auto cut = npy_file("<f8", "(4,)", values);
    cut.pop_back();
    EXPECT_TRUE(has(faults(cut), "holds 31 bytes"));
}

TEST(NpyFaults, SizesThatOverflow) {
    const std::vector<double> values(4);
    for (const char* shape : {"(4611686018427387904, 4)", "(2305843009213693956,)",
                              "(9223372036854775807, 9223372036854775807, 0)"}) {
        EXPECT_TRUE(has(faults(npy_file("<f8", shape, values)), "more than can be counted"));
    }
    EXPECT_TRUE(has(faults(npy_file("<f8", "(9223372036854775808,)", values)), "63 bits"));
}

TEST(NpyFaults, DictionariesThatNumpyDoesNotWrite) {
    for (const char* text : {
             "",
             "{}",
             "{,}",
             "[1]",
             "{'descr': '<f8', 'fortran_order': False}",
             "{'descr': '<f8', 'fortran_order': False, 'shape': (0,)",
             "{'descr': '<f8', 'fortran_order': False, 'shape': (0,)} x",
             "{'descr': '<f8', 'fortran_order': False, 'shape': (0,), 'descr': '<f8'}",
             "{'descr': '<f8', 'fortran_order': False, 'shape': (0,), 'more': 1}",
             "{'descr': '<f8', 'fortran_order': 0, 'shape': (0,)}",
             "{'descr': '<f8', 'fortran_order': false, 'shape': (0,)}",
             "{'descr': '<f8', 'fortran_order': False, 'shape': (0)}",
             "{'descr': '<f8', 'fortran_order': False, 'shape': [0]}",
             "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}",
             "{'descr': '<f8', 'fortran_order': False, 'shape': (,)}",
             "{'descr': '<f8', 'fortran_order': False, 'shape': (1.0,)}",
             "{'descr': '<f8', 'fortran_order': False, 'shape': (1 2)}",
             "{'descr': '<f8\", 'fortran_order': False, 'shape': (0,)}",
             "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (0,)}",
             "{'descr': '<f8' 'fortran_order': False, 'shape': (0,)}",
         }) {
        EXPECT_TRUE(has(faults_of_text(text), "not as numpy writes it")) << text;
    }
}

TEST(NpyFaults, TokensOfOtherDimensions) {
    for (const char* shape : {"()", "(1, 1, 1)"}) {
        const auto file = npy_file("<u2", shape, std::vector<std::uint16_t>{1});
        EXPECT_TRUE(has(token_faults(file), "dimensions")) << shape;
    }
}

}  // namespace
}  // namespace alphaprune::test
