#include "alphaprune/model/weight_reader.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "alphaprune/model/matrix_slices.hpp"
#include "alphaprune/support/error.hpp"
#include "support/model_folder.hpp"
#include "support/temporary_folder.hpp"

namespace alphaprune::test {
namespace {

/// The stored values as numbers, by the definition of the formats, without the program's own
/// conversion.
std::vector<double> numbers_of(const StoredTensor& tensor) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned>(tensor.bytes[i]); };
    std::vector<double> numbers;
    const std::size_t width = tensor.type == "F64" ? 8 : tensor.type == "F32" ? 4 : 2;
    for (std::size_t i = 0; i < tensor.bytes.size(); i += width) {
        const unsigned low = byte(i) | byte(i + 1) << 8U;
        if (tensor.type == "F64") {
            double value = 0;
            std::memcpy(&value, tensor.bytes.data() + i, sizeof value);
            numbers.push_back(value);
        } else if (tensor.type == "F32") {
            const unsigned bits = low | byte(i + 2) << 16U | byte(i + 3) << 24U;
            numbers.push_back(std::bit_cast<float>(bits));
        } else if (tensor.type == "BF16") {
            numbers.push_back(std::bit_cast<float>(low << 16U));
        } else {
            const int exponent = static_cast<int>(low >> 10U & 31U);
            const double fraction = static_cast<double>(low & 1023U) / 1024.0;
            const double size = exponent == 0 ? std::ldexp(fraction, -14)
                                              : std::ldexp(1.0 + fraction, exponent - 15);
            numbers.push_back((low & 0x8000U) != 0 ? -size : size);
        }
    }
    return numbers;
}

const std::vector<linalg::Rectangle> kRectangles{
    {0, 24, 0, 16}, {0, 1, 0, 16}, {23, 24, 0, 16}, {5, 17, 0, 16}, {0, 24, 15, 16},
    {0, 24, 0, 1},  {3, 20, 2, 9}, {7, 8, 4, 5},    {4, 4, 0, 16},  {2, 9, 6, 6}};

class WeightReaderOfType : public testing::TestWithParam<support::ScalarType> {};

TEST_P(WeightReaderOfType, RectanglesAreWhatWasStored) {
    const TemporaryFolder folder;
    const LlamaSizes sizes;
    const auto tensors = llama_tensors(sizes, 9, GetParam());
    const auto middle = tensors.begin() + 11;
    const std::vector<std::vector<StoredTensor>> shards{{tensors.begin(), middle},
                                                        {middle, tensors.end()}};
    write_sharded_model_folder(folder / "m", llama_config(sizes), shards);
    const model::Catalogue catalogue = model::read_catalogue(folder / "m");
    model::WeightReader reader(catalogue);
    int compared = 0;
    for (const model::MatrixInfo& matrix : catalogue.matrices) {
        if (matrix.rows != sizes.intermediate) {
            continue;
        }
        const auto stored = std::find_if(tensors.begin(), tensors.end(), [&](const auto& tensor) {
            return tensor.name == catalogue.name_of(matrix);
        });
        const std::vector<double> expected = numbers_of(*stored);
        for (const bool whole : {true, false}) {
            const auto source = model::make_matrix_source(reader, matrix, whole);
            ASSERT_EQ(source->rows(), 24);
            ASSERT_EQ(source->cols(), 16);
            EXPECT_NE(source->name().find(stored->name), std::string::npos);
            EXPECT_NE(source->name().find("-of-00002.safetensors"), std::string::npos);
            for (const linalg::Rectangle& part : kRectangles) {
                std::vector<double> got(static_cast<std::size_t>(part.size()), -99.0);
                source->read(part, got);
                std::vector<float> single(got.size());
                source->read_single(part, single);
                EXPECT_EQ(std::vector<double>(single.begin(), single.end()), got);
                std::size_t next = 0;
                for (std::int64_t row = part.row_begin; row < part.row_end; ++row) {
                    for (std::int64_t col = part.col_begin; col < part.col_end; ++col) {
                        EXPECT_EQ(got[next++], expected[static_cast<std::size_t>(row * 16 + col)]);
                        ++compared;
                    }
                }
            }
        }
    }
    EXPECT_GT(compared, 4000);
}

INSTANTIATE_TEST_SUITE_P(AllTypes, WeightReaderOfType,
                         testing::Values(support::ScalarType::float32, support::ScalarType::float16,
                                         support::ScalarType::bfloat16,
                                         support::ScalarType::float64),
                         [](const auto& type) {
                             return std::string(support::name_of(type.param));
                         });

