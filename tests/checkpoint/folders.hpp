#pragma once

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "alphaprune/checkpoint/hugging_face_writer.hpp"
#include "alphaprune/formats/bitmask.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/weight_reader.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/scalar.hpp"
#include "checkpoint/sample_checkpoint.hpp"

namespace alphaprune::test {

inline const std::filesystem::path kRoot = ALPHAPRUNE_SOURCE_DIR;

/// A source for the weights of a folder or checkpoint. @param catalogue  outlives it
inline model::RowSource rows_of_folder(const model::Catalogue& catalogue) {
    const auto reader = std::make_shared<model::WeightReader>(catalogue);
    return [reader](const model::TensorInfo& tensor, parallel::RowRange rows,
                    std::span<std::byte> out) { reader->read_rows(tensor, rows, out); };
}

/// All tensors in an order that every writer takes: those that may have masks first.
inline std::vector<int> order_of_writing(const model::Catalogue& catalogue) {
    std::vector<int> order = checkpoint::masked_order(catalogue);
    for (int t = 0; t < std::ssize(catalogue.tensors); ++t) {
        if (std::ranges::find(order, t) == order.end()) {
            order.push_back(t);
        }
    }
    return order;
}

/// Collective: hands over a tensor, each rank its share of the rows.
template <class Writer>
void copy_tensor(const parallel::Communicator& ranks, const model::Catalogue& catalogue, int number,
                 const model::RowSource& source, Writer& writer) {
    const model::TensorInfo& tensor = catalogue.tensors[static_cast<std::size_t>(number)];
    const parallel::RowRange mine = parallel::share_of(tensor.rows(), ranks.size(), ranks.rank());
    std::vector<std::byte> bytes(static_cast<std::size_t>(mine.size()) * tensor.row_bytes());
    source(tensor, mine, bytes);
    if (tensor.matrix >= 0) {
        writer.announce(number, mine,
                        formats::count_values(bytes, support::size_of(tensor.scalar_type())));
    }
    writer.write_rows(number, mine, bytes);
}

/// Collective: hands over every tensor.
template <class Writer>
void copy_rows(const parallel::Communicator& ranks, const model::Catalogue& catalogue,
               const model::RowSource& source, Writer& writer) {
    for (const int tensor : order_of_writing(catalogue)) {
        copy_tensor(ranks, catalogue, tensor, source, writer);
    }
}

/// Collective: the whole of a model as a folder.
inline void export_model(const parallel::Communicator& ranks, const model::Catalogue& catalogue,
                         const model::RowSource& source, const std::filesystem::path& folder,
                         std::uint64_t shard_bytes) {
    checkpoint::HuggingFaceWriter writer(ranks, catalogue, folder, {{"made_by", "a test"}}, {},
                                         shard_bytes);
    copy_rows(ranks, catalogue, source, writer);
    writer.finish();
}

/// Collective: the whole of a model as a checkpoint, nothing pruned, its summaries left out.
inline void checkpoint_model(const parallel::Communicator& ranks, const model::Catalogue& catalogue,
                             const model::RowSource& source, const std::filesystem::path& file) {
    checkpoint::CheckpointWriter writer(ranks, catalogue, file);
    copy_rows(ranks, catalogue, source, writer);
    writer.finish(std::vector<checkpoint::TensorSummary>(catalogue.tensors.size()));
}

/// Every file of a folder with its contents.
inline std::map<std::string, std::string> files_in(const std::filesystem::path& folder) {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (entry.is_regular_file()) {
            files[entry.path().lexically_relative(folder).string()] =
                support::read_text(entry.path());
        }
    }
    return files;
}

}  // namespace alphaprune::test
