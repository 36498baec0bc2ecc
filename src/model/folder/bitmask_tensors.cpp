#include <algorithm>
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

/// The tensors of a shard by name.
class Parts {
  public:
    explicit Parts(const std::vector<TensorInfo>& tensors) : tensors_(tensors) {
        for (std::size_t t = 0; t < tensors.size(); ++t) {
            positions_.emplace(tensors[t].name, t);
        }
    }

    /// nullptr when there is none of that type and, unless that is empty, shape
    const TensorInfo* find(const std::string& name, std::string_view type,
                           const std::vector<std::int64_t>& shape = {}) const {
        const auto found = positions_.find(name);
        const TensorInfo* tensor = found == positions_.end() ? nullptr : &tensors_[found->second];
        const bool fits = tensor != nullptr && (type.empty() || tensor->type.name() == type) &&
                          (shape.empty() ? tensor->shape.size() == 1 : tensor->shape == shape);
        return fits ? tensor : nullptr;
    }

    /// nothing when there are not all parts of it
    std::optional<TensorInfo> put_together(const std::string& name,
                                           const std::vector<std::int64_t>& shape) const {
        const auto values = formats::size_of_shape(shape, sizeof(double));
        if (!values) {
            return std::nullopt;
        }
        const auto rows = static_cast<std::int64_t>(*values / sizeof(double)) / shape.back();
        const std::vector<std::int64_t> mask_shape{
            rows, static_cast<std::int64_t>(formats::mask_row_bytes(shape.back()))};
        const std::vector<std::int64_t> offsets{(rows + formats::kRowsOfOffset - 1) /
                                                formats::kRowsOfOffset};
        const auto part = [&](std::string_view ending) { return name + std::string(ending); };
        const TensorInfo* const mask = find(part(formats::kMaskPart), "U8", mask_shape);
        const TensorInfo* const starts = find(part(formats::kRowOffsetsPart), "I64", offsets);
        const TensorInfo* const stored = find(part(formats::kValuesPart), "");
        if (mask == nullptr || starts == nullptr || stored == nullptr || !stored->type.scalar()) {
            return std::nullopt;
        }
        TensorInfo tensor = *stored;
        tensor.name = name;
        tensor.shape = shape;
        tensor.unknown_bytes = tensor.bytes();
        tensor.bitmask = {mask->offset, starts->offset,
                          static_cast<std::uint64_t>(stored->shape.front())};
        return tensor;
    }

  private:
    const std::vector<TensorInfo>& tensors_;
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
    const std::string* const shapes = value_of(header, formats::kBitmaskShapes);
    const std::string* const order = value_of(header, formats::kBitmaskTensors);
    if (storage == nullptr || *storage != formats::kBitmaskStorage || shapes == nullptr ||
        order == nullptr) {
        return tensors;
    }
    const Json masked = Json::parse(*shapes, where);
    const Json names = Json::parse(*order, where);
    const Parts parts(tensors);
    std::vector<TensorInfo> whole;
    std::vector<std::string> broken;
    std::size_t taken = 0;
    for (const Json& entry : names.is_array() ? names.elements() : Json::Array()) {
        const std::string name(entry.as_string().value_or(""));
        const Json* const listed = masked.is_object() ? masked.find(name) : nullptr;
        const auto shape = listed == nullptr ? std::nullopt : shape_in(*listed);
        if (shape) {
            if (auto tensor = parts.put_together(name, *shape)) {
                whole.push_back(std::move(*tensor));
                taken += parts_of_bitmask(name).size();
                continue;
            }
        } else if (const auto plain = std::ranges::find(tensors, name, &TensorInfo::name);
                   listed == nullptr && plain != tensors.end()) {
            whole.push_back(*plain);
            ++taken;
            continue;
        }
        broken.push_back(name);
    }
    if (!broken.empty() || taken != tensors.size()) {
        throw kNotTogether(where, broken.empty() ? "the list of tensors" : list_names(broken));
    }
    return whole;
}

}  // namespace alphaprune::model
