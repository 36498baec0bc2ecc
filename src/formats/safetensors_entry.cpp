#include "safetensors_entry.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "element_count.hpp"
#include "json_reader.hpp"

namespace alphaprune::formats {
namespace {

constexpr const char* kDamaged =
    "the header is damaged: fetch the file again, or save it again with the safetensors library";

/// As [4096, 11008]; a broken file may claim any number of dimensions.
std::string shape_text(std::span<const std::int64_t> shape) {
    constexpr std::size_t kShown = 8;
    return fmt::format("[{}{}]", fmt::join(shape.first(std::min(shape.size(), kShown)), ", "),
                       shape.size() > kShown ? ", ..." : "");
}

/// Reads the members of one tensor's description and notes what is wrong with them.
class EntryReader {
  public:
    EntryReader(std::string_view name, const Json& description, CappedFaults& faults)
        : description_(description),
          place_(fmt::format("tensor {}", in_quotes(name))),
          faults_(faults) {}

    bool is_object() {
        if (!description_.is_object()) {
            fault("the tensor's description is not a JSON object");
        }
        for (const std::string_view twice : repeated_names(description_.members())) {
            fault(fmt::format("the tensor's {} is given more than once", in_quotes(twice)));
        }
        return description_.is_object();
    }

    std::optional<support::StoredType> dtype() {
        const Json* member = description_.find("dtype");
        if (member == nullptr || !member->is_string()) {
            fault("the tensor has no dtype");
            return std::nullopt;
        }
        const std::string name = *member->as_string();
        if (!support::is_type_name(name)) {
            fault(
                fmt::format("the tensor's dtype {} cannot be the name of a type", in_quotes(name)));
            return std::nullopt;
        }
        return support::StoredType(name);
    }

    std::optional<std::vector<std::int64_t>> shape() {
        auto shape = natural_numbers("shape");
        if (!shape) {
            fault("the tensor's shape is not an array of whole numbers >= 0");
        }
        return shape;
    }

    /// Positions in the file.
    std::optional<std::pair<std::uint64_t, std::uint64_t>> offsets(std::uint64_t data_begin) {
        const auto offsets = natural_numbers("data_offsets");
        if (!offsets || offsets->size() != 2) {
            fault("the tensor's data_offsets are not two whole numbers >= 0");
            return std::nullopt;
        }
        const auto begin = static_cast<std::uint64_t>((*offsets)[0]);
        const auto end = static_cast<std::uint64_t>((*offsets)[1]);
        if (begin > end) {
            fault(fmt::format("the tensor's data_offsets [{}, {}] end before they begin", begin,
                              end));
            return std::nullopt;
        }
        return std::pair{data_begin + begin, data_begin + end};
    }

    void check_size(const SafetensorsEntry& entry) {
        const std::optional<int> width = entry.type.bits();
        const auto bits = size_of_shape(entry.shape, static_cast<std::uint64_t>(width.value_or(8)));
        const std::string what =
            fmt::format("the tensor's shape {} of {}", shape_text(entry.shape), entry.type.name());
        if (!bits) {
            fault(fmt::format("{} has more bytes than can be counted", what));
        } else if (width && *bits % 8 != 0) {
            fault(fmt::format("{} needs {} bits, which are no whole bytes", what, *bits));
        } else if (width && *bits / 8 != entry.end - entry.begin) {
            fault(fmt::format("{} needs {} bytes, but its data_offsets hold {}", what, *bits / 8,
                              entry.end - entry.begin));
        }
    }

  private:
    void fault(std::string what, const char* remedy = kDamaged) {
        faults_.add(std::move(what), remedy, place_);
    }

    std::optional<std::vector<std::int64_t>> natural_numbers(std::string_view member) {
        const Json* array = description_.find(member);
        const auto is_natural = [](const Json& value) { return value.as_integer() >= 0; };
        if (array == nullptr || !array->is_array() ||
            !std::ranges::all_of(array->elements(), is_natural)) {
            return std::nullopt;
        }
        std::vector<std::int64_t> numbers;
        std::ranges::transform(array->elements(), std::back_inserter(numbers),
                               [](const Json& value) { return *value.as_integer(); });
        return numbers;
    }

    const Json& description_;
    std::string place_;
    CappedFaults& faults_;
};

}  // namespace

std::optional<SafetensorsEntry> parse_entry(std::string_view name, const Json& description,
                                            std::uint64_t data_begin, CappedFaults& faults) {
    EntryReader reader(name, description, faults);
    if (!reader.is_object()) {
        return std::nullopt;
    }
    const auto type = reader.dtype();
    auto shape = reader.shape();
    const auto offsets = reader.offsets(data_begin);
    if (!offsets) {
        return std::nullopt;
    }
    SafetensorsEntry entry{std::string(name),
                           type.value_or(support::StoredType()),
                           {},
                           offsets->first,
                           offsets->second};
    if (shape) {
        entry.shape = std::move(*shape);
    }
    if (type && shape) {
        reader.check_size(entry);
    }
    return entry;
}

}  // namespace alphaprune::formats
