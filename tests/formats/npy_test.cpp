#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/formats/npy.hpp"
#include "alphaprune/support/file.hpp"
#include "faults_of.hpp"
#include "npy_file.hpp"
#include "support/temporary_folder.hpp"

namespace alphaprune::test {
namespace {

const std::filesystem::path kSource = ALPHAPRUNE_SOURCE_DIR;
using Shape = std::vector<std::int64_t>;

TEST(Npy, ReadsAndWritesTheBytesOfNumpy) {
    for (const char* name : {"alpha_peak-llama-7b.npy", "alpha_peak-llama2-7b.npy"}) {
        const auto path = kSource / "tests/data/reference" / name;
        const formats::NpyNumbers numbers = formats::read_npy_numbers(path);
        EXPECT_EQ(numbers.shape, Shape{224});
        EXPECT_TRUE(std::ranges::all_of(numbers.values, [](double a) { return a > 1 && a < 20; }));
        const std::string file = support::read_text(path);
        const auto bytes = formats::npy_bytes(numbers.values);
        EXPECT_TRUE(std::ranges::equal(bytes, std::as_bytes(std::span(file)))) << name;
    }
}

TEST(Npy, ReadsTheTokensOfTheEmbeddedModel) {
    const formats::Json config = formats::Json::parse(
        support::read_text(kSource / "data/books-7m/config.json"), "config.json");
    const std::int64_t vocabulary = *config.find("vocab_size")->as_integer();
    const auto in_vocabulary = [&](std::int64_t token) { return token >= 0 && token < vocabulary; };

    const formats::NpyTokens samples =
        formats::read_npy_tokens(kSource / "data/books-7m/calibration.npy");
    EXPECT_EQ(samples.shape, (Shape{128, 512}));
    ASSERT_EQ(samples.values.size(), 128U * 512U);
    EXPECT_TRUE(std::ranges::all_of(samples.values, in_vocabulary));

    const formats::NpyTokens text = formats::read_npy_tokens(kSource / "data/books-7m/eval.npy");
    EXPECT_EQ(text.shape, Shape{184757});
    ASSERT_EQ(text.values.size(), 184757U);
    EXPECT_TRUE(std::ranges::all_of(text.values, in_vocabulary));
}

TEST(Npy, RoundTripKeepsEveryBit) {
    const TemporaryFolder folder;
    std::mt19937 random(3);
    for (const std::size_t size : {0U, 1U, 9U, 1000U, 100000U}) {
        std::vector<double> values(size);
        std::ranges::generate(values, [&] { return std::normal_distribution()(random); });
        formats::write_npy(folder / "values.npy", values);
        const formats::NpyNumbers back = formats::read_npy_numbers(folder / "values.npy");
        EXPECT_EQ(back.shape, Shape{static_cast<std::int64_t>(size)});
        EXPECT_EQ(back.values, values);
        EXPECT_FALSE(std::filesystem::exists(support::partial_name(folder / "values.npy")));
    }
}

TEST(Npy, HeadIsAMultipleOf64Bytes) {
    const auto bytes = formats::npy_bytes(std::vector<double>{1.0, 2.0});
    EXPECT_EQ(bytes.size(), 128U + 16U);
    EXPECT_EQ(bytes[127], std::byte{'\n'});
}

TEST(Npy, ReadsEveryVersionOfTheFormat) {
    for (const unsigned char version : {1, 2, 3}) {
        const auto file = npy_file("<f8", "(2,)", std::vector<double>{1.5, -2.0}, version);
        EXPECT_EQ(formats::parse_npy_numbers(file, "a.npy").values,
                  (std::vector<double>{1.5, -2.0}));
    }
}

TEST(Npy, ReadsEveryTypeOfNumber) {
    const auto single = npy_file("<f4", "(2, 1)", std::vector<float>{0.1F, -3.0F});
    const formats::NpyNumbers numbers = formats::parse_npy_numbers(single, "a.npy");
    EXPECT_EQ(numbers.shape, (Shape{2, 1}));
    EXPECT_EQ(numbers.values, (std::vector<double>{0.1F, -3.0}));
    const auto scalar = npy_file("<f8", "()", std::vector<double>{4.0});
    EXPECT_EQ(formats::parse_npy_numbers(scalar, "a.npy").shape, Shape{});
    EXPECT_EQ(formats::parse_npy_numbers(scalar, "a.npy").values, std::vector<double>{4.0});
}

template <class Stored>
void expect_tokens(std::string_view descr, const std::vector<Stored>& stored) {
    const std::string shape = "(" + std::to_string(stored.size()) + ",)";
    const formats::NpyTokens tokens =
        formats::parse_npy_tokens(npy_file(descr, shape, stored), "a.npy");
    EXPECT_EQ(tokens.values, std::vector<std::int64_t>(stored.begin(), stored.end())) << descr;
}

TEST(Npy, ReadsEveryTypeOfToken) {
    expect_tokens<std::uint16_t>("<u2", {0, 1, 65535});
    expect_tokens<std::int32_t>("<i4", {0, -1, std::numeric_limits<std::int32_t>::max()});
    expect_tokens<std::uint32_t>("<u4", {0, std::numeric_limits<std::uint32_t>::max()});
    expect_tokens<std::int64_t>("<i8", {0, -5, std::numeric_limits<std::int64_t>::max()});
}

TEST(Npy, TakesTheDictionaryInAnyOrderAndQuotes) {
    const std::vector<double> values{7.0};
    const auto data = std::as_bytes(std::span(values));
    for (const char* text :
         {"{'shape': (1,), 'fortran_order': False, 'descr': '<f8'}",
          "{\"descr\":\"<f8\",\"fortran_order\":False,\"shape\":(1,)}",
          " { 'descr' : '<f8' , 'fortran_order' : True , 'shape' : ( 1 , ) , }   \n"}) {
        EXPECT_EQ(formats::parse_npy_numbers(npy_file(text, data), "a.npy").values, values) << text;
    }
}

}  // namespace
}  // namespace alphaprune::test
