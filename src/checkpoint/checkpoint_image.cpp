#include "checkpoint_image.hpp"

#include <algorithm>
#include <cassert>

#include "alphaprune/support/slabs.hpp"
#include "checkpoint_layout.hpp"
#include "hdf5_dataset.hpp"

namespace alphaprune::checkpoint {
namespace {

/// Where parts of a file with masks begin, so that each can be mapped as an array of its type.
constexpr std::uint64_t kMaskAlignment = 64;

Hdf5Handle create_vector(const Hdf5Calls& hdf5, const Hdf5Handle& group, const char* link,
                         std::size_t size, std::string_view object) {
    const auto extent = static_cast<std::int64_t>(size);
    return create_dataset(hdf5, group.id(), link, H5T_IEEE_F64LE, std::span(&extent, 1), object);
}

void copy_range(const SparseBytes& from, support::File& to, std::uint64_t begin,
                std::uint64_t end) {
    constexpr std::uint64_t kSlabBytes = std::uint64_t{1} << 20;
    std::vector<std::byte> slab;
    support::for_each_slab(begin, end, kSlabBytes, [&](std::uint64_t first, std::uint64_t last) {
        slab.resize(last - first);
        from.read(first, slab);
        to.write_at(first, slab);
    });
}

}  // namespace

CheckpointImage::CheckpointImage(const model::Catalogue& catalogue,
                                 const std::vector<model::AuxiliaryFile>& auxiliary_files,
                                 std::string_view created, const std::filesystem::path& named,
                                 const std::vector<bool>& masked)
    : hdf5_(Hdf5Calls::writing(named)),
      tensors_(catalogue.tensors),
      masked_(masked),
      file_(create_file(hdf5_, bytes_, has_masks() ? kMaskAlignment : 1)),
      tensor_group_(create_group(hdf5_, file_.id(), kTensorGroup)),
      spectrum_group_(create_group(hdf5_, file_.id(), kSpectrumGroup)),
      metric_group_(create_group(hdf5_, file_.id(), kMetricGroup)) {
    write_root(catalogue, created);
    write_model_files(catalogue, auxiliary_files);
    create_tensors();
}

void CheckpointImage::write_root(const model::Catalogue& catalogue, std::string_view created) {
    const Hdf5Object root{file_.id(), "/"};
    write_attribute(hdf5_, root, "format", kFormatName);
    write_attribute(hdf5_, root, "version", has_masks() ? kBitmaskVersion : kFormatVersion);
    write_attribute(hdf5_, root, "model", catalogue.model_name);
    write_attribute(hdf5_, root, "family", catalogue.family);
    write_attribute(hdf5_, root, "created", created);
    write_attribute(hdf5_, root, "tensors", static_cast<std::int64_t>(tensors_.size()));
}

void CheckpointImage::write_model_files(const model::Catalogue& catalogue,
                                        const std::vector<model::AuxiliaryFile>& auxiliary_files) {
    const Hdf5Handle group = create_group(hdf5_, file_.id(), kModelGroup);
    write_configuration(group, catalogue.configuration_text);
    for (const model::AuxiliaryFile& auxiliary_file : auxiliary_files) {
        write_file(hdf5_, group, auxiliary_file);
    }
}

void CheckpointImage::write_configuration(const Hdf5Handle& group, const std::string& text) {
    const std::string object = object_name(kModelGroup, kConfiguration);
    const std::string padded = text.empty() ? std::string(1, '\0') : text;
    const Hdf5Handle type = text_type(hdf5_, padded.size());
    const Hdf5Handle dataset =
        create_dataset(hdf5_, group.id(), kConfiguration, type.id(), {}, object);
    hdf5_.check(H5Dwrite(dataset.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, padded.data()),
                "writing the configuration", object);
}

void CheckpointImage::create_tensors() {
    first_bytes_.assign(tensors_.size(), 0);
    masked_places_.resize(tensors_.size());
    for (std::size_t t = 0; t < tensors_.size(); ++t) {
        masked_[t] ? create_masked(t) : create_tensor(t);
    }
}

void CheckpointImage::create_tensor(std::size_t position) {
    const model::TensorInfo& tensor = tensors_[position];
    const std::string object = object_name(kTensorGroup, tensor.name);
    const Hdf5Handle type = dataset_type(hdf5_, tensor);
    const Hdf5Handle dataset = create_dataset(hdf5_, tensor_group_.id(), tensor.name.c_str(),
                                              type.id(), dataset_shape(tensor), object);
    if (tensor.bytes() > 0) {
        first_bytes_[position] = leave_out(dataset, tensor.bytes(), object);
    }
}

std::uint64_t CheckpointImage::add_part(const Hdf5Handle& group, const char* link, hid_t type,
                                        std::span<const std::int64_t> shape,
                                        const std::string& tensor) {
    const std::string object = tensor + "/" + link;
    const Hdf5Handle dataset = create_dataset(hdf5_, group.id(), link, type, shape, object);
    std::uint64_t bytes = H5Tget_size(type);
    for (const std::int64_t extent : shape) {
        bytes *= static_cast<std::uint64_t>(extent);
    }
    return bytes == 0 ? 0 : leave_out(dataset, bytes, object);
}

void CheckpointImage::create_masked(std::size_t position) {
    const model::TensorInfo& tensor = tensors_[position];
    const std::string object = object_name(kTensorGroup, tensor.name);
    const Hdf5Handle group = create_group(hdf5_, tensor_group_.id(), tensor.name.c_str());
    const std::int64_t offsets = row_offsets_of(tensor);
    MaskedPlaces& places = masked_places_[position];
    places.mask = add_part(group, kMask, H5T_STD_U8LE, mask_shape(tensor), object);
    places.rows = add_part(group, kRowOffsets, H5T_STD_I64LE, std::span(&offsets, 1), object);
}

std::uint64_t CheckpointImage::add_values(std::size_t position, std::uint64_t values) {
    const model::TensorInfo& tensor = tensors_[position];
    const std::string object = object_name(kTensorGroup, tensor.name);
    const Hdf5Handle group =
        hdf5_.own(H5Gopen(tensor_group_.id(), tensor.name.c_str(), H5P_DEFAULT), H5Gclose,
                  "opening the tensor", object);
    const auto count = static_cast<std::int64_t>(values);
    return add_part(group, kValues, hdf5_type(hdf5_, tensor.type).id(), std::span(&count, 1),
                    object);
}

std::uint64_t CheckpointImage::leave_out(const Hdf5Handle& dataset, std::uint64_t bytes,
                                         std::string_view object) {
    const std::uint64_t first = first_byte_of(hdf5_, {dataset.id(), object});
    left_out_.push_back({first, first + bytes});
    return first;
}

std::uint64_t CheckpointImage::size() const {
    if (file_.id() == H5I_INVALID_HID) {
        return bytes_.size();
    }
    hsize_t bytes = 0;
    hdf5_.check(H5Fget_filesize(file_.id(), &bytes), "asking for the size", {});
    return bytes;
}

std::uint64_t CheckpointImage::add_spectrum(const std::string& matrix, std::size_t values) {
    assert(values > 0);
    const std::string object = object_name(kSpectrumGroup, matrix);
    const Hdf5Handle dataset =
        create_vector(hdf5_, spectrum_group_, matrix.c_str(), values, object);
    return leave_out(dataset, values * sizeof(double), object);
}

void CheckpointImage::add_metric(const std::string& name, std::span<const double> values) {
    const std::string object = object_name(kMetricGroup, name);
    const Hdf5Handle dataset =
        create_vector(hdf5_, metric_group_, name.c_str(), values.size(), object);
    const auto extent = static_cast<std::int64_t>(values.size());
    if (extent > 0) {
        write_rows(hdf5_, {dataset.id(), object}, H5T_NATIVE_DOUBLE, std::span(&extent, 1), {0, 1},
                   std::as_bytes(values));
    }
}

void CheckpointImage::write_summary(std::size_t position, const TensorSummary& summary) {
    const model::TensorInfo& tensor = tensors_[position];
    const std::string name = object_name(kTensorGroup, tensor.name);
    const Hdf5Handle dataset =
        hdf5_.own(H5Oopen(tensor_group_.id(), tensor.name.c_str(), H5P_DEFAULT), H5Oclose,
                  "opening the tensor", name);
    const Hdf5Object object{dataset.id(), name};
    const auto values = static_cast<double>(tensor.values());
    const double sparsity = values > 0 ? static_cast<double>(summary.zeros) / values : 0.0;
    write_attribute(hdf5_, object, "sparsity", sparsity);
    write_attribute(hdf5_, object, "sparsity_ratio", summary.sparsity_ratio);
    write_attribute(hdf5_, object, "zeros", summary.zeros);
    write_attribute(hdf5_, object, "checksum", summary.checksum);
    write_attribute(hdf5_, object, "position", static_cast<std::int64_t>(position));
    write_attribute(hdf5_, object, kTypeName, tensor.type.name());
    if (masked_[position] || lies_in_bytes(tensor)) {
        write_attribute(hdf5_, object, kShape, std::span(tensor.shape));
    }
}

void CheckpointImage::complete(std::span<const TensorSummary> summaries) {
    assert(summaries.size() == tensors_.size());
    for (std::size_t t = 0; t < summaries.size(); ++t) {
        write_summary(t, summaries[t]);
    }
    write_attribute(hdf5_, {file_.id(), "/"}, "complete", std::int64_t{1});
    for (Hdf5Handle* group : {&tensor_group_, &spectrum_group_, &metric_group_}) {
        group->close();
    }
    hdf5_.check(file_.close(), "closing the checkpoint", {});
}

void CheckpointImage::copy_to(support::File& file) const {
    std::vector<Extent> extents = left_out_;
    std::ranges::sort(extents, {}, &Extent::begin);
    std::uint64_t at = 0;
    for (const Extent& extent : extents) {
        copy_range(bytes_, file, at, extent.begin);
        at = extent.end;
    }
    copy_range(bytes_, file, at, bytes_.size());
}

}  // namespace alphaprune::checkpoint
