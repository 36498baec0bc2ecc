#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "alphaprune/formats/bitmask.hpp"
#include "alphaprune/formats/safetensors.hpp"
#include "alphaprune/linalg/matrix_source.hpp"
#include "alphaprune/model/bitmask_form.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "model/folder/folder_reading.hpp"
#include "require.hpp"
#include "scratch.hpp"

using namespace alphaprune;

namespace {

using Bytes = std::vector<std::byte>;

/// Reads part of a tensor; nothing may be read outside the file.
Bytes read_part(const model::TensorInfo& tensor, std::span<const std::byte> file,
                const linalg::Rectangle& part) {
    const std::uint64_t value_bytes = support::size_of(tensor.scalar_type());
    Bytes out(static_cast<std::uint64_t>(part.size()) * value_bytes);
    model::read_bitmask(
        tensor, "a tensor", part,
        [&](int shard, std::uint64_t offset, std::span<std::byte> bytes) {
            fuzz::require(shard == 0 && offset <= file.size() &&
                          bytes.size() <= file.size() - offset);
            std::ranges::copy(file.subspan(offset, bytes.size()), bytes.begin());
        },
        out);
    return out;
}

/// All of it by the definition, a bit at a time; as many values as there are bits.
Bytes unpacked_by_definition(const model::TensorInfo& tensor, std::span<const std::byte> file) {
    const auto cols = static_cast<std::uint64_t>(tensor.shape.back());
    const std::uint64_t value_bytes = support::size_of(tensor.scalar_type());
    Bytes dense(tensor.bytes());
    std::uint64_t next = 0;
    for (std::uint64_t at = 0; at < dense.size() / value_bytes; ++at) {
        const std::uint64_t row = at / cols;
        const std::uint64_t bit = at % cols;
        if (bit == 0 && row % formats::kRowsOfOffset == 0) {
            std::uint64_t start = 0;
            std::memcpy(&start,
                        &file[tensor.bitmask->rows_offset + row / formats::kRowsOfOffset * 8], 8);
            fuzz::require(start == next);
        }
        const std::byte mask = file[tensor.bitmask->mask_offset +
                                    row * formats::mask_row_bytes(tensor.shape.back()) + bit / 8];
        if ((std::to_integer<unsigned>(mask) >> bit % 8 & 1U) != 0) {
            fuzz::require(next < tensor.bitmask->values);
            std::memcpy(&dense[at * value_bytes], &file[tensor.offset + next * value_bytes],
                        value_bytes);
            ++next;
        }
    }
    fuzz::require(next == tensor.bitmask->values);
    return dense;
}

/// What is read of a tensor whose parts lie inside the file.
void check_tensor(const model::TensorInfo& tensor, std::span<const std::byte> file) {
    const std::int64_t rows = tensor.rows();
    const std::int64_t cols = tensor.row_length();
    const linalg::Rectangle all{0, rows, 0, cols};
    const linalg::Rectangle later{rows / 2, rows, cols / 3, cols};
    fuzz::is_accepted([&] { read_part(tensor, file, later); });
    Bytes whole;
    if (!fuzz::is_accepted([&] { whole = read_part(tensor, file, all); })) {
        return;
    }
    // Where all agrees, each part of it is accepted.
    fuzz::require(whole == unpacked_by_definition(tensor, file));
    const Bytes some = read_part(tensor, file, later);
    const std::uint64_t value_bytes = support::size_of(tensor.scalar_type());
    const auto width = static_cast<std::uint64_t>(later.cols()) * value_bytes;
    for (std::int64_t row = later.row_begin; row < rows; ++row) {
        const auto from = static_cast<std::uint64_t>(row * cols + later.col_begin) * value_bytes;
        const auto to = static_cast<std::uint64_t>(row - later.row_begin) * width;
        fuzz::require(std::equal(&some[to], &some[to] + width, &whole[from]));
    }
}

/// A shard as a model folder has it.
void check_shard(std::span<const std::byte> file) {
    const auto header = formats::parse_safetensors_header(file, file.size(), "a shard");
    std::vector<model::TensorInfo> stored;
    for (const formats::SafetensorsEntry& entry : header.tensors) {
        stored.push_back(
            {entry.name, entry.type, entry.shape, 0, entry.begin, -1, entry.end - entry.begin});
    }
    std::size_t parts = 0;
    for (const model::TensorInfo& tensor :
         model::put_bitmasks_together(header, stored, "a shard")) {
        parts += tensor.bitmask ? 3 : 1;
        if (tensor.bitmask) {
            fuzz::require(tensor.bitmask->values <= static_cast<std::uint64_t>(tensor.values()));
            check_tensor(tensor, file);
        }
    }
    fuzz::require(parts == stored.size());
}

/// The same without a header, for changes that reach what it describes: rows, columns, bytes of a
/// value, number of values; then values, row offsets and mask.
void check_parts(std::span<const std::byte> input) {
    constexpr std::size_t kHead = 4;
    if (input.size() < kHead) {
        return;
    }
    const auto number = [&](std::size_t at) { return std::to_integer<std::int64_t>(input[at]); };
    model::TensorInfo tensor;
    tensor.name = "a";
    tensor.type = number(2) % 2 == 0 ? support::ScalarType::bfloat16 : support::ScalarType::float32;
    tensor.shape = {number(0) + 1, number(1) + 1};
    if (number(2) % 3 == 0) {
        tensor.shape.insert(tensor.shape.begin(), 2);
    }
    const std::int64_t rows = tensor.values() / tensor.shape.back();
    model::BitmaskForm form;
    form.values = static_cast<std::uint64_t>(std::min(number(3), tensor.values()));
    tensor.offset = kHead;
    form.rows_offset = kHead + form.values * support::size_of(tensor.scalar_type());
    form.mask_offset = form.rows_offset + static_cast<std::uint64_t>((rows + 15) / 16) * 8;
    tensor.bitmask = form;
    Bytes file(input.begin(), input.end());
    file.resize(std::max<std::size_t>(
        file.size(), form.mask_offset + static_cast<std::uint64_t>(rows) *
                                            formats::mask_row_bytes(tensor.shape.back())));
    check_tensor(tensor, file);
}

}  // namespace

/// The input twice: as the header's text, a line of dashes and the data of a safetensors file; and
/// as the parts of one tensor.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    check_parts(std::as_bytes(std::span(data, size)));
    std::string_view rest = fuzz::as_text(data, size);
    const std::string_view header = fuzz::take_part(rest);
    const std::uint64_t length = header.size();
    std::string file(sizeof length, '\0');
    std::memcpy(file.data(), &length, sizeof length);
    file.append(header).append(rest);
    fuzz::is_accepted([&] { check_shard(std::as_bytes(std::span(file))); });
    return 0;
}
