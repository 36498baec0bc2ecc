#include "model_source.hpp"

#include "alphaprune/checkpoint/export.hpp"
#include "alphaprune/model/weight_reader.hpp"
#include "alphaprune/parallel/agreement.hpp"

namespace alphaprune {

namespace {

/// A run's output folder is easily taken for the model in it.
void refuse_output_folder(const std::filesystem::path& model) {
    std::error_code ignored;
    if (std::filesystem::exists(model / "report.json", ignored) &&
        !std::filesystem::exists(model / "config.json", ignored)) {
        throw bad_request("this is the output folder of a run, not a model", model.string(),
                          "name the checkpoint.h5 in it, or its folder hf");
    }
}

}  // namespace

bool is_checkpoint(const std::filesystem::path& model) {
    std::error_code ignored;
    return std::filesystem::is_regular_file(model, ignored);
}

Catalogue load_catalogue(const Communicator& ranks, const std::filesystem::path& model) {
    return deserialize_catalogue(from_root(ranks, [&] {
        refuse_output_folder(model);
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
