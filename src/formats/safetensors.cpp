#include "alphaprune/formats/safetensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <tuple>

#include "alphaprune/support/file.hpp"
#include "alphaprune/support/message.hpp"
#include "json_reader.hpp"
#include "safetensors_entry.hpp"

namespace alphaprune::formats {
namespace {

using support::BadRequest;

const BadRequest<std::uint64_t> kTooShort{
    "formats.safetensors-too-short",
    "the file is too short for a safetensors file: it has {} bytes", "a download was interrupted",
    "check that this is a .safetensors file, and fetch it again"};
const BadRequest<> kGitLfsPointer{
    "formats.git-lfs-pointer", "the file holds a pointer of Git LFS instead of tensors",
    "the model was cloned with git without git-lfs", "fetch the real file: git lfs pull"};
const BadRequest<std::uint64_t, std::uint64_t> kHeaderTooLong{
    "formats.safetensors-header-length",
    "the header claims {} bytes, more than the {} that the format allows",
    "this is no safetensors file, or its beginning is damaged",
    "check that this is a .safetensors file, and fetch it again"};
const BadRequest<std::uint64_t, std::uint64_t> kHeaderBeyondFile{
    "formats.safetensors-truncated-header",
    "the header claims {} bytes, longer than the file of {}", "a copy or download was interrupted",
    "the file is truncated or no .safetensors file: fetch it again"};
const BadRequest<> kHeaderNotAnObject{
    "formats.safetensors-header-start",
    "the header is not a JSON object: it does not start with '{{'",
    "this is no safetensors file, or its beginning is damaged",
    "check that this is a .safetensors file, and fetch it again"};
const support::Failure<std::size_t, std::size_t> kHeaderCutOff{
    "formats.safetensors-changed", "only {} of the header's {} bytes were read",
    "the file was changed while it was read", "run again, and leave the file alone"};
const BadRequest<> kMetadataNotAnObject{
    "formats.safetensors-metadata", "the header's __metadata__ is not an object of strings",
    "the header is damaged or was written by a faulty program",
    "check that this is a .safetensors file, and fetch it again"};
const BadRequest<std::string> kRepeatedMetadata{
    "formats.safetensors-repeated-metadata", "the header's __metadata__ has {} more than once",
    "the header is damaged or was written by a faulty program",
    "check that this is a .safetensors file, and fetch it again"};
const BadRequest<std::string> kMetadataNotAString{
    "formats.safetensors-metadata-value", "the header's __metadata__ has {}, which is not a string",
    "the header is damaged or was written by a faulty program",
    "check that this is a .safetensors file, and fetch it again"};
const BadRequest<> kRepeatedTensor{
    "formats.safetensors-repeated-tensor", "the header describes this tensor more than once",
    "the header was written by a faulty program", "save the file again with every tensor once"};
const BadRequest<std::uint64_t, std::uint64_t, std::uint64_t, std::string> kBeyondFile{
    "formats.safetensors-truncated",
    "the tensor's bytes {} to {} pass the end of the file, which has {} bytes{}",
    "a copy or download was interrupted: the end is missing",
    "the file is truncated: fetch it again and compare its size with the source"};
const BadRequest<std::uint64_t, std::uint64_t> kHole{
    "formats.safetensors-hole",
    "bytes {} to {} of the file, before this tensor, belong to no tensor: its data_offsets leave a "
    "hole",
    "the header is damaged or was written by a faulty program",
    "fetch the file again, or save it again with the safetensors library"};
const BadRequest<std::uint64_t, std::uint64_t, std::string, std::uint64_t> kOverlap{
    "formats.safetensors-overlap",
    "the tensor's bytes {} to {} overlap those of tensor {}, which end at {}",
    "the header is damaged or was written by a faulty program",
    "fetch the file again, or save it again with the safetensors library"};
const BadRequest<std::uint64_t> kExcess{
    "formats.safetensors-excess", "the last {} bytes of the file belong to no tensor",
    "two downloads were written into one file, or the header was edited by hand",
    "fetch the file again, or save it again with the safetensors library"};

static_assert(std::endian::native == std::endian::little, "the formats read are little-endian");

constexpr std::size_t kLengthBytes = 8;

/// The header's length, which every file starts with, once it is known to lie inside the file.
std::size_t header_length(std::span<const std::byte> head, std::uint64_t file_size,
                          std::string_view where) {
    if (file_size < kLengthBytes || head.size() < kLengthBytes) {
        throw kTooShort(std::string(where), file_size);
    }
    std::uint64_t length = 0;
    std::memcpy(&length, head.data(), kLengthBytes);
    if (std::memcmp(head.data(), "version ", kLengthBytes) == 0) {
        throw kGitLfsPointer(std::string(where));
    }
    if (length > kMaxSafetensorsHeader) {
        throw kHeaderTooLong(std::string(where), length, kMaxSafetensorsHeader);
    }
    if (length > file_size - kLengthBytes) {
        throw kHeaderBeyondFile(std::string(where), length, file_size);
    }
    return static_cast<std::size_t>(length);
}

Json header_document(std::string_view text, std::string_view where) {
    if (!text.starts_with('{')) {
        throw kHeaderNotAnObject(std::string(where));
    }
    return read_json(text, fmt::format("{}, header", where));
}

void parse_metadata(const Json& value, SafetensorsHeader& header, CappedFaults& faults) {
    if (!value.is_object()) {
        faults.add(kMetadataNotAnObject, "");
    }
    for (const std::string_view twice : repeated_names(value.members())) {
        faults.add(kRepeatedMetadata, "", in_quotes(twice));
    }
    for (const auto& [name, text] : value.members()) {
        if (auto string = text.as_string()) {
            header.metadata.emplace_back(name, std::move(*string));
        } else {
            faults.add(kMetadataNotAString, "", in_quotes(name));
        }
    }
}

void find_duplicates(const Json& document, CappedFaults& faults) {
    for (const std::string_view name : repeated_names(document.members())) {
        faults.add(kRepeatedTensor, "tensor " + in_quotes(name));
    }
}

std::string place_of(const SafetensorsEntry& tensor) {
    return fmt::format("tensor {}", in_quotes(tensor.name));
}

/// One fault for a file cut short, however many tensors it cost.
void check_end(std::span<const SafetensorsEntry> tensors, std::uint64_t file_size,
               CappedFaults& faults) {
    const auto passes = [&](const SafetensorsEntry& tensor) { return tensor.end > file_size; };
    const auto first = std::ranges::find_if(tensors, passes);
    if (first == tensors.end()) {
        return;
    }
    const auto others = std::ranges::count_if(tensors, passes) - 1;
    const std::string and_others = others > 0 ? fmt::format(", and so do {} more", others) : "";
    faults.add(kBeyondFile, place_of(*first), first->begin, first->end, file_size, and_others);
}

/// Checks that the tensors' bytes follow each other from `data_begin` to the end of the file
/// without hole, overlap or excess.
/// @param tensors   sorted by (begin, end)
/// @param complete  whether these are all of the file's tensors: only then is a gap a fault
void check_layout(std::span<const SafetensorsEntry> tensors, bool complete,
                  std::uint64_t data_begin, std::uint64_t file_size, CappedFaults& faults) {
    check_end(tensors, file_size, faults);
    std::uint64_t covered = data_begin;
    const SafetensorsEntry* reaches_there = nullptr;
    for (const SafetensorsEntry& tensor : tensors) {
        if (tensor.begin > covered && complete) {
            faults.add(kHole, place_of(tensor), covered, tensor.begin);
        } else if (tensor.begin < covered) {
            faults.add(kOverlap, place_of(tensor), tensor.begin, tensor.end,
                       in_quotes(reaches_there->name), covered);
        }
        if (tensor.end >= covered) {
            covered = tensor.end;
            reaches_there = &tensor;
        }
    }
    if (covered < file_size && complete) {
        faults.add(kExcess, reaches_there != nullptr ? "after " + place_of(*reaches_there) : "",
                   file_size - covered);
    }
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::span<const std::byte> head, std::uint64_t file_size,
                                           std::string_view where) {
    const std::size_t length = header_length(head, file_size, where);
    if (head.size() - kLengthBytes < length) {
        throw kHeaderCutOff(std::string(where), head.size() - kLengthBytes, length);
    }
    const std::string_view text(reinterpret_cast<const char*>(head.data()) + kLengthBytes, length);
    const Json document = header_document(text, where);
    const std::uint64_t data_begin = kLengthBytes + length;

    CappedFaults faults{std::string(where)};
    SafetensorsHeader header;
    bool complete = true;
    find_duplicates(document, faults);
    for (const auto& [name, value] : document.members()) {
        if (name == "__metadata__") {
            parse_metadata(value, header, faults);
        } else if (auto entry = parse_entry(name, value, data_begin, faults)) {
            header.tensors.push_back(std::move(*entry));
        } else {
            complete = false;
        }
    }
    std::ranges::stable_sort(header.tensors, {}, [](const SafetensorsEntry& tensor) {
        return std::pair(tensor.begin, tensor.end);
    });
    check_layout(header.tensors, complete, data_begin, file_size, faults);
    faults.throw_if_any();
    return header;
}

SafetensorsHeader read_safetensors_header(const std::filesystem::path& path) {
    const support::File file = support::File::open_for_reading(path);
    const std::uint64_t size = file.size();
    std::vector<std::byte> head(std::min<std::uint64_t>(size, kLengthBytes));
    file.read_at(0, head);
    head.resize(kLengthBytes + header_length(head, size, path.string()));
    file.read_at(0, head);
    return parse_safetensors_header(head, size, path.string());
}

}  // namespace alphaprune::formats
