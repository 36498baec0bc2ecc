#include "hdf5_dataset.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <limits>

#include "boxes.hpp"

namespace alphaprune::checkpoint {
namespace {

std::vector<hsize_t> extents(std::span<const std::int64_t> shape) {
    return {shape.begin(), shape.end()};
}

/// How a dataset is laid out: one piece at a known place, so that ranks can write it past the
/// library, and without the clock, so that the same contents give the same bytes.
Hdf5Handle creation_properties(const Hdf5Place& place, std::string_view object) {
    const std::string_view doing = "describing the dataset";
    Hdf5Handle list = place.own(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, doing, object);
    place.check(H5Pset_layout(list.id(), H5D_CONTIGUOUS), doing, object);
    place.check(H5Pset_alloc_time(list.id(), H5D_ALLOC_TIME_EARLY), doing, object);
    place.check(H5Pset_fill_time(list.id(), H5D_FILL_TIME_NEVER), doing, object);
    place.check(H5Pset_obj_track_times(list.id(), 0), doing, object);
    return list;
}

bool is_plain(const Hdf5Place& place, hid_t dataset, std::string_view object) {
    const Hdf5Handle list = place.own(H5Dget_create_plist(dataset), H5Pclose,
                                      "reading the dataset's properties", object);
    return H5Pget_layout(list.id()) == H5D_CONTIGUOUS && H5Pget_external_count(list.id()) == 0;
}

std::vector<std::int64_t> read_shape(const Hdf5Place& place, hid_t dataset,
                                     std::string_view object) {
    const std::string_view doing = "reading the dataset's shape";
    const Hdf5Handle space = place.own(H5Dget_space(dataset), H5Sclose, doing, object);
    const int dimensions = H5Sget_simple_extent_ndims(space.id());
    place.check(dimensions, doing, object);
    if (H5Sget_simple_extent_type(space.id()) == H5S_NULL) {
        throw place.error("the dataset has no shape", object);
    }
    std::vector<hsize_t> extent(static_cast<std::size_t>(dimensions));
    place.check(H5Sget_simple_extent_dims(space.id(), extent.data(), nullptr), doing, object);
    return {extent.begin(), extent.end()};
}

/// Calls `transfer(memory space, file space, first byte, bytes)` for each piece of the rows.
template <class Transfer>
void transfer_rows(const Hdf5Place& place, Hdf5Object dataset, hid_t type,
                   std::span<const std::int64_t> shape, parallel::RowRange rows,
                   std::uint64_t limit, std::string_view doing, Transfer&& transfer) {
    const std::uint64_t value_bytes = H5Tget_size(type);
    const Hdf5Handle file_space =
        place.own(H5Dget_space(dataset.id), H5Sclose, doing, dataset.name);
    std::uint64_t at = 0;
    for (const Box& box : boxes_of(shape, rows, limit / value_bytes)) {
        const hsize_t values = box.values();
        const Hdf5Handle memory_space =
            place.own(H5Screate_simple(1, &values, nullptr), H5Sclose, doing, dataset.name);
        if (!shape.empty()) {  // HDF5 selects no part of a single value
            const std::vector<hsize_t> start(box.start.begin(), box.start.end());
            const std::vector<hsize_t> count(box.count.begin(), box.count.end());
            place.check(H5Sselect_hyperslab(file_space.id(), H5S_SELECT_SET, start.data(), nullptr,
                                            count.data(), nullptr),
                        doing, dataset.name);
        }
        place.check(transfer(memory_space.id(), file_space.id(), at), doing, dataset.name);
        at += values * value_bytes;
    }
}

}  // namespace

std::string describe(std::string_view doing, parallel::RowRange rows) {
    return rows.size() == 1 ? fmt::format("{} row {}", doing, rows.begin)
                            : fmt::format("{} rows {} to {}", doing, rows.begin, rows.end - 1);
}

std::uint64_t checked_size(const Hdf5Place& place, std::span<const std::int64_t> shape,
                           std::size_t value_size, std::string_view object) {
    std::uint64_t limit = std::numeric_limits<std::int64_t>::max() / value_size;
    std::uint64_t whole = value_size;
    for (const std::int64_t extent : shape) {
        const auto size = static_cast<std::uint64_t>(extent);
        if (extent < 0 || size > limit) {
            throw place.error(fmt::format("a shape of {} cannot be", fmt::join(shape, " x ")),
                              object);
        }
        limit /= size == 0 ? 1 : size;
        whole *= size;
    }
    return whole;
}

Hdf5Handle create_dataset(const Hdf5Place& place, hid_t parent, const char* link, hid_t type,
                          std::span<const std::int64_t> shape, std::string_view object) {
    const std::string_view doing = "creating the dataset";
    const Hdf5Handle space =
        place.own(H5Screate_simple(static_cast<int>(shape.size()), extents(shape).data(), nullptr),
                  H5Sclose, doing, object);
    const Hdf5Handle properties = creation_properties(place, object);
    return place.own(
        H5Dcreate2(parent, link, type, space.id(), H5P_DEFAULT, properties.id(), H5P_DEFAULT),
        H5Dclose, doing, object);
}

std::uint64_t first_byte_of(const Hdf5Place& place, Hdf5Object dataset) {
    const haddr_t begin = H5Dget_offset(dataset.id);
    if (begin == HADDR_UNDEF) {
        throw place.hdf5_error("asking where the dataset begins", dataset.name);
    }
    return begin;
}

DatasetForm open_dataset(const Hdf5Place& place, hid_t parent, const char* link,
                         std::uint64_t file_size, std::string_view object) {
    DatasetForm form;
    form.dataset =
        place.own(H5Dopen2(parent, link, H5P_DEFAULT), H5Dclose, "opening the dataset", object);
    form.type =
        place.own(H5Dget_type(form.dataset.id()), H5Tclose, "reading the dataset's type", object);
    if (!is_plain(place, form.dataset.id(), object)) {
        throw place.error("the dataset is not stored as one piece inside the file", object);
    }
    form.shape = read_shape(place, form.dataset.id(), object);
    const std::size_t value_bytes = H5Tget_size(form.type.id());
    if (value_bytes == 0) {
        throw place.hdf5_error("reading the dataset's type", object);
    }
    form.bytes = checked_size(place, form.shape, value_bytes, object);
    if (form.bytes == 0) {
        return form;
    }
    const haddr_t begin = H5Dget_offset(form.dataset.id());
    if (begin == HADDR_UNDEF || begin > file_size || form.bytes > file_size - begin) {
        throw place.error(
            fmt::format("the dataset's {} bytes do not lie inside the file", form.bytes), object);
    }
    return form;
}

void write_rows(const Hdf5Place& place, Hdf5Object dataset, hid_t type,
                std::span<const std::int64_t> shape, parallel::RowRange rows,
                std::span<const std::byte> bytes, std::uint64_t limit) {
    transfer_rows(place, dataset, type, shape, rows, limit, describe("writing", rows),
                  [&](hid_t memory, hid_t file, std::uint64_t at) {
                      return H5Dwrite(dataset.id, type, memory, file, H5P_DEFAULT,
                                      bytes.data() + at);
                  });
}

void read_rows(const Hdf5Place& place, Hdf5Object dataset, hid_t type,
               std::span<const std::int64_t> shape, parallel::RowRange rows,
               std::span<std::byte> bytes, std::uint64_t limit) {
    transfer_rows(place, dataset, type, shape, rows, limit, describe("reading", rows),
                  [&](hid_t memory, hid_t file, std::uint64_t at) {
                      return H5Dread(dataset.id, type, memory, file, H5P_DEFAULT,
                                     bytes.data() + at);
                  });
}

}  // namespace alphaprune::checkpoint
