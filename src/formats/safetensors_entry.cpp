#include "safetensors_entry.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "json_reader.hpp"

namespace alphaprune::formats {
namespace {

/// A fault in the description of one tensor.
template <class... Values>
struct TensorFault : support::BadRequest<Values...> {
    TensorFault(std::string_view id, fmt::format_string<const Values&...> text)
        : support::BadRequest<Values...>(
              id, text, "the header is damaged or was written by a faulty program",
              "fetch the file again, or save it again with the safetensors library") {}
};

const TensorFault<> kNotAnObject{"formats.tensor-description",
                                 "the tensor's description is not a JSON object"};
const TensorFault<std::string> kRepeated{"formats.tensor-repeated-member",
                                         "the tensor's {} is given more than once"};
const TensorFault<> kNoType{"formats.tensor-no-dtype", "the tensor has no dtype"};
const TensorFault<std::string> kNoTypeName{"formats.tensor-dtype",
                                           "the tensor's dtype {} cannot be the name of a type"};
const TensorFault<> kBadShape{"formats.tensor-shape",
                              "the tensor's shape is not an array of whole numbers >= 0"};
const TensorFault<> kBadOffsets{"formats.tensor-offsets",
                                "the tensor's data_offsets are not two whole numbers >= 0"};
const TensorFault<std::uint64_t, std::uint64_t> kReversedOffsets{
    "formats.tensor-reversed-offsets", "the tensor's data_offsets [{}, {}] end before they begin"};
const TensorFault<std::string, std::string> kUncountable{
    "formats.tensor-uncountable", "the tensor's shape {} of {} has more bytes than can be counted"};
const TensorFault<std::string, std::string, std::uint64_t> kPartialByte{
    "formats.tensor-partial-byte",
    "the tensor's shape {} of {} needs {} bits, which are no whole bytes"};
const TensorFault<std::string, std::string, std::uint64_t, std::uint64_t> kWrongTensorSize{
    "formats.tensor-size",
    "the tensor's shape {} of {} needs {} bytes, but its data_offsets hold {}"};

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
            fault(kNotAnObject);
        }
        for (const std::string_view twice : repeated_names(description_.members())) {
            fault(kRepeated, in_quotes(twice));
        }
        return description_.is_object();
    }

    std::optional<support::StoredType> dtype() {
        const Json* member = description_.find("dtype");
        if (member == nullptr || !member->is_string()) {
            fault(kNoType);
            return std::nullopt;
        }
        const std::string name = *member->as_string();
        if (!support::is_type_name(name)) {
            fault(kNoTypeName, in_quotes(name));
            return std::nullopt;
        }
        return support::StoredType(name);
    }

    std::optional<std::vector<std::int64_t>> shape() {
        auto shape = natural_numbers("shape");
        if (!shape) {
            fault(kBadShape);
        }
        return shape;
    }

    /// Positions in the file.
    std::optional<std::pair<std::uint64_t, std::uint64_t>> offsets(std::uint64_t data_begin) {
        const auto offsets = natural_numbers("data_offsets");
        if (!offsets || offsets->size() != 2) {
            fault(kBadOffsets);
            return std::nullopt;
        }
        const auto begin = static_cast<std::uint64_t>((*offsets)[0]);
        const auto end = static_cast<std::uint64_t>((*offsets)[1]);
        if (begin > end) {
            fault(kReversedOffsets, begin, end);
            return std::nullopt;
        }
        return std::pair{data_begin + begin, data_begin + end};
    }

    void check_size(const SafetensorsEntry& entry) {
        const std::optional<int> width = entry.type.bits();
        const auto bits = size_of_shape(entry.shape, static_cast<std::uint64_t>(width.value_or(8)));
        const std::string shape = shape_text(entry.shape);
        if (!bits) {
            fault(kUncountable, shape, entry.type.name());
        } else if (width && *bits % 8 != 0) {
            fault(kPartialByte, shape, entry.type.name(), *bits);
        } else if (width && *bits / 8 != entry.end - entry.begin) {
            fault(kWrongTensorSize, shape, entry.type.name(), *bits / 8, entry.end - entry.begin);
        }
    }

  private:
    template <class... Values>
    void fault(const TensorFault<Values...>& message,
               const std::type_identity_t<Values>&... values) {
        faults_.add(message, place_, values...);
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
