#include <gtest/gtest.h>

#include <filesystem>

#include "alphaprune/model/catalogue.hpp"
#include "faults.hpp"

namespace alphaprune::model {
namespace {

const std::filesystem::path kBooks = std::filesystem::path(ALPHAPRUNE_SOURCE_DIR) / "data/books-7m";

TEST(KeepBlocks, LeavesTheirMatricesAndAllTensors) {
    const Catalogue whole = read_catalogue(kBooks);
    Catalogue part = whole;
    keep_blocks(part, {2, 4});
    EXPECT_EQ(part.prunable_blocks(), (std::vector<int>{2, 3, 4}));
    EXPECT_EQ(part.blocks(), 5);
    ASSERT_EQ(part.matrices.size(), 21U);
    EXPECT_EQ(part.tensors.size(), whole.tensors.size());
    EXPECT_EQ(part.bytes(), whole.bytes());
    for (std::size_t m = 0; m < part.matrices.size(); ++m) {
        EXPECT_EQ(part.name_of(part.matrices[m]), whole.name_of(whole.matrices[m + 14]));
        EXPECT_EQ(part.tensor_of(part.matrices[m]).matrix, static_cast<int>(m));
    }
    int prunable = 0;
    for (const TensorInfo& tensor : part.tensors) {
        prunable += tensor.matrix >= 0 ? 1 : 0;
    }
    EXPECT_EQ(prunable, 21);
}

TEST(KeepBlocks, AllBlocksIsTheWholeModel) {
    const Catalogue whole = read_catalogue(kBooks);
    Catalogue part = whole;
    keep_blocks(part, {0, 7});
    EXPECT_EQ(serialize(part), serialize(whole));
    EXPECT_EQ(whole.prunable_blocks().size(), 8U);
}

TEST(KeepBlocks, RefusesBlocksThatAreNotThere) {
    Catalogue catalogue = read_catalogue(kBooks);
    for (const BlockRange range : {BlockRange{0, 8}, BlockRange{8, 8}, BlockRange{-1, 2}}) {
        const auto faults = test::faults_of([&] { keep_blocks(catalogue, range); });
        EXPECT_EQ(test::count_faults(faults, {"no blocks", "books-7m"}), 1);
        EXPECT_NE(faults.front().remedy.find("0 to 7"), std::string::npos);
    }
    EXPECT_EQ(catalogue.matrices.size(), 56U);
}

}  // namespace
}  // namespace alphaprune::model
