#include "masked_export.hpp"

#include <algorithm>
#include <iterator>
#include <set>

#include "alphaprune/formats/bitmask_names.hpp"
#include "alphaprune/formats/json.hpp"
#include "alphaprune/support/scalar.hpp"
#include "checkpoint_layout.hpp"

namespace alphaprune::checkpoint {
namespace {

using formats::Json;
using Metadata = std::vector<std::pair<std::string, std::string>>;

Metadata with_scheme(const ExportShard& shard, std::span<const model::TensorInfo> tensors,
                     std::span<const int> masked,
                     std::span<const std::pair<std::string, std::string>> given) {
    std::vector<int> order = shard.tensors;
    std::ranges::sort(order);
    Json::Array names;
    Json::Object shapes;
    for (const int t : order) {
        const model::TensorInfo& tensor = tensors[static_cast<std::size_t>(t)];
        names.emplace_back(tensor.name);
        if (std::ranges::find(masked, t) != masked.end()) {
            shapes.emplace_back(tensor.name, Json::Array(tensor.shape.begin(), tensor.shape.end()));
        }
    }
    Metadata metadata(given.begin(), given.end());
    metadata.emplace_back(formats::kStorage, formats::kBitmaskStorage);
    metadata.emplace_back(formats::kBitmaskShapes, Json(std::move(shapes)).dump(-1));
    metadata.emplace_back(formats::kBitmaskTensors, Json(std::move(names)).dump(-1));
    return metadata;
}

/// The parts of a shard, one behind the other.
class ShardParts {
  public:
    std::uint64_t add(std::string name, const support::StoredType& type,
                      std::vector<std::int64_t> shape, std::uint64_t bytes) {
        model::TensorInfo part;
        part.name = std::move(name);
        part.type = type;
        part.shape = std::move(shape);
        part.unknown_bytes = bytes;
        parts_.push_back(std::move(part));
        offsets_.push_back(end_);
        end_ += bytes;
        return offsets_.back();
    }

    std::uint64_t end() const { return end_; }
    const std::vector<model::TensorInfo>& parts() const { return parts_; }
    const std::vector<std::uint64_t>& offsets() const { return offsets_; }

  private:
    std::vector<model::TensorInfo> parts_;
    std::vector<std::uint64_t> offsets_;
    std::uint64_t end_ = 0;
};

std::int64_t product(const std::vector<std::int64_t>& shape) {
    std::int64_t values = 1;
    for (const std::int64_t extent : shape) {
        values *= extent;
    }
    return values;
}

/// Those of a shard's tensors that are masked, in their order.
std::vector<int> masked_of(const ExportShard& shard, std::span<const int> order) {
    const std::set<int> here(shard.tensors.begin(), shard.tensors.end());
    std::vector<int> masked;
    std::ranges::copy_if(order, std::back_inserter(masked),
                         [&](int tensor) { return here.contains(tensor); });
    return masked;
}

/// What comes before the values. From the end on, which is aligned, values become smaller: so all
/// begin at a multiple of their size.
void place_known(const ExportShard& shard, std::span<const model::TensorInfo> tensors,
                 ShardParts& parts, MaskedShard& out) {
    for (auto& [t, places] : out.masked) {
        const model::TensorInfo& tensor = tensors[static_cast<std::size_t>(t)];
        const std::vector<std::int64_t> shape = mask_shape(tensor);
        places.mask =
            parts.add(tensor.name + std::string(formats::kMaskPart), support::StoredType("U8"),
                      shape, static_cast<std::uint64_t>(product(shape)));
    }
    std::set<int> masked;
    for (const auto& [t, places] : out.masked) {
        masked.insert(t);
    }
    for (auto one = shard.tensors.rbegin(); one != shard.tensors.rend(); ++one) {
        const int t = *one;
        const model::TensorInfo& tensor = tensors[static_cast<std::size_t>(t)];
        if (!masked.contains(t)) {
            out.plain.emplace_back(
                t, parts.add(tensor.name, tensor.type, tensor.shape, tensor.bytes()));
        }
    }
    for (auto& [t, places] : out.masked) {
        const model::TensorInfo& tensor = tensors[static_cast<std::size_t>(t)];
        const std::int64_t offsets = row_offsets_of(tensor);
        places.rows = parts.add(tensor.name + std::string(formats::kRowOffsetsPart),
                                support::StoredType("I64"), {offsets},
                                static_cast<std::uint64_t>(offsets) * sizeof(std::int64_t));
    }
    out.known_bytes = parts.end();
}

/// @param shard  whose head is still to be made: places count from the first byte of any part
ShardParts place_parts(const ExportShard& shard, std::span<const model::TensorInfo> tensors,
                       std::span<const int> masked, std::span<const std::uint64_t> values,
                       MaskedShard& out) {
    ShardParts parts;
    for (const int t : masked) {
        out.masked.emplace_back(t, MaskedPlaces{});
    }
    place_known(shard, tensors, parts, out);
    for (auto& [t, places] : out.masked) {
        const model::TensorInfo& tensor = tensors[static_cast<std::size_t>(t)];
        const std::uint64_t count = values[static_cast<std::size_t>(t)];
        places.values = parts.add(tensor.name + std::string(formats::kValuesPart), tensor.type,
                                  {static_cast<std::int64_t>(count)},
                                  count * support::size_of(tensor.scalar_type()));
    }
    return parts;
}

/// The longest that the head of a shard can be, which is with no zeros at all, and what else it
/// takes until the values begin at a multiple of 8 bytes.
std::size_t longest_head(const ExportShard& shard, std::span<const model::TensorInfo> tensors,
                         std::span<const int> masked, const Metadata& metadata) {
    std::vector<std::uint64_t> most;
    for (const model::TensorInfo& tensor : tensors) {
        most.push_back(static_cast<std::uint64_t>(tensor.type.bits() ? tensor.values() : 0));
    }
    MaskedShard longest;
    const ShardParts parts = place_parts(shard, tensors, masked, most, longest);
    const std::size_t size = safetensors_head(parts.parts(), parts.offsets(), metadata).size();
    constexpr std::uint64_t kAlignment = 8;
    return size + (kAlignment - (size + longest.known_bytes) % kAlignment) % kAlignment;
}

}  // namespace

MaskedShard lay_out_masked(const ExportShard& shard, std::span<const model::TensorInfo> tensors,
                           std::span<const int> order,
                           std::span<const std::pair<std::string, std::string>> metadata,
                           std::span<const std::uint64_t> values) {
    const std::vector<int> masked = masked_of(shard, order);
    const Metadata all = with_scheme(shard, tensors, masked, metadata);
    MaskedShard out;
    const ShardParts parts = place_parts(shard, tensors, masked, values, out);
    const std::size_t size = longest_head(shard, tensors, masked, all);
    out.head = safetensors_head(parts.parts(), parts.offsets(), all, size);
    for (const model::TensorInfo& part : parts.parts()) {
        out.names.push_back(part.name);
    }
    for (auto& [t, place] : out.plain) {
        place += size;
    }
    for (auto& [t, places] : out.masked) {
        places.mask += size;
        places.rows += size;
        places.values += size;
    }
    out.known_bytes += size;
    out.bytes = size + parts.end();
    return out;
}

}  // namespace alphaprune::checkpoint
