#include "stored_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "alphaprune/support/checksum.hpp"
#include "checkpoint_layout.hpp"
#include "hdf5_attribute.hpp"

namespace alphaprune::checkpoint {
namespace {

std::uint64_t checksum_of(std::string_view contents) {
    return support::hash_bytes(std::as_bytes(std::span(contents)));
}

std::string replaced(std::string text, char old, char by) {
    std::ranges::replace(text, old, by);
    return text;
}

}  // namespace

std::string link_of_file(std::string name) {
    return replaced(std::move(name), '/', '\\');
}

std::string file_of_link(std::string link) {
    return replaced(std::move(link), '\\', '/');
}

void write_file(const Hdf5Place& place, const Hdf5Handle& group, const model::AuxiliaryFile& file) {
    const std::string object = object_name(kModelGroup, file.name);
    const std::string link = link_of_file(file.name);
    const auto size = static_cast<std::int64_t>(file.contents.size());
    const Hdf5Handle dataset =
        create_dataset(place, group.id(), link.c_str(), H5T_STD_U8LE, std::span(&size, 1), object);
    write_attribute(place, {dataset.id(), object}, "checksum", checksum_of(file.contents));
    if (size > 0) {
        write_rows(place, {dataset.id(), object}, H5T_STD_U8LE, std::span(&size, 1), {0, 1},
                   std::as_bytes(std::span(file.contents)));
    }
}

std::string read_file(const Hdf5Place& place, const Hdf5Handle& group, const std::string& name,
                      std::uint64_t file_size) {
    const std::string object = object_name(kModelGroup, name);
    const std::string link = link_of_file(name);
    const DatasetForm form = open_dataset(place, group.id(), link.c_str(), file_size, object);
    if (H5Tequal(form.type.id(), H5T_STD_U8LE) <= 0 || form.shape.size() != 1) {
        throw place.error("this is not a file stored as bytes", object);
    }
    std::string contents(form.bytes, '\0');
    if (!contents.empty()) {
        read_rows(place, {form.dataset.id(), object}, H5T_STD_U8LE, form.shape, {0, 1},
                  std::as_writable_bytes(std::span(contents)));
    }
    const std::uint64_t recorded = read_unsigned(place, {form.dataset.id(), object}, "checksum");
    if (const std::uint64_t found = checksum_of(contents); found != recorded) {
        throw place.error(fmt::format("its bytes have the checksum {:016x}, recorded is {:016x}",
                                      found, recorded),
                          object);
    }
    return contents;
}

}  // namespace alphaprune::checkpoint
