#include "safetensors_layout.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "json_reader.hpp"

namespace alphaprune::formats {
namespace {

constexpr const char* kWriteAgain =
    "the header is damaged: fetch the file again, or save it again with the safetensors library";

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
    faults.add(fmt::format("the tensor's bytes {} to {} pass the end of the file, which has {} "
                           "bytes{}",
                           first->begin, first->end, file_size, and_others),
               "the file is truncated: fetch it again and compare its size with the source",
               place_of(*first));
}

}  // namespace

void check_layout(std::span<const SafetensorsEntry> tensors, bool complete,
                  std::uint64_t data_begin, std::uint64_t file_size, CappedFaults& faults) {
    check_end(tensors, file_size, faults);
    std::uint64_t covered = data_begin;
    const SafetensorsEntry* reaches_there = nullptr;
    for (const SafetensorsEntry& tensor : tensors) {
        if (tensor.begin > covered && complete) {
            faults.add(fmt::format("bytes {} to {} of the file, before this tensor, belong to no "
                                   "tensor: its data_offsets leave a hole",
                                   covered, tensor.begin),
                       kWriteAgain, place_of(tensor));
        } else if (tensor.begin < covered) {
            faults.add(
                fmt::format("the tensor's bytes {} to {} overlap those of tensor {}, which "
                            "end at {}",
                            tensor.begin, tensor.end, in_quotes(reaches_there->name), covered),
                kWriteAgain, place_of(tensor));
        }
        if (tensor.end >= covered) {
            covered = tensor.end;
            reaches_there = &tensor;
        }
    }
    if (covered < file_size && complete) {
        faults.add(
            fmt::format("the last {} bytes of the file belong to no tensor", file_size - covered),
            kWriteAgain, reaches_there != nullptr ? "after " + place_of(*reaches_there) : "");
    }
}

}  // namespace alphaprune::formats
