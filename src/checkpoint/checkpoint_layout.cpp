#include "checkpoint_layout.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "alphaprune/formats/bitmask.hpp"
#include "alphaprune/support/checksum.hpp"
#include "alphaprune/support/message.hpp"
#include "hdf5_dataset.hpp"
#include "masked_rows.hpp"

namespace alphaprune::checkpoint {
namespace {

const support::BadRequest<std::uint64_t, std::uint64_t> kFileChecksum{
    "checkpoint.file-checksum", "its bytes have the checksum {:016x}, recorded is {:016x}",
    "the bytes were changed after the checkpoint was written", kReplaceFile};

/// A 16-bit float with the sign in bit 15, the exponent below it and the mantissa at bit 0.
Hdf5Handle short_float(const Hdf5Calls& hdf5, std::size_t exponent_bits, std::size_t bias) {
    const std::string_view doing = "describing a 16-bit float";
    const std::size_t mantissa_bits = 15 - exponent_bits;
    Hdf5Handle type = hdf5.own(H5Tcopy(H5T_IEEE_F32LE), H5Tclose, doing, {});
    // The order matters: HDF5 refuses a size smaller than the fields in force.
    hdf5.check(H5Tset_fields(type.id(), 15, mantissa_bits, exponent_bits, 0, mantissa_bits), doing,
               {});
    hdf5.check(H5Tset_precision(type.id(), 16), doing, {});
    hdf5.check(H5Tset_size(type.id(), 2), doing, {});
    hdf5.check(H5Tset_ebias(type.id(), bias), doing, {});
    return type;
}

Hdf5Handle boolean(const Hdf5Calls& hdf5) {
    const std::string_view doing = "describing a boolean";
    Hdf5Handle type = hdf5.own(H5Tenum_create(H5T_STD_I8LE), H5Tclose, doing, {});
    constexpr std::array<std::pair<const char*, std::int8_t>, 2> kValues{
        {{"FALSE", 0}, {"TRUE", 1}}};
    for (const auto& [name, value] : kValues) {
        hdf5.check(H5Tenum_insert(type.id(), name, &value), doing, {});
    }
    return type;
}

Hdf5Handle complex_float(const Hdf5Calls& hdf5) {
    const std::string_view doing = "describing a complex number";
    constexpr std::size_t kPart = 4;
    Hdf5Handle type = hdf5.own(H5Tcreate(H5T_COMPOUND, 2 * kPart), H5Tclose, doing, {});
    hdf5.check(H5Tinsert(type.id(), "r", 0, H5T_IEEE_F32LE), doing, {});
    hdf5.check(H5Tinsert(type.id(), "i", kPart, H5T_IEEE_F32LE), doing, {});
    return type;
}

/// Of the types that HDF5 has itself; bytes for those that it has not.
hid_t plain_type(std::string_view name) {
    const std::array<std::pair<std::string_view, hid_t>, 9> plain{{{"F32", H5T_IEEE_F32LE},
                                                                   {"F64", H5T_IEEE_F64LE},
                                                                   {"I8", H5T_STD_I8LE},
                                                                   {"U16", H5T_STD_U16LE},
                                                                   {"I16", H5T_STD_I16LE},
                                                                   {"U32", H5T_STD_U32LE},
                                                                   {"I32", H5T_STD_I32LE},
                                                                   {"U64", H5T_STD_U64LE},
                                                                   {"I64", H5T_STD_I64LE}}};
    const auto found = std::ranges::find(plain, name, &std::pair<std::string_view, hid_t>::first);
    return found == plain.end() ? H5T_STD_U8LE : found->second;
}

Hdf5Handle copied(const Hdf5Calls& hdf5, hid_t type) {
    return hdf5.own(H5Tcopy(type), H5Tclose, "copying a type", {});
}

std::uint64_t checksum_of(std::string_view contents) {
    return support::hash_bytes(std::as_bytes(std::span(contents)));
}

std::string replaced(std::string text, char old, char by) {
    std::ranges::replace(text, old, by);
    return text;
}

}  // namespace

Hdf5Handle hdf5_type(const Hdf5Calls& hdf5, const support::StoredType& type) {
    if (type.name() == "F16") {
        return short_float(hdf5, 5, 15);
    }
    if (type.name() == "BF16") {
        return short_float(hdf5, 8, 127);
    }
    if (type.name() == "BOOL") {
        return boolean(hdf5);
    }
    return type.name() == "C64" ? complex_float(hdf5) : copied(hdf5, plain_type(type.name()));
}

bool lies_in_bytes(const model::TensorInfo& tensor) {
    return tensor.type.bits().value_or(1) % 8 != 0 || tensor.shape.size() > H5S_MAX_RANK;
}

Hdf5Handle dataset_type(const Hdf5Calls& hdf5, const model::TensorInfo& tensor) {
    return lies_in_bytes(tensor) ? copied(hdf5, H5T_STD_U8LE) : hdf5_type(hdf5, tensor.type);
}

std::vector<std::int64_t> dataset_shape(const model::TensorInfo& tensor) {
    if (!lies_in_bytes(tensor)) {
        return tensor.shape;
    }
    return {tensor.rows(), static_cast<std::int64_t>(tensor.row_bytes())};
}

std::vector<std::int64_t> mask_shape(const model::TensorInfo& tensor) {
    return {mask_rows(tensor),
            static_cast<std::int64_t>(formats::mask_row_bytes(mask_cols(tensor)))};
}

std::int64_t row_offsets_of(const model::TensorInfo& tensor) {
    return (mask_rows(tensor) + formats::kRowsOfOffset - 1) / formats::kRowsOfOffset;
}

std::optional<support::ScalarType> scalar_type_of(const Hdf5Calls& hdf5, hid_t type) {
    for (const auto candidate : {support::ScalarType::float32, support::ScalarType::float16,
                                 support::ScalarType::bfloat16, support::ScalarType::float64}) {
        if (H5Tequal(type, hdf5_type(hdf5, candidate).id()) > 0) {
            return candidate;
        }
    }
    return std::nullopt;
}

std::string link_of_file(std::string name) {
    return replaced(std::move(name), '/', '\\');
}

std::string file_of_link(std::string link) {
    return replaced(std::move(link), '\\', '/');
}

void write_file(const Hdf5Calls& hdf5, const Hdf5Handle& group, const model::AuxiliaryFile& file) {
    const std::string object = object_name(kModelGroup, file.name);
    const std::string link = link_of_file(file.name);
    const auto size = static_cast<std::int64_t>(file.contents.size());
    const Hdf5Handle dataset =
        create_dataset(hdf5, group.id(), link.c_str(), H5T_STD_U8LE, std::span(&size, 1), object);
    write_attribute(hdf5, {dataset.id(), object}, "checksum", checksum_of(file.contents));
    if (size > 0) {
        write_rows(hdf5, {dataset.id(), object}, H5T_STD_U8LE, std::span(&size, 1), {0, 1},
                   std::as_bytes(std::span(file.contents)));
    }
}

std::string read_file(const Hdf5Calls& hdf5, const Hdf5Handle& group, const std::string& name,
                      std::uint64_t file_size) {
    const std::string object = object_name(kModelGroup, name);
    const std::string link = link_of_file(name);
    const DatasetForm form = open_dataset(hdf5, group.id(), link.c_str(), file_size, object);
    if (H5Tequal(form.type.id(), H5T_STD_U8LE) <= 0 || form.shape.size() != 1) {
        throw kWrongKind(hdf5.where(object), "a file stored as bytes");
    }
    std::string contents(form.bytes, '\0');
    if (!contents.empty()) {
        read_rows(hdf5, {form.dataset.id(), object}, H5T_STD_U8LE, form.shape, {0, 1},
                  std::as_writable_bytes(std::span(contents)));
    }
    const std::uint64_t recorded =
        read_number<std::uint64_t>(hdf5, {form.dataset.id(), object}, "checksum");
    if (const std::uint64_t found = checksum_of(contents); found != recorded) {
        throw kFileChecksum(hdf5.where(object), found, recorded);
    }
    return contents;
}

}  // namespace alphaprune::checkpoint