TEST(WeightReader, RowsAndPartsOfRowsAsStored) {
    const TemporaryFolder folder;
    const LlamaSizes sizes;
    const auto tensors = llama_tensors(sizes, 9, support::ScalarType::bfloat16);
    write_model_folder(folder / "m", llama_config(sizes), tensors);
    const model::Catalogue catalogue = model::read_catalogue(folder / "m");
    model::WeightReader reader(catalogue);
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        const model::TensorInfo& tensor = catalogue.tensors[i];
        ASSERT_EQ(tensor.name, tensors[i].name);
        std::vector<std::byte> all(tensor.bytes());
        reader.read_rows(tensor, {0, tensor.rows()}, all);
        EXPECT_EQ(all, tensors[i].bytes);
        std::vector<std::byte> part(3 * 2);
        const std::int64_t row = tensor.rows() - 1;
        reader.read_part(tensor, {row, row + 1, 2, 5}, part);
        const auto first = tensors[i].bytes.begin() +
                           static_cast<std::ptrdiff_t>(row * tensor.row_length() + 2) * 2;
        EXPECT_TRUE(std::equal(part.begin(), part.end(), first));
        reader.read_rows(tensor, {row, row}, {});
    }
}

TEST(WeightReader, MatricesOfSeveralSlabs) {
    // 2600 x 2000 float32 is 21 MB: two slabs, the last one short.
    const TemporaryFolder folder;
    const StoredTensor big =
        random_tensor("h.0.a.weight", support::ScalarType::float32, {2600, 2000}, 3);
    write_model_folder(folder / "m", "{}", std::vector{big});
    const model::Catalogue catalogue = model::read_catalogue(folder / "m");
    model::WeightReader reader(catalogue);
    const std::vector<double> expected = numbers_of(big);
    for (const bool whole : {true, false}) {
        const auto source = model::make_matrix_source(reader, catalogue.matrices.at(0), whole);
        std::vector<double> got(expected.size());
        source->read({0, 2600, 0, 2000}, got);
        EXPECT_EQ(got, expected);
    }
}

/// Calls of read and pread that this process has made.
std::int64_t reads_so_far() {
    std::ifstream file("/proc/self/io");
    std::string name;
    for (std::int64_t value = 0; file >> name >> value;) {
        if (name == "syscr:") {
            return value;
        }
    }
    return 0;
}

TEST(WeightReader, GroupsReadLongPiecesOfRowsAndGetTheSameValues) {
    const TemporaryFolder folder;
    const StoredTensor wide =
        random_tensor("h.0.a.weight", support::ScalarType::bfloat16, {64, 4000}, 3);
    write_model_folder(folder / "m", "{}", std::vector{wide});
    const model::Catalogue catalogue = model::read_catalogue(folder / "m");
    const std::vector<double> expected = numbers_of(wide);
    model::WeightReader reader(catalogue);
    constexpr int kRanks = 3;
    const auto source = model::make_matrix_source(reader, catalogue.matrices.at(0), false, kRanks);
    const std::int64_t before = reads_so_far();
    std::int64_t pieces = 0;
    for (std::int64_t col = 0; col < 4000; col += 96) {
        for (const std::int64_t row : {0, 30, 45}) {  // of different heights
            const linalg::Rectangle part{row, row == 0 ? 10 : row + 15, col,
                                         std::min(col + 96, 4000L)};
            std::vector<double> got(static_cast<std::size_t>(part.size()));
            source->read(part, got);
            for (std::int64_t i = 0; i < part.size(); ++i) {
                const std::int64_t at =
                    (part.row_begin + i / part.cols()) * 4000 + part.col_begin + i % part.cols();
                ASSERT_EQ(got[static_cast<std::size_t>(i)], expected[static_cast<std::size_t>(at)]);
            }
            pieces += part.rows();
        }
    }
    EXPECT_LT(reads_so_far() - before, pieces / 20);
}

TEST(WeightReader, StripsOfAGroupStayWithinTheirMemory) {
    // 2000 x 10000 bfloat16 is 40 MB: more than a rank of a group of two may keep.
    const TemporaryFolder folder;
    const StoredTensor big =
        random_tensor("h.0.a.weight", support::ScalarType::bfloat16, {2000, 10000}, 3);
    write_model_folder(folder / "m", "{}", std::vector{big});
    const model::Catalogue catalogue = model::read_catalogue(folder / "m");
    model::WeightReader reader(catalogue);
    const auto kept = model::make_matrix_source(reader, catalogue.matrices.at(0), false, 2);
    const auto plain = model::make_matrix_source(reader, catalogue.matrices.at(0), false);
    for (const std::int64_t col : {0, 100, 8400, 9900, 50}) {
        for (std::int64_t row = 0; row < 2000; row += 500) {  // all rows, not only a half of them
            const linalg::Rectangle part{row, row + 500, col, col + 100};
            std::vector<double> expected(static_cast<std::size_t>(part.size()));
            std::vector<double> got(expected.size());
            plain->read(part, expected);
            kept->read(part, got);
            ASSERT_EQ(got, expected) << row << ' ' << col;
        }
    }
    std::vector<double> row(10000);
    kept->read({3, 4, 0, 10000}, row);
}

/// Share of a file's pages that are in the system's cache.
double cached_share(const std::filesystem::path& path) {
    const auto bytes = static_cast<std::size_t>(std::filesystem::file_size(path));
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    std::vector<unsigned char> pages((bytes + page - 1) / page);
    const int file = open(path.c_str(), O_RDONLY);
    void* const memory = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file, 0);
    mincore(memory, bytes, pages.data());
    munmap(memory, bytes);
    close(file);
    return static_cast<double>(std::ranges::count_if(pages, [](auto p) { return (p & 1) != 0; })) /
           static_cast<double>(pages.size());
}

