#include <cstdint>
#include <cstring>
#include <set>
#include <span>
#include <vector>

#include "alphaprune/formats/safetensors.hpp"
#include "alphaprune/support/error.hpp"
#include "require.hpp"

using namespace alphaprune;

namespace {

/// The promises of SafetensorsHeader, computed anew.
void check(const formats::SafetensorsHeader& header, std::uint64_t data_begin,
           std::uint64_t file_size) {
    std::uint64_t covered = data_begin;
    std::set<std::string> names;
    for (const formats::SafetensorsEntry& tensor : header.tensors) {
        fuzz::require(names.insert(tensor.name).second);
        fuzz::require(tensor.begin == covered && tensor.begin <= tensor.end);
        covered = tensor.end;
        unsigned __int128 bits = static_cast<unsigned>(tensor.type.bits().value_or(1));
        for (const std::int64_t dimension : tensor.shape) {
            fuzz::require(dimension >= 0);
            bits *= static_cast<std::uint64_t>(dimension);
            fuzz::require(bits <= ~std::uint64_t{0});
        }
        if (tensor.type.bits()) {
            fuzz::require(bits == 8 * static_cast<unsigned __int128>(tensor.end - tensor.begin));
        }
    }
    fuzz::require(covered == file_size);
}

void parse(std::span<const std::byte> head, std::uint64_t file_size) {
    try {
        std::uint64_t length = 0;
        const auto header = formats::parse_safetensors_header(head, file_size, "input");
        std::memcpy(&length, head.data(), sizeof length);
        check(header, sizeof length + length, file_size);
    } catch (const support::Error& error) {
        fuzz::require(error.status() == support::ExitStatus::bad_request);
    }
}

}  // namespace

/// The input twice: as a whole file; and as a header of the right length before as much data as
/// the first eight bytes say, so that changes of the text need not keep the length in step.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto input = std::as_bytes(std::span(data, size));
    parse(input, size);
    std::uint64_t data_size = 0;
    if (size >= sizeof data_size) {
        std::vector<std::byte> head(input.begin(), input.end());
        const std::uint64_t length = size - sizeof data_size;
        std::memcpy(&data_size, head.data(), sizeof data_size);
        std::memcpy(head.data(), &length, sizeof length);
        parse(head, size + data_size % (std::uint64_t{1} << 62));
    }
    return 0;
}
