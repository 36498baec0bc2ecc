#include "alphaprune/checkpoint/checkpoint_reader.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "alphaprune/model/auxiliary_files.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/message.hpp"
#include "checkpoint_layout.hpp"
#include "hdf5_dataset.hpp"

namespace alphaprune::checkpoint {
namespace {

constexpr const char* kNameCheckpoint = "name a checkpoint.h5 that this program has written";

const support::BadRequest<> kNotHdf5{"checkpoint.not-hdf5", "this is not an HDF5 file",
                                     "another kind of file was named, or its beginning is damaged",
                                     kNameCheckpoint};

const support::BadRequest<> kForeign{
    "checkpoint.foreign-hdf5", "this HDF5 file is not a checkpoint of this program",
    "its attribute 'format' is missing or names another format", kNameCheckpoint};

const support::BadRequest<std::int64_t, std::int64_t, std::int64_t> kOtherVersion{
    "checkpoint.other-version",
    "the checkpoint has the format version {}; this program reads versions {} and {}",
    "another version of the program wrote it", "use the program version that wrote it"};

const support::BadRequest<> kIncomplete{
    "checkpoint.incomplete", "the checkpoint is not complete: the run that wrote it did not finish",
    "the run was interrupted, or the file was copied while it was being written",
    "repeat that run"};

const support::BadRequest<> kBadTypeName{
    "checkpoint.bad-type-name", "the attribute 'dtype' cannot be the name of a type",
    "type names have at most 64 letters, digits and some signs", kReplaceFile};

const support::BadRequest<> kUnknownType{
    "checkpoint.unknown-type",
    "the values are not of type F32, F16 or BF16, and there is no attribute 'dtype'",
    "checkpoints without that attribute hold these three types only", kReplaceFile};

const support::BadRequest<std::string_view, std::string> kMismatch{
    "checkpoint.dataset-mismatch",
    "the dataset does not fit its attributes: dtype {} and shape [{}] make another one",
    "type, shape and bytes of a tensor disagree", kReplaceFile};

/// Refuses what is no HDF5 file at all before the library sees it. @return the file's size
std::uint64_t require_hdf5_file(const std::filesystem::path& path) {
    constexpr std::array<unsigned char, 8> kSignature{0x89, 'H', 'D', 'F', '\r', '\n', 0x1A, '\n'};
    const support::File file = support::File::open_for_reading(path);
    const std::uint64_t size = file.size();
    std::array<unsigned char, 8> begin{};
    if (size >= begin.size()) {
        file.read_at(0, std::as_writable_bytes(std::span(begin)));
    }
    if (begin != kSignature) {
        throw kNotHdf5(path.string());
    }
    return size;
}

herr_t take_name(hid_t, const char* name, const H5L_info_t* link, void* names) {
    try {
        const std::string_view text(name);
        if (link->type != H5L_TYPE_HARD || text.empty() || text.find('/') != text.npos) {
            return -1;  // a link that leads out of the file, a name that is a path
        }
        static_cast<std::vector<std::string>*>(names)->emplace_back(text);
        return 0;
    } catch (...) {
        return -1;  // no exception may pass through the library
    }
}

std::vector<std::string> names_in(const Hdf5Calls& hdf5, const Hdf5Handle& group,
                                  std::string_view object) {
    std::vector<std::string> names;
    hsize_t position = 0;
    // In native order HDF5 walks its index; for any other it first builds a table of all links, and
    // when an index is damaged it frees entries of that table that it has not filled (1.10.8).
    hdf5.check(H5Literate(group.id(), H5_INDEX_NAME, H5_ITER_NATIVE, &position, take_name, &names),
               "listing the group", object);
    std::ranges::sort(names);
    return names;
}

/// Whether this is a checkpoint that can be read, before anything else is believed.
void require_whole_checkpoint(const Hdf5Calls& hdf5, Hdf5Object root) {
    const std::string path = hdf5.file().string();
    if (!has_attribute(hdf5, root, "format") ||
        read_text_attribute(hdf5, root, "format") != kFormatName) {
        throw kForeign(path);
    }
    const std::int64_t version = read_number<std::int64_t>(hdf5, root, "version");
    if (version != kFormatVersion && version != kBitmaskVersion) {
        throw kOtherVersion(path, version, kFormatVersion, kBitmaskVersion);
    }
    if (!has_attribute(hdf5, root, "complete") ||
        read_number<std::int64_t>(hdf5, root, "complete") != 1) {
        throw kIncomplete(path);
    }
}

/// What a dataset says by its type; files of older versions have no attribute.
support::StoredType type_of(const Hdf5Calls& hdf5, const DatasetForm& form, Hdf5Object dataset) {
    if (has_attribute(hdf5, dataset, kTypeName)) {
        const std::string name = read_text_attribute(hdf5, dataset, kTypeName);
        if (!support::is_type_name(name)) {
            throw kBadTypeName(hdf5.where(dataset.name));
        }
        return support::StoredType(name);
    }
    const std::optional<support::ScalarType> type = scalar_type_of(hdf5, form.type.id());
    if (!type) {
        throw kUnknownType(hdf5.where(dataset.name));
    }
    return *type;
}

}  // namespace

struct CheckpointReader::State {
    explicit State(const std::filesystem::path& path)
        : hdf5(Hdf5Calls::reading(path)), file_size(require_hdf5_file(path)) {
        file = open_file(hdf5);
        const Hdf5Object root{file.id(), "/"};
        require_whole_checkpoint(hdf5, root);
        model_name = read_text_attribute(hdf5, root, "model");
        declared_tensors = read_number<std::int64_t>(hdf5, root, "tensors");
        model_group = open_group(hdf5, file, kModelGroup);
        configuration_text = read_configuration();
        auxiliary_files = names_in(hdf5, model_group, object_name(kModelGroup, ""));
        std::ranges::transform(auxiliary_files, auxiliary_files.begin(), file_of_link);
        std::ranges::sort(auxiliary_files);
        std::erase_if(auxiliary_files,
                      [](const std::string& name) { return !model::is_auxiliary_file(name); });
        tensor_group = open_group(hdf5, file, kTensorGroup);
        for (std::string& name : names_in(hdf5, tensor_group, object_name(kTensorGroup, ""))) {
            tensors.push_back(describe(std::move(name)));
        }
    }

