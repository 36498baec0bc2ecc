#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "alphaprune/formats/bitmask.hpp"
#include "alphaprune/formats/bitmask_names.hpp"
#include "alphaprune/formats/json.hpp"
#include "alphaprune/model/name_list.hpp"
#include "alphaprune/support/message.hpp"
#include "folder_reading.hpp"

namespace alphaprune::model {
namespace {

using formats::Json;

const support::BadRequest<std::string> kNotTogether{
    "model.bitmask-parts",
    "tensors that are stored as a bitmask and values lack parts, or these do not fit: {}",
    "the file was made by another program, or its header was changed",
    "repeat the run that wrote it, or fetch the file again"};

const std::string* value_of(const formats::SafetensorsHeader& header, std::string_view name) {
    const auto found =
        std::ranges::find(header.metadata, name, &std::pair<std::string, std::string>::first);
    return found == header.metadata.end() ? nullptr : &found->second;
}

std::optional<std::vector<std::int64_t>> shape_in(const Json& json) {
    std::vector<std::int64_t> shape;
    for (const Json& extent : json.is_array() ? json.elements() : Json::Array()) {
        const auto size = extent.as_integer();
        if (!size || *size <= 0) {
            return std::nullopt;
        }
        shape.push_back(*size);
    }
    return shape.empty() ? std::nullopt : std::optional(std::move(shape));
}

/// The tensors of a shard by name, each of which is used once.
class Parts {
  public:
    explicit Parts(const std::vector<TensorInfo>& tensors)
        : tensors_(tensors), is_used_(tensors.size(), false) {
        for (std::size_t t = 0; t < tensors.size(); ++t) {
            positions_.emplace(tensors[t].name, t);
        }
    }

    /// nothing when there is none of that name, or it has been used
    std::optional<TensorInfo> use(const std::string& name) {
        const TensorInfo* const tensor = find(name);
        if (tensor == nullptr) {
            return std::nullopt;
        }
        is_used_[static_cast<std::size_t>(tensor - tensors_.data())] = true;
        return *tensor;
    }

    /// nothing when there are not all parts of it
    std::optional<TensorInfo> put_together(const std::string& name,
                                           const std::vector<std::int64_t>& shape) {
        const auto bytes = formats::size_of_shape(shape, sizeof(double));
        if (!bytes) {
            return std::nullopt;
        }
        const auto size = static_cast<std::int64_t>(*bytes / sizeof(double));
        const std::int64_t rows = size / shape.back();
        const std::vector<std::int64_t> mask_shape{
            rows, static_cast<std::int64_t>(formats::mask_row_bytes(shape.back()))};
        const std::vector<std::int64_t> offsets{(rows + formats::kRowsOfOffset - 1) /
                                                formats::kRowsOfOffset};
        const auto part = [&](std::string_view ending) { return find(name + std::string(ending)); };
        const TensorInfo* const mask = part(formats::kMaskPart);
        const TensorInfo* const starts = part(formats::kRowOffsetsPart);
        const TensorInfo* const stored = part(formats::kValuesPart);
        if (!is(mask, "U8", mask_shape) || !is(starts, "I64", offsets) || stored == nullptr ||
            !stored->type.scalar() || stored->shape.size() != 1 || stored->shape.front() > size) {
            return std::nullopt;
        }
        TensorInfo tensor = *stored;
        tensor.name = name;
        tensor.shape = shape;
        tensor.unknown_bytes = tensor.bytes();
        tensor.bitmask = {mask->offset, starts->offset,
                          static_cast<std::uint64_t>(stored->shape.front())};
        for (const std::string& used : parts_of_bitmask(name)) {
            use(used);
        }
        return tensor;
    }

    std::vector<std::string> unused() const {
        std::vector<std::string> names;
        for (std::size_t t = 0; t < tensors_.size(); ++t) {
            if (!is_used_[t]) {
                names.push_back(tensors_[t].name);
            }
        }
        return names;
    }

  private:
    static bool is(const TensorInfo* tensor, std::string_view type,
                   const std::vector<std::int64_t>& shape) {
        return tensor != nullptr && tensor->type.name() == type && tensor->shape == shape;
    }

    const TensorInfo* find(const std::string& name) const {
        const auto found = positions_.find(name);
        return found == positions_.end() || is_used_[found->second] ? nullptr
                                                                    : &tensors_[found->second];
    }

    const std::vector<TensorInfo>& tensors_;
    std::vector<bool> is_used_;
    std::unordered_map<std::string_view, std::size_t> positions_;
};

}  // namespace

std::vector<std::string> parts_of_bitmask(const std::string& name) {
    std::vector<std::string> parts;
    for (const std::string_view ending :
         {formats::kMaskPart, formats::kValuesPart, formats::kRowOffsetsPart}) {
        parts.push_back(name + std::string(ending));
    }
    return parts;
}

std::vector<TensorInfo> put_bitmasks_together(const formats::SafetensorsHeader& header,
                                              std::vector<TensorInfo> tensors,
                                              const std::string& where) {
    const std::string* const storage = value_of(header, formats::kStorage);
    if (storage == nullptr || *storage != formats::kBitmaskStorage) {
        return tensors;
    }
    const std::string* const shapes = value_of(header, formats::kBitmaskShapes);
    const std::string* const order = value_of(header, formats::kBitmaskTensors);
    if (shapes == nullptr || order == nullptr) {
        throw kNotTogether(where, std::string(shapes == nullptr ? formats::kBitmaskShapes
                                                                : formats::kBitmaskTensors) +
                                      " of __metadata__");
    }
    const Json masked = Json::parse(*shapes, where);
    const Json names = Json::parse(*order, where);
    Parts parts(tensors);
    std::vector<TensorInfo> whole;
    std::vector<std::string> broken;
    for (const Json& entry : names.is_array() ? names.elements() : Json::Array()) {
        const std::string name(entry.as_string().value_or(""));
        const Json* const listed = masked.is_object() ? masked.find(name) : nullptr;
        const auto shape = listed == nullptr ? std::nullopt : shape_in(*listed);
        auto tensor = shape               ? parts.put_together(name, *shape)
                      : listed == nullptr ? parts.use(name)
                                          : std::nullopt;
        if (tensor) {
            whole.push_back(std::move(*tensor));
        } else {
            broken.push_back(name);
        }
    }
    std::ranges::move(parts.unused(), std::back_inserter(broken));
    if (!broken.empty()) {
        throw kNotTogether(where, list_names(broken));
    }
    return whole;
}

}  // namespace alphaprune::model
