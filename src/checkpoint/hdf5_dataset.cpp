#include "hdf5_dataset.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cassert>

#include "alphaprune/formats/safetensors.hpp"
#include "partial_output.hpp"

namespace alphaprune::checkpoint {
namespace {

const support::BadRequest<std::string> kImpossibleShape{
    "checkpoint.impossible-shape", "a shape of {} cannot be",
    "no tensor has a negative dimension or more bytes than can be counted", kReplaceFile};

const support::BadRequest<> kNoShape{"checkpoint.no-shape", "the dataset has no shape",
                                     "this program gives every dataset a shape", kReplaceFile};

const support::BadRequest<> kNotContiguous{
    "checkpoint.not-contiguous", "the dataset is not stored as one piece inside the file",
    "another program has written it in chunks, compressed, or in other files", kReplaceFile};

const support::BadRequest<std::uint64_t> kOutsideFile{
    "checkpoint.outside-file", "the dataset's {} bytes do not lie inside the file",
    "the file was cut off", kReplaceFile};

class Cutter {
  public:
    Cutter(std::span<const std::int64_t> shape, std::uint64_t limit)
        : shape_(shape.begin(), shape.end()), limit_(limit) {
        box_.start.assign(shape_.size(), 0);
        box_.count = shape_;
    }

    /// Cuts the indices [begin, end) of `axis`, those of the axes before it being fixed.
    void cut(std::size_t axis, std::uint64_t begin, std::uint64_t end) {
        std::uint64_t slice = 1;  // values of one index
        for (std::size_t after = axis + 1; after < shape_.size(); ++after) {
            slice *= shape_[after];
        }
        if (slice > limit_ && axis + 1 < shape_.size()) {
            for (std::uint64_t index = begin; index < end; ++index) {
                select(axis, index, 1);
                cut(axis + 1, 0, shape_[axis + 1]);
            }
            return;
        }
        const std::uint64_t step = std::max<std::uint64_t>(1, limit_ / slice);
        for (std::uint64_t at = begin; at < end; at += step) {
            select(axis, at, std::min(step, end - at));
            boxes_.push_back(box_);
        }
    }

    std::vector<Box> take() { return std::move(boxes_); }
    const Box& whole() const { return box_; }

  private:
    void select(std::size_t axis, std::uint64_t start, std::uint64_t count) {
        box_.start[axis] = start;
        box_.count[axis] = count;
    }

