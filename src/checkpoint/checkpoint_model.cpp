#include "alphaprune/checkpoint/checkpoint_reader.hpp"
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
    catalogue.stamps = {support::File::open_for_reading(checkpoint).stamp()};
    return catalogue;
}

}  // namespace alphaprune::checkpoint
