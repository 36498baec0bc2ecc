#include "alphaprune/model/weight_reader.hpp"

#include <fmt/format.h>

#include <cassert>
#include <utility>

#include "alphaprune/support/error.hpp"

namespace alphaprune {
namespace {

/// The same error, with the tensor that was being read.
Error naming_tensor(const Error& error, const std::string& place) {
    std::vector<Fault> faults = error.faults();
    for (Fault& fault : faults) {
        fault.where = place;
        if (fault.remedy.empty()) {
            fault.remedy = "check the file system, and fetch the file again if it is damaged";
        }
    }
    return {error.status(), std::move(faults)};
}

}  // namespace

std::string place_of(const Catalogue& catalogue, const TensorInfo& tensor) {
    const auto path = catalogue.folder / catalogue.shards[static_cast<std::size_t>(tensor.shard)];
    return fmt::format("tensor {} in {}", tensor.name, path.string());
}

WeightReader::WeightReader(const Catalogue& catalogue)
    : catalogue_(catalogue), files_(catalogue.shards.size()) {}

const File& WeightReader::shard(int index) {
    const auto number = static_cast<std::size_t>(index);
    if (!files_[number]) {
        files_[number] = File::open_for_reading(catalogue_.folder / catalogue_.shards[number]);
    }
    return *files_[number];
}

void WeightReader::read_bytes(const TensorInfo& tensor, std::uint64_t first,
                              std::span<std::byte> out) {
    assert(first + out.size() <= tensor.bytes());
    try {
        shard(tensor.shard).read_at(tensor.offset + first, out);
    } catch (const Error& error) {
        throw naming_tensor(error, place_of(catalogue_, tensor));
    }
}

void WeightReader::read_rows(const TensorInfo& tensor, RowRange rows, std::span<std::byte> out) {
    assert(out.size() == static_cast<std::uint64_t>(rows.size()) * tensor.row_bytes());
    read_bytes(tensor, static_cast<std::uint64_t>(rows.begin) * tensor.row_bytes(), out);
}

void WeightReader::read_row_part(const TensorInfo& tensor, std::int64_t row, std::int64_t begin,
                                 [[maybe_unused]] std::int64_t end, std::span<std::byte> out) {
    const std::size_t value_bytes = size_of(tensor.type);
    assert(out.size() == static_cast<std::size_t>(end - begin) * value_bytes);
    read_bytes(tensor,
               static_cast<std::uint64_t>(row) * tensor.row_bytes() +
                   static_cast<std::uint64_t>(begin) * value_bytes,
               out);
}

}  // namespace alphaprune
