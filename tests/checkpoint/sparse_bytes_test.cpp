#include "memory_file.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace alphaprune::test {
namespace {

std::vector<std::byte> everything(const checkpoint::SparseBytes& bytes) {
    std::vector<std::byte> all(bytes.size(), std::byte{9});
    bytes.read(0, all);
    return all;
}

TEST(SparseBytes, AreAFileWhateverIsWrittenAndCut) {
    std::mt19937 engine(5);
    for (int round = 0; round < 20; ++round) {
        checkpoint::SparseBytes bytes;
        std::vector<std::byte> file;
        for (int step = 0; step < 40; ++step) {
            const std::size_t at = engine() % 30'000;
            if (engine() % 4 == 0) {
                bytes.resize(at);
                file.resize(at);
            } else {
                const std::vector<std::byte> piece(1 + engine() % 9000,
                                                   static_cast<std::byte>(step + 1));
                bytes.write(at, piece);
                file.resize(std::max(file.size(), at + piece.size()));
                std::ranges::copy(piece, file.begin() + static_cast<std::ptrdiff_t>(at));
            }
            EXPECT_EQ(everything(bytes), file);
            std::vector<std::byte> part(file.size() / 3);
            bytes.read(file.size() / 5, part);
            EXPECT_TRUE(
                std::ranges::equal(part, std::span(file).subspan(file.size() / 5, part.size())));
        }
    }
}

TEST(SparseBytes, AreZeroBehindTheEnd) {
    checkpoint::SparseBytes bytes;
    bytes.write(4090, std::vector<std::byte>(3, std::byte{1}));
    std::vector<std::byte> out(10'000, std::byte{9});
    bytes.read(4093, out);
    EXPECT_EQ(out, std::vector<std::byte>(out.size()));
}

TEST(SparseBytes, HolesOfTerabytesCostNothing) {
    checkpoint::SparseBytes bytes;
    const std::uint64_t far = std::uint64_t{300} << 40;
    bytes.resize(far);
    bytes.write(far, std::vector<std::byte>(5, std::byte{3}));
    EXPECT_EQ(bytes.size(), far + 5);
    std::vector<std::byte> out(7);
    bytes.read(far - 2, out);
    EXPECT_EQ(out[1], std::byte{0});
    EXPECT_EQ(out[2], std::byte{3});
}

}  // namespace
}  // namespace alphaprune::test