    std::vector<std::uint64_t> shape_;
    std::uint64_t limit_;
    Box box_;
    std::vector<Box> boxes_;
};

std::vector<hsize_t> extents(std::span<const std::int64_t> shape) {
    return {shape.begin(), shape.end()};
}

/// The layout of a dataset: contiguous at a known offset, so that ranks can write to it without the
/// library, and without time stamps, so that the same contents give the same bytes.
Hdf5Handle creation_properties(const Hdf5Calls& hdf5, std::string_view object) {
    const std::string_view doing = "describing the dataset";
    Hdf5Handle list = hdf5.own(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, doing, object);
    hdf5.check(H5Pset_layout(list.id(), H5D_CONTIGUOUS), doing, object);
    hdf5.check(H5Pset_alloc_time(list.id(), H5D_ALLOC_TIME_EARLY), doing, object);
    hdf5.check(H5Pset_fill_time(list.id(), H5D_FILL_TIME_NEVER), doing, object);
    hdf5.check(H5Pset_obj_track_times(list.id(), 0), doing, object);
    return list;
}

bool is_plain(const Hdf5Calls& hdf5, hid_t dataset, std::string_view object) {
    const Hdf5Handle list = hdf5.own(H5Dget_create_plist(dataset), H5Pclose,
                                     "reading the dataset's properties", object);
    return H5Pget_layout(list.id()) == H5D_CONTIGUOUS && H5Pget_external_count(list.id()) == 0;
}

std::vector<std::int64_t> read_shape(const Hdf5Calls& hdf5, hid_t dataset,
                                     std::string_view object) {
    const std::string_view doing = "reading the dataset's shape";
    const Hdf5Handle space = hdf5.own(H5Dget_space(dataset), H5Sclose, doing, object);
    const int dimensions = H5Sget_simple_extent_ndims(space.id());
    hdf5.check(dimensions, doing, object);
    if (H5Sget_simple_extent_type(space.id()) == H5S_NULL) {
        throw kNoShape(hdf5.where(object));
    }
    std::vector<hsize_t> extent(static_cast<std::size_t>(dimensions));
    hdf5.check(H5Sget_simple_extent_dims(space.id(), extent.data(), nullptr), doing, object);
    return {extent.begin(), extent.end()};
}

/// Calls `transfer(memory space, file space, first byte, bytes)` for each piece of the rows.
template <class Transfer>
void transfer_rows(const Hdf5Calls& hdf5, Hdf5Object dataset, hid_t type,
                   std::span<const std::int64_t> shape, parallel::RowRange rows,
                   std::uint64_t limit, std::string_view doing, Transfer&& transfer) {
    const std::uint64_t value_bytes = H5Tget_size(type);
    const Hdf5Handle file_space = hdf5.own(H5Dget_space(dataset.id), H5Sclose, doing, dataset.name);
    std::uint64_t at = 0;
    for (const Box& box : boxes_of(shape, rows, limit / value_bytes)) {
        const hsize_t values = box.values();
        const Hdf5Handle memory_space =
            hdf5.own(H5Screate_simple(1, &values, nullptr), H5Sclose, doing, dataset.name);
        if (!shape.empty()) {  // HDF5 selects no part of a single value
            const std::vector<hsize_t> start(box.start.begin(), box.start.end());
            const std::vector<hsize_t> count(box.count.begin(), box.count.end());
            hdf5.check(H5Sselect_hyperslab(file_space.id(), H5S_SELECT_SET, start.data(), nullptr,
                                           count.data(), nullptr),
                       doing, dataset.name);
        }
        hdf5.check(transfer(memory_space.id(), file_space.id(), at), doing, dataset.name);
        at += values * value_bytes;
    }
}

}  // namespace

std::uint64_t Box::values() const {
    std::uint64_t product = 1;
    for (const std::uint64_t extent : count) {
        product *= extent;
    }
    return product;
}

std::vector<Box> boxes_of(std::span<const std::int64_t> shape, parallel::RowRange rows,
                          std::uint64_t limit) {
    assert(limit > 0 && std::ranges::all_of(shape, [](auto extent) { return extent > 0; }));
    if (rows.empty()) {
        return {};
    }
    Cutter cutter(shape, limit);
    if (shape.empty()) {
        return {cutter.whole()};
    }
    const bool one_row = shape.size() == 1;
    cutter.cut(0, one_row ? 0 : static_cast<std::uint64_t>(rows.begin),
               static_cast<std::uint64_t>(one_row ? shape[0] : rows.end));
    return cutter.take();
}

std::uint64_t checked_size(const Hdf5Calls& hdf5, std::span<const std::int64_t> shape,
                           std::size_t value_size, std::string_view object) {
    const auto size = formats::size_of_shape(shape, value_size);
    if (!size) {
        throw kImpossibleShape(hdf5.where(object), fmt::format("{}", fmt::join(shape, " x ")));
    }
    return *size;
}

Hdf5Handle create_dataset(const Hdf5Calls& hdf5, hid_t parent, const char* link, hid_t type,
                          std::span<const std::int64_t> shape, std::string_view object) {
    const std::string_view doing = "creating the dataset";
    const Hdf5Handle space =
        hdf5.own(H5Screate_simple(static_cast<int>(shape.size()), extents(shape).data(), nullptr),
                 H5Sclose, doing, object);
    const Hdf5Handle properties = creation_properties(hdf5, object);
    return hdf5.own(
        H5Dcreate2(parent, link, type, space.id(), H5P_DEFAULT, properties.id(), H5P_DEFAULT),
        H5Dclose, doing, object);
}

std::uint64_t first_byte_of(const Hdf5Calls& hdf5, Hdf5Object dataset) {
    const haddr_t begin = H5Dget_offset(dataset.id);
    if (begin == HADDR_UNDEF) {
        throw hdf5.error("asking where the dataset begins", dataset.name);
    }
    return begin;
}

DatasetForm open_dataset(const Hdf5Calls& hdf5, hid_t parent, const char* link,
                         std::uint64_t file_size, std::string_view object) {
    DatasetForm form;
    form.dataset =
        hdf5.own(H5Dopen2(parent, link, H5P_DEFAULT), H5Dclose, "opening the dataset", object);
    form.type =
        hdf5.own(H5Dget_type(form.dataset.id()), H5Tclose, "reading the dataset's type", object);
    if (!is_plain(hdf5, form.dataset.id(), object)) {
        throw kNotContiguous(hdf5.where(object));
    }
    form.shape = read_shape(hdf5, form.dataset.id(), object);
    const std::size_t value_bytes = H5Tget_size(form.type.id());
    if (value_bytes == 0) {
        throw hdf5.error("reading the dataset's type", object);
    }
    form.bytes = checked_size(hdf5, form.shape, value_bytes, object);
    if (form.bytes == 0) {
        return form;
    }
    const haddr_t begin = H5Dget_offset(form.dataset.id());
    if (begin == HADDR_UNDEF || begin > file_size || form.bytes > file_size - begin) {
        throw kOutsideFile(hdf5.where(object), form.bytes);
    }
    return form;
}

void write_rows(const Hdf5Calls& hdf5, Hdf5Object dataset, hid_t type,
                std::span<const std::int64_t> shape, parallel::RowRange rows,
                std::span<const std::byte> bytes, std::uint64_t limit) {
    transfer_rows(hdf5, dataset, type, shape, rows, limit, describe("writing", rows),
                  [&](hid_t memory, hid_t file, std::uint64_t at) {
                      return H5Dwrite(dataset.id, type, memory, file, H5P_DEFAULT,
                                      bytes.data() + at);
                  });
}

void read_rows(const Hdf5Calls& hdf5, Hdf5Object dataset, hid_t type,
               std::span<const std::int64_t> shape, parallel::RowRange rows,
               std::span<std::byte> bytes, std::uint64_t limit) {
    transfer_rows(hdf5, dataset, type, shape, rows, limit, describe("reading", rows),
                  [&](hid_t memory, hid_t file, std::uint64_t at) {
                      return H5Dread(dataset.id, type, memory, file, H5P_DEFAULT,
                                     bytes.data() + at);
                  });
}

}  // namespace alphaprune::checkpoint
