#include "alphaprune/model/catalogue.hpp"

#include <algorithm>
#include <functional>
#include <numeric>

#include "alphaprune/model/family.hpp"

namespace alphaprune {

std::int64_t TensorInfo::rows() const {
    return shape.size() < 2 ? 1 : shape.front();
}

std::int64_t TensorInfo::row_length() const {
    const auto first = shape.size() < 2 ? shape.begin() : shape.begin() + 1;
    return std::accumulate(first, shape.end(), std::int64_t{1}, std::multiplies<>());
}

std::uint64_t TensorInfo::row_bytes() const {
    return static_cast<std::uint64_t>(row_length()) * size_of(type);
}

std::uint64_t TensorInfo::bytes() const {
    return static_cast<std::uint64_t>(rows()) * row_bytes();
}

int Catalogue::blocks() const {
    int blocks = 0;
    for (const MatrixInfo& matrix : matrices) {
        blocks = std::max(blocks, matrix.block + 1);
    }
    return blocks;
}

std::vector<int> Catalogue::prunable_blocks() const {
    std::vector<int> numbers;
    for (const MatrixInfo& matrix : matrices) {
        numbers.push_back(matrix.block);
    }
    std::ranges::sort(numbers);
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    return numbers;
}

std::int64_t Catalogue::prunable_parameters() const {
    std::int64_t parameters = 0;
    for (const MatrixInfo& matrix : matrices) {
        parameters += matrix.size();
    }
    return parameters;
}

std::uint64_t Catalogue::bytes() const {
    std::uint64_t bytes = 0;
    for (const TensorInfo& tensor : tensors) {
        bytes += tensor.bytes();
    }
    return bytes;
}

const TensorInfo* Catalogue::find_tensor(std::string_view name) const {
    std::string_view bare = name;
    if (const Family* known = family_of(configuration.model_type)) {
        if (name.starts_with(known->base_prefix)) {
            bare.remove_prefix(known->base_prefix.size());
        }
    }
    const TensorInfo* under_bare_name = nullptr;
    for (const TensorInfo& tensor : tensors) {
        if (tensor.name == name) {
            return &tensor;
        }
        if (tensor.name == bare) {
            under_bare_name = &tensor;
        }
    }
    return under_bare_name;
}

}  // namespace alphaprune
