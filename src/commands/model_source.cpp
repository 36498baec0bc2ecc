#include "model_source.hpp"

#include "alphaprune/checkpoint/export.hpp"
#include "alphaprune/model/weight_reader.hpp"
#include "alphaprune/parallel/agreement.hpp"

namespace alphaprune {

bool is_checkpoint(const std::filesystem::path& model) {
    std::error_code ignored;
    return std::filesystem::is_regular_file(model, ignored);
}

Catalogue load_catalogue(const Communicator& ranks, const std::filesystem::path& model) {
    return deserialize_catalogue(from_root(ranks, [&] {
        return serialize(is_checkpoint(model) ? catalogue_of_checkpoint(model)
                                              : read_catalogue(model));
    }));
}

RowSource open_source(const std::filesystem::path& model, const Catalogue& catalogue) {
    if (is_checkpoint(model)) {
        return rows_of_checkpoint(model, catalogue);
    }
    const auto reader = std::make_shared<WeightReader>(catalogue);
    return [reader](const TensorInfo& tensor, RowRange rows, std::span<std::byte> out) {
        reader->read_rows(tensor, rows, out);
    };
}

}  // namespace alphaprune
