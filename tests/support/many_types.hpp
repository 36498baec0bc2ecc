#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "support/model_folder.hpp"

namespace alphaprune::test {

/// Every type of the safetensors format but those that are read, with the bits of a value.
inline std::vector<std::pair<std::string, int>> carried_types() {
    return {{"BOOL", 8},        {"U8", 8},          {"I8", 8},      {"F8_E4M3", 8}, {"F8_E5M2", 8},
            {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"F8_E8M0", 8}, {"I16", 16},    {"U16", 16},
            {"I32", 32},        {"U32", 32},        {"I64", 64},    {"U64", 64},    {"C64", 64},
            {"F4", 4},          {"F6_E2M3", 6},     {"F6_E3M2", 6}};
}

/// A tensor of so many bytes, no two alike.
inline StoredTensor buffer(std::string name, std::string type, std::vector<std::int64_t> shape,
                           std::size_t bytes) {
    StoredTensor tensor{std::move(name), std::move(type), std::move(shape), {}};
    std::size_t state = tensor.name.size() + 17 * tensor.type.size();
    for (std::size_t i = 0; i < bytes; ++i) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        tensor.bytes.push_back(static_cast<std::byte>(state >> 56));
    }
    return tensor;
}

/// Buffers of every type of the format and of some that nobody knows, in shapes of every kind: with
/// rows of whole bytes and of others, of no dimension, without values, of more dimensions than HDF5
/// takes.
inline std::vector<StoredTensor> buffers_of_many_types(const std::string& prefix) {
    std::vector<StoredTensor> tensors;
    const auto add = [&](const std::string& name, const std::string& type,
                         std::vector<std::int64_t> shape, std::size_t bytes) {
        tensors.push_back(buffer(prefix + name, type, std::move(shape), bytes));
    };
    for (const auto& [type, bits] : carried_types()) {
        const auto size = static_cast<std::size_t>(bits);
        add(type + ".matrix", type, {7, 8}, 7 * size);
        add(type + ".mask", type, {1, 1, 4, 4}, 2 * size);
        add(type + ".vector", type, {8}, size);
        add(type + ".odd_rows", type, {8, 3}, 3 * size);
        add(type + ".none", type, {0, 3}, 0);
        if (bits % 8 == 0) {
            add(type + ".scalar", type, {}, size / 8);
        }
    }
    add("unknown.matrix", "F128", {5, 2}, 160);
    add("unknown.odd", "X_new.3", {3, 5}, 7);
    add("unknown.scalar", "X_new.3", {}, 1);
    add("unknown.without_values", "X_new.3", {0, 2}, 5);
    add("unknown.none", "X_new.3", {0}, 0);
    std::vector<std::int64_t> deep(40, 1);
    deep.front() = 3;
    add("deep", "I16", deep, 6);
    add("deep_float", "F32", deep, 12);
    return tensors;
}

}  // namespace alphaprune::test
