#include "alphaprune/model/catalogue.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <set>

#include "alphaprune/model/family.hpp"
#include "alphaprune/support/message.hpp"
#include "find_matrices.hpp"
#include "name_words.hpp"

namespace alphaprune::model {

namespace {

const support::BadRequest<std::string_view, std::string_view> kTypeNotRead{
    "model.type-not-read", "values of the type {} are needed, and only {} are read",
    "the tensor is stored in an integer, complex or 8-bit type, which is copied but not computed "
    "with",
    "convert this tensor to one of them"};

const support::BadRequest<int, int, int, int> kNoSuchBlocks{
    "model.no-such-blocks", "the model has no blocks {} to {}",
    "the range given with --blocks is reversed or extends beyond the last block",
    "its {2} blocks are numbered from 0 to {3}"};

/// Bytes of that many values.
std::uint64_t bytes_of(std::int64_t values, int bits) {
    return static_cast<std::uint64_t>(values) * static_cast<std::uint64_t>(bits) / 8;
}

bool is_one_row(const TensorInfo& tensor) {
    if (tensor.shape.size() < 2) {
        return true;
    }
    const auto rows = static_cast<std::uint64_t>(tensor.shape.front());
    return rows == 0 ? tensor.bytes() > 0 : tensor.bytes() % rows != 0;
}

}  // namespace

support::ScalarType TensorInfo::scalar_type() const {
    if (!type.scalar()) {
        throw kTypeNotRead("tensor " + name, type.name(), support::scalar_type_names());
    }
    return *type.scalar();
}

std::int64_t TensorInfo::values() const {
    return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

std::int64_t TensorInfo::rows() const {
    return is_one_row(*this) ? 1 : shape.front();
}

std::int64_t TensorInfo::row_length() const {
    const auto first = is_one_row(*this) ? shape.begin() : shape.begin() + 1;
    return std::accumulate(first, shape.end(), std::int64_t{1}, std::multiplies<>());
}

std::uint64_t TensorInfo::row_bytes() const {
    const auto count = static_cast<std::uint64_t>(rows());
    return count > 0 ? bytes() / count : bytes_of(row_length(), type.bits().value_or(0));
}

std::uint64_t TensorInfo::bytes() const {
    return type.bits() ? bytes_of(values(), *type.bits()) : unknown_bytes;
}

int Catalogue::blocks() const {
    int blocks = 0;
    for (const MatrixInfo& matrix : matrices) {
        blocks = std::max(blocks, matrix.block + 1);
    }
    return blocks;
}

std::vector<int> Catalogue::prunable_blocks() const {
    std::set<int> numbers;
    for (const MatrixInfo& matrix : matrices) {
        numbers.insert(matrix.block);
    }
    return {numbers.begin(), numbers.end()};
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

double Catalogue::stored_bytes_of(const MatrixInfo& matrix) const {
    const TensorInfo& tensor = tensor_of(matrix);
    const auto all = static_cast<double>(tensor.bytes());
    return matrix.is_slice()
               ? all * static_cast<double>(matrix.size()) / static_cast<double>(tensor.values())
               : all;
}

int Catalogue::expert_of(const MatrixInfo& matrix) const {
    if (matrix.expert >= 0) {
        return matrix.expert;
    }
    for (const NumberedName& part : numbered_parts(tensor_of(matrix).name)) {
        if (part.prefix.ends_with(".experts.")) {
            return static_cast<int>(part.number);
        }
    }
    return -1;
}

std::vector<std::string> Catalogue::stored_names(std::string_view name) const {
    std::vector<std::string> names{std::string(name)};
    const Family* const known = family_of(configuration);
    if (known == nullptr) {
        return names;
    }
    const std::string_view usual = known->base_prefix;
    if (name.starts_with(usual)) {
        const auto bare = std::string(name.substr(usual.size()));
        names = {base_prefix + bare, std::string(name), bare};
    } else if (std::string_view outer = base_prefix; outer.ends_with(usual)) {
        outer.remove_suffix(usual.size());  // the head stands beside the base
        names.insert(names.begin(), std::string(outer) + std::string(name));
    }
    return names;
}

const TensorInfo* Catalogue::find_tensor(std::string_view name) const {
    for (const std::string& stored : stored_names(name)) {
        const auto found = std::ranges::find(tensors, stored, &TensorInfo::name);
        if (found != tensors.end()) {
            return &*found;
        }
    }
    return nullptr;
}

void keep_blocks(Catalogue& catalogue, BlockRange kept) {
    const int blocks = catalogue.blocks();
    if (kept.first < 0 || kept.last < kept.first || kept.last >= blocks) {
        throw kNoSuchBlocks(catalogue.folder.string(), kept.first, kept.last, blocks, blocks - 1);
    }
    const std::vector<MatrixInfo> all = catalogue.matrices;
    forget_matrices(catalogue);
    for (const MatrixInfo& matrix : all) {
        if (matrix.block >= kept.first && matrix.block <= kept.last) {
            add_matrix(catalogue, matrix);
        }
    }
}

}  // namespace alphaprune::model
