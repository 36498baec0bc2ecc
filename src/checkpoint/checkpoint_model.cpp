#include <memory>
#include <unordered_map>

#include "alphaprune/checkpoint/checkpoint_reader.hpp"
#include "alphaprune/model/matrix_slices.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/message.hpp"

namespace alphaprune::checkpoint {
namespace {

constexpr const char* kRepeatRun = "the checkpoint is damaged: repeat the run that wrote it";

const support::BadRequest<std::int64_t, std::size_t> kWrongCount{
    "checkpoint.wrong-count", "the checkpoint declares {} tensors and holds {}",
    "tensors were removed from the file or added to it", kRepeatRun};

const support::BadRequest<std::string, std::int64_t> kBadPosition{
    "checkpoint.bad-position", "tensor {} has the position {}, which is impossible",
    "the positions number the tensors from 0, each once", kRepeatRun};

const support::BadRequest<> kFilesTooLarge{
    "checkpoint.files-too-large", "the files of the model have more bytes than the checkpoint",
    "several names lead to one file", kRepeatRun};

const support::BadRequest<std::string> kOtherModel{
    "checkpoint.other-model", "tensor {} of the model is missing in the checkpoint or differs",
    "the checkpoint is of another model", "name the checkpoint of this very model"};

/// Every tensor that was written, in the order of the model's own files.
std::vector<model::TensorInfo> tensors_in_order(const CheckpointReader& reader,
                                                const std::filesystem::path& checkpoint) {
    const std::vector<StoredTensor>& stored = reader.tensors();
    const auto declared = reader.declared_tensors();
    if (static_cast<std::int64_t>(stored.size()) != declared) {
        throw kWrongCount(checkpoint.string(), declared, stored.size());
    }
    std::vector<model::TensorInfo> tensors(stored.size());
    std::vector<bool> taken(stored.size());
    for (const StoredTensor& tensor : stored) {
        const auto at = static_cast<std::size_t>(tensor.position);
        if (tensor.position < 0 || at >= taken.size() || taken[at]) {
            throw kBadPosition(checkpoint.string(), tensor.name, tensor.position);
        }
        taken[at] = true;
        tensors[at] = tensor;
    }
    return tensors;
}

/// Many names of one large file would take more memory than the checkpoint has bytes.
std::vector<model::AuxiliaryFile> auxiliary_files_of(const CheckpointReader& reader,
                                                     const std::filesystem::path& checkpoint) {
    std::uint64_t left = support::File::open_for_reading(checkpoint).size();
    std::vector<model::AuxiliaryFile> auxiliary_files;
    for (const std::string& name : reader.auxiliary_files()) {
        auxiliary_files.push_back({name, reader.auxiliary_file(name)});
        const std::uint64_t size = auxiliary_files.back().contents.size();
        if (size > left) {
            throw kFilesTooLarge(checkpoint.string());
        }
        left -= size;
    }
    return auxiliary_files;
}

}  // namespace

model::Catalogue catalogue_of_checkpoint(const std::filesystem::path& checkpoint) {
    const CheckpointReader reader(checkpoint);
    model::Catalogue catalogue =
        model::make_catalogue(checkpoint, reader.model_name(), reader.configuration_text(),
                              tensors_in_order(reader, checkpoint));
    catalogue.auxiliary_files = auxiliary_files_of(reader, checkpoint);
    return catalogue;
}

model::RowSource rows_of_checkpoint(const std::filesystem::path& checkpoint,
                                    const model::Catalogue& catalogue) {
    const auto reader = std::make_shared<const CheckpointReader>(checkpoint);
    std::unordered_map<std::string, std::size_t> position;
    for (std::size_t t = 0; t < reader->tensors().size(); ++t) {
        position.emplace(reader->tensors()[t].name, t);
    }
    for (const model::TensorInfo& tensor : catalogue.tensors) {
        const auto found = position.find(tensor.name);
        if (found == position.end() || reader->tensors()[found->second].shape != tensor.shape ||
            reader->tensors()[found->second].type != tensor.type) {
            throw kOtherModel(checkpoint.string(), tensor.name);
        }
    }
    return model::with_matrix_rows(
        [reader, position = std::move(position)](
            const model::TensorInfo& tensor, parallel::RowRange rows, std::span<std::byte> out) {
            reader->read_rows(reader->tensors()[position.at(tensor.name)], rows, out);
        },
        catalogue);
}

}  // namespace alphaprune::checkpoint
