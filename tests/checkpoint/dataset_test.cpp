#include "hdf5_dataset.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "support/temporary_folder.hpp"

namespace alphaprune::checkpoint {
namespace {

std::vector<std::byte> counting_bytes(std::size_t size) {
    std::vector<std::byte> bytes(size);
    for (std::size_t i = 0; i < size; ++i) {
        bytes[i] = static_cast<std::byte>(i % 251);
    }
    return bytes;
}

// Transfers are cut at 256 MiB; a tiny limit takes the same road with tiny data.
TEST(Hdf5Dataset, RowsMovedInManyPiecesAreTheSameBytes) {
    const test::TemporaryFolder folder;
    const Hdf5Calls hdf5 = Hdf5Calls::writing(folder / "pieces.h5");
    const Hdf5Handle file(H5Fcreate(hdf5.file().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
                          H5Fclose);
    ASSERT_GE(file.id(), 0);
    const std::vector<std::vector<std::int64_t>> shapes{{23}, {5, 6}, {3, 4, 5}};
    for (const auto& shape : shapes) {
        const auto bytes = counting_bytes(
            4 * static_cast<std::size_t>(std::accumulate(shape.begin(), shape.end(),
                                                         std::int64_t{1}, std::multiplies<>())));
        const parallel::RowRange all{0, shape.size() == 1 ? 1 : shape[0]};
        for (const std::uint64_t limit : {4U, 12U, 24U, 84U, 100000U}) {
            const std::string name = std::to_string(shape.size()) + "-" + std::to_string(limit);
            const Hdf5Handle dataset =
                create_dataset(hdf5, file.id(), name.c_str(), H5T_IEEE_F32LE, shape, name);
            const Hdf5Object object{dataset.id(), name};
            write_rows(hdf5, object, H5T_IEEE_F32LE, shape, all, bytes, limit);
            std::vector<std::byte> whole(bytes.size());
            ASSERT_GE(
                H5Dread(dataset.id(), H5T_IEEE_F32LE, H5S_ALL, H5S_ALL, H5P_DEFAULT, whole.data()),
                0);
            EXPECT_EQ(whole, bytes) << name;
            std::vector<std::byte> pieces(bytes.size());
            read_rows(hdf5, object, H5T_IEEE_F32LE, shape, all, pieces, limit);
            EXPECT_EQ(pieces, bytes) << name;
        }
    }
}

}  // namespace
}  // namespace alphaprune::checkpoint
