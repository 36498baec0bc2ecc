#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "alphaprune/checkpoint/checkpoint_reader.hpp"
#include "alphaprune/checkpoint/export.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/file.hpp"

namespace alphaprune::checkpoint {
namespace {

support::Error damaged(std::string what, const std::filesystem::path& checkpoint) {
    return support::bad_request(std::move(what), checkpoint.string(),
                                "the checkpoint is damaged: repeat the run that wrote it");
}

/// Every tensor that was written, in the order of the model's own files.
std::vector<model::TensorInfo> tensors_in_order(const CheckpointReader& reader,
                                                const std::filesystem::path& checkpoint) {
    const std::vector<StoredTensor>& stored = reader.tensors();
    const auto declared = reader.declared_tensors();
    if (static_cast<std::int64_t>(stored.size()) != declared) {
        throw damaged(
            fmt::format("the checkpoint declares {} tensors and holds {}", declared, stored.size()),
            checkpoint);
    }
    std::vector<model::TensorInfo> tensors(stored.size());
    std::vector<bool> taken(stored.size());
    for (const StoredTensor& tensor : stored) {
        const auto at = static_cast<std::size_t>(tensor.position);
        if (tensor.position < 0 || at >= taken.size() || taken[at]) {
            throw damaged(fmt::format("tensor {} has the position {}, which cannot be", tensor.name,
                                      tensor.position),
                          checkpoint);
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
            throw damaged("the files of the model have more bytes than the checkpoint", checkpoint);
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
            throw support::bad_request(
                fmt::format("tensor {} of the model is not in the checkpoint as it "
                            "must be",
                            tensor.name),
                checkpoint.string(), "name the checkpoint of this very model");
        }
    }
    return [reader, position = std::move(position)](
               const model::TensorInfo& tensor, parallel::RowRange rows, std::span<std::byte> out) {
        reader->read_rows(reader->tensors()[position.at(tensor.name)], rows, out);
    };
}

}  // namespace alphaprune::checkpoint