void drop_from_cache(const std::filesystem::path& path) {
    const int file = open(path.c_str(), O_RDONLY);
    fsync(file);
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    close(file);
}

TEST(WeightReader, WhatWillBeNeededIsFetchedWhole) {
    const TemporaryFolder folder;
    write_model_folder(
        folder / "m", "{}",
        std::vector{random_tensor("h.0.a.weight", support::ScalarType::float32, {4000, 2000}, 3)});
    const model::Catalogue catalogue = model::read_catalogue(folder / "m");
    const std::filesystem::path path = folder / "m/model.safetensors";
    drop_from_cache(path);
    if (cached_share(path) > 0.5) {
        GTEST_SKIP() << "this file system keeps files in memory";
    }
    model::WeightReader reader(catalogue);
    // In two parts, one after the other.
    const model::TensorInfo& tensor = catalogue.tensors.at(0);
    const std::vector<model::NeededRows> needed{{tensor, {0, 1500}}, {tensor, {1500, 4000}}};
    reader.will_need(needed);
    for (int wait = 0; wait < 3000 && cached_share(path) < 0.99; ++wait) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_GT(cached_share(path), 0.99);
    reader.will_need(needed);  // and goes away in the middle of it
}

/// All tensors, those of three dimensions as rows of their last, in halves, from that one on.
std::vector<std::vector<std::byte>> read_all(model::WeightReader& reader, std::size_t first) {
    const std::vector<model::TensorInfo>& tensors = reader.catalogue().tensors;
    std::vector<std::vector<std::byte>> all(tensors.size());
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        const std::size_t t = (first + i) % tensors.size();
        const model::TensorInfo tensor = model::as_matrix_rows(tensors[t]);
        all[t].resize(static_cast<std::size_t>(tensor.rows()) * tensor.row_bytes());
        const std::int64_t half = tensor.rows() / 2;
        const auto [top, rest] = std::pair(
            std::span(all[t]).first(static_cast<std::size_t>(half) * tensor.row_bytes()),
            std::span(all[t]).subspan(static_cast<std::size_t>(half) * tensor.row_bytes()));
        reader.read_rows(tensor, {half, tensor.rows()}, rest);
        reader.read_rows(tensor, {0, half}, top);
    }
    return all;
}

/// Of one file, of several, of experts in three dimensions, and made.
TEST(WeightReader, ThreadsReadAtTheSameTime) {
    constexpr std::size_t kThreads = 4;
    const std::filesystem::path models =
        std::filesystem::path(ALPHAPRUNE_SOURCE_DIR) / "tests/data/models";
    std::vector<model::Catalogue> catalogues{model::read_catalogue(models / "tiny-llama3"),
                                             model::read_catalogue(models / "tiny-deepseek_v3"),
                                             model::read_catalogue(models / "tiny-gpt_oss"),
                                             model::synthetic_catalogue(models / "tiny-llama3")};
    for (const model::Catalogue& catalogue : catalogues) {
        model::WeightReader alone(catalogue);
        const auto expected = read_all(alone, 0);
        model::WeightReader shared(catalogue);
        std::vector<std::vector<std::vector<std::byte>>> found(kThreads);
        {
            std::vector<std::jthread> threads;
            for (std::size_t i = 0; i < kThreads; ++i) {
                threads.emplace_back([&, i] {
                    for (int time = 0; time < 3; ++time) {
                        found[i] = read_all(shared, i * catalogue.tensors.size() / kThreads);
                    }
                });
            }
        }
        for (const auto& values : found) {
            EXPECT_EQ(values, expected) << catalogue.model_name;
        }
    }
}

TEST(WeightReader, ErrorsNameTensorFileAndRemedy) {
    const TemporaryFolder folder;
    make_llama_folder(folder / "m", 1, 8, 12, 2, 1, 1, support::ScalarType::float32);
    const model::Catalogue catalogue = model::read_catalogue(folder / "m");
    const auto expect_named = [&](support::ExitStatus status) {
        model::WeightReader reader(catalogue);
        const auto source = model::make_matrix_source(reader, catalogue.matrices[2], true);
        std::vector<double> out(static_cast<std::size_t>(source->rows() * source->cols()));
        try {
            source->read({0, source->rows(), 0, source->cols()}, out);
            ADD_FAILURE() << "nothing was thrown";
        } catch (const support::Error& error) {
            EXPECT_EQ(error.status(), status);
            const support::Fault& fault = error.faults().at(0);
            EXPECT_NE(fault.where.find("model.layers.0.self_attn.v_proj.weight"),
                      std::string::npos);
            EXPECT_NE(fault.where.find("model.safetensors"), std::string::npos);
            EXPECT_FALSE(fault.remedy.empty());
        }
    };
    std::filesystem::resize_file(folder / "m/model.safetensors", 3000);
    expect_named(support::ExitStatus::failed);
    std::filesystem::remove(folder / "m/model.safetensors");
    expect_named(support::ExitStatus::bad_request);
}

}  // namespace
}  // namespace alphaprune::test