    std::string read_configuration() const;
    void read_form(const DatasetForm& form, Hdf5Object dataset, model::TensorInfo& tensor) const;
    StoredTensor describe(std::string name) const;
    void read_masked_form(Hdf5Object group, model::TensorInfo& tensor) const;
    DatasetForm open_part(Hdf5Object group, const char* link, hid_t type,
                          std::span<const std::int64_t> shape) const;
    std::optional<std::vector<double>> read_vector(const char* group_name,
                                                   std::string_view link) const;

    Hdf5Calls hdf5;
    std::uint64_t file_size;
    Hdf5Handle file;
    Hdf5Handle model_group;
    Hdf5Handle tensor_group;
    std::string model_name;
    std::int64_t declared_tensors = 0;
    std::string configuration_text;
    std::vector<std::string> auxiliary_files;
    std::vector<StoredTensor> tensors;
};

std::string CheckpointReader::State::read_configuration() const {
    const std::string object = object_name(kModelGroup, kConfiguration);
    require_inside(hdf5, model_group.id(), kConfiguration, object);
    const DatasetForm form =
        open_dataset(hdf5, model_group.id(), kConfiguration, file_size, object);
    if (H5Tget_class(form.type.id()) != H5T_STRING || H5Tis_variable_str(form.type.id()) != 0 ||
        H5Tget_size(form.type.id()) != form.bytes) {
        throw kWrongKind(hdf5.where(object), "one text of a fixed length");
    }
    std::string text(form.bytes, '\0');
    hdf5.check(
        H5Dread(form.dataset.id(), form.type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, text.data()),
        "reading the configuration", object);
    text.resize(std::min(text.find('\0'), text.size()));
    return text;
}

/// Type, shape and size of a tensor, which must agree with each other and with the dataset.
void CheckpointReader::State::read_form(const DatasetForm& form, Hdf5Object dataset,
                                        model::TensorInfo& tensor) const {
    tensor.type = type_of(hdf5, form, dataset);
    tensor.shape =
        has_attribute(hdf5, dataset, kShape) ? read_integers(hdf5, dataset, kShape) : form.shape;
    tensor.unknown_bytes = form.bytes;
    const auto bits = static_cast<std::size_t>(tensor.type.bits().value_or(8));
    const std::uint64_t size = checked_size(hdf5, tensor.shape, bits, dataset.name);
    const bool fits = !tensor.type.bits() || (size % 8 == 0 && size / 8 == form.bytes);
    if (!fits || H5Tequal(form.type.id(), dataset_type(hdf5, tensor).id()) <= 0 ||
        dataset_shape(tensor) != form.shape) {
        throw kMismatch(hdf5.where(dataset.name), tensor.type.name(),
                        fmt::format("{}", fmt::join(tensor.shape, ", ")));
    }
}

/// One of the datasets of a masked tensor. @param shape  empty: any of one dimension
DatasetForm CheckpointReader::State::open_part(Hdf5Object group, const char* link, hid_t type,
                                               std::span<const std::int64_t> shape) const {
    const std::string object = std::string(group.name) + "/" + link;
    if (!has_link(hdf5, group.id, link)) {
        throw kWrongKind(hdf5.where(group.name), "a tensor with a mask, row offsets and values");
    }
    require_inside(hdf5, group.id, link, object);
    DatasetForm form = open_dataset(hdf5, group.id, link, file_size, object);
    const bool fits =
        shape.empty() ? form.shape.size() == 1 : std::ranges::equal(form.shape, shape);
    if (!fits || H5Tequal(form.type.id(), type) <= 0) {
        throw kWrongKind(hdf5.where(object), "this part of a tensor of that type and shape");
    }
    return form;
}

void CheckpointReader::State::read_masked_form(Hdf5Object group, model::TensorInfo& tensor) const {
    const std::string type = read_text_attribute(hdf5, group, kTypeName);
    tensor.shape = read_integers(hdf5, group, kShape);
    if (!support::is_type_name(type) || !support::StoredType(type).scalar() ||
        tensor.shape.empty()) {
        throw kWrongKind(hdf5.where(group.name), "a tensor of weights with a mask");
    }
    tensor.type = support::StoredType(type);
    const auto bits = static_cast<std::size_t>(*tensor.type.bits());
    const std::uint64_t size = checked_size(hdf5, tensor.shape, bits, group.name) / bits;
    if (size == 0) {
        throw kWrongKind(hdf5.where(group.name), "a tensor that has values");
    }
    const std::int64_t offsets = row_offsets_of(tensor);
    const Hdf5Handle stored = hdf5_type(hdf5, tensor.type);
    const DatasetForm mask = open_part(group, kMask, H5T_STD_U8LE, mask_shape(tensor));
    const DatasetForm rows = open_part(group, kRowOffsets, H5T_STD_I64LE, std::span(&offsets, 1));
    const DatasetForm values = open_part(group, kValues, stored.id(), {});
    if (static_cast<std::uint64_t>(values.shape.front()) > size) {
        throw kWrongKind(hdf5.where(group.name), "a tensor with at most the values of its shape");
    }
    tensor.bitmask.emplace();
    tensor.bitmask->mask_offset = first_byte_of(hdf5, {mask.dataset.id(), group.name});
    tensor.bitmask->rows_offset = first_byte_of(hdf5, {rows.dataset.id(), group.name});
    tensor.bitmask->values = static_cast<std::uint64_t>(values.shape.front());
    tensor.offset = values.bytes > 0 ? first_byte_of(hdf5, {values.dataset.id(), group.name}) : 0;
}

StoredTensor CheckpointReader::State::describe(std::string name) const {
    const std::string object = object_name(kTensorGroup, name);
    StoredTensor tensor;
    tensor.name = name;
    const Hdf5Handle opened = hdf5.own(H5Oopen(tensor_group.id(), name.c_str(), H5P_DEFAULT),
                                       H5Oclose, "opening the tensor", object);
    const Hdf5Object dataset{opened.id(), object};
    if (H5Iget_type(opened.id()) == H5I_GROUP) {
        read_masked_form(dataset, tensor);
    } else {
        const DatasetForm form =
            open_dataset(hdf5, tensor_group.id(), name.c_str(), file_size, object);
        read_form(form, dataset, tensor);
        tensor.offset = form.bytes > 0 ? first_byte_of(hdf5, dataset) : 0;
    }
    tensor.sparsity = read_number<double>(hdf5, dataset, "sparsity");
    tensor.summary.sparsity_ratio = read_number<double>(hdf5, dataset, "sparsity_ratio");
    tensor.summary.zeros = read_number<std::int64_t>(hdf5, dataset, "zeros");
    tensor.summary.checksum = read_number<std::uint64_t>(hdf5, dataset, "checksum");
    tensor.position = read_number<std::int64_t>(hdf5, dataset, "position");
    return tensor;
}

std::optional<std::vector<double>> CheckpointReader::State::read_vector(
    const char* group_name, std::string_view link) const {
    const std::string object = object_name(group_name, link);
    const std::string name(link);
    const Hdf5Handle group = open_group(hdf5, file, group_name);
    if (name.empty() || name.find('/') != std::string::npos ||
        !has_link(hdf5, group.id(), name.c_str())) {
        return std::nullopt;
    }
    require_inside(hdf5, group.id(), name.c_str(), object);
    const DatasetForm form = open_dataset(hdf5, group.id(), name.c_str(), file_size, object);
    if (H5Tequal(form.type.id(), H5T_IEEE_F64LE) <= 0 || form.shape.size() != 1) {
        throw kWrongKind(hdf5.where(object), "a vector of float64");
    }
    std::vector<double> values(static_cast<std::size_t>(form.shape.front()));
    if (!values.empty()) {
        alphaprune::checkpoint::read_rows(hdf5, {form.dataset.id(), object}, H5T_NATIVE_DOUBLE,
                                          form.shape, {0, 1},
                                          std::as_writable_bytes(std::span(values)));
    }
    return values;
}

CheckpointReader::CheckpointReader(const std::filesystem::path& path)
    : state_(std::make_unique<State>(path)) {}
CheckpointReader::CheckpointReader(CheckpointReader&&) noexcept = default;
CheckpointReader::~CheckpointReader() = default;

const std::string& CheckpointReader::model_name() const {
    return state_->model_name;
}
const std::string& CheckpointReader::configuration_text() const {
    return state_->configuration_text;
}
std::int64_t CheckpointReader::declared_tensors() const {
    return state_->declared_tensors;
}
const std::vector<StoredTensor>& CheckpointReader::tensors() const {
    return state_->tensors;
}
const std::vector<std::string>& CheckpointReader::auxiliary_files() const {
    return state_->auxiliary_files;
}
std::string CheckpointReader::auxiliary_file(const std::string& file_name) const {
    return read_file(state_->hdf5, state_->model_group, file_name, state_->file_size);
}

void CheckpointReader::read_rows(const StoredTensor& tensor, parallel::RowRange rows,
                                 std::span<std::byte> out) const {
    assert(rows.begin >= 0 && rows.begin <= rows.end && rows.end <= tensor.rows());
    assert(out.size() == static_cast<std::uint64_t>(rows.size()) * tensor.row_bytes());
    if (out.empty()) {
        return;
    }
    const Hdf5Calls& hdf5 = state_->hdf5;
    if (tensor.bitmask) {
        const support::File file = support::File::open_for_reading(hdf5.file());
        const auto read = [&](int, std::uint64_t offset, std::span<std::byte> bytes) {
            file.read_at(offset, bytes);
        };
        model::read_bitmask(tensor, hdf5.where(object_name(kTensorGroup, tensor.name)),
                            {rows.begin, rows.end, 0, tensor.row_length()}, read, out);
        return;
    }
    const std::string object = object_name(kTensorGroup, tensor.name);
    const Hdf5Handle dataset =
        hdf5.own(H5Dopen2(state_->tensor_group.id(), tensor.name.c_str(), H5P_DEFAULT), H5Dclose,
                 "opening the dataset", object);
    const Hdf5Handle type = dataset_type(hdf5, tensor);
    alphaprune::checkpoint::read_rows(hdf5, {dataset.id(), object}, type.id(),
                                      dataset_shape(tensor), rows, out);
}

std::optional<std::vector<double>> CheckpointReader::spectrum(std::string_view matrix) const {
    return state_->read_vector(kSpectrumGroup, matrix);
}
std::optional<std::vector<double>> CheckpointReader::metric(std::string_view name) const {
    return state_->read_vector(kMetricGroup, name);
}

}  // namespace alphaprune::checkpoint
