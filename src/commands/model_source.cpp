#include "model_source.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <memory>

#include "alphaprune/checkpoint/export.hpp"
#include "alphaprune/model/companions.hpp"
#include "alphaprune/model/find_model.hpp"
#include "alphaprune/model/named_shape.hpp"
#include "alphaprune/model/other_formats.hpp"
#include "alphaprune/model/synthetic.hpp"
#include "alphaprune/model/weight_reader.hpp"
#include "alphaprune/model/weight_types.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/environment.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/system_error.hpp"

namespace alphaprune {
namespace {

namespace fs = std::filesystem;

/// A run's output folder is easily taken for the model in it.
void refuse_output_folder(const fs::path& model) {
    if (fs::exists(status_of(model / "report.json")) &&
        !fs::exists(status_of(model / "config.json"))) {
        throw bad_request("this is the output folder of a run, not a model", model.string(),
                          "name the checkpoint.h5 in it, or its folder hf");
    }
}

Catalogue catalogue_at(const fs::path& model) {
    refuse_output_folder(model);
    if (is_checkpoint(model)) {
        refuse_other_format(model);
    }
    return is_checkpoint(model) ? catalogue_of_checkpoint(model) : read_catalogue(model);
}

Catalogue found_by_name(const FoundModel& found) {
    Catalogue catalogue = catalogue_at(found.folder);
    if (!found.name.empty()) {
        catalogue.model_name = found.name;
    }
    return catalogue;
}

Catalogue stand_in(const std::string& model, const ModelPlaces& places) {
    if (is_checkpoint(model)) {
        throw bad_request("--synthetic has no meaning for a checkpoint, which has its weights",
                          model, "leave it out, or name a model folder or a short name such as 7b");
    }
    const NamedShape* shape = shape_named(model);
    if (shape != nullptr && places.revision.empty() &&
        !fs::exists(status_of(fs::path(model) / "config.json"))) {
        return synthetic_catalogue(*shape);
    }
    const FoundModel found = find_model(model, places);
    return synthetic_catalogue(found.folder, found.name);
}

Catalogue requested(const Options& options) {
    const std::string model = options.model.string();
    const ModelPlaces places{options.model_root, hugging_face_caches(environment_variable),
                             shipped_models(), options.revision};
    if (is_checkpoint(model) && !options.revision.empty()) {
        throw bad_request("--revision has no effect with a file", model,
                          "leave it out, or name the model as ORG/NAME");
    }
    if (options.synthetic) {
        return stand_in(model, places);
    }
    return is_checkpoint(model) ? catalogue_at(model) : found_by_name(find_model(model, places));
}

/// Other commands take a model as it is, prunable or not.
bool looks_at_matrices(Command command) {
    return command == Command::run || command == Command::analyze || command == Command::plan;
}

}  // namespace

bool is_checkpoint(const fs::path& model) {
    return fs::is_regular_file(status_of(model));
}

Catalogue load_model(const Communicator& ranks, const Options& options) {
    Catalogue catalogue = deserialize_catalogue(from_root(ranks, [&] {
        Catalogue found = requested(options);
        if (looks_at_matrices(options.command)) {
            choose_matrices(found, options.matrices);
        }
        if (options.blocks) {
            keep_blocks(found, *options.blocks);
        }
        if (options.command != Command::export_model) {  // that carries whatever there is
            require_weight_types(found, prunable_tensors(found), "prunable weights");
        }
        if (options.command == Command::run || options.command == Command::export_model) {
            for (std::string& warning : check_companions(found)) {
                found.warnings.push_back(std::move(warning));
            }
        }
        return serialize(found);
    }));
    say_warnings(catalogue.warnings);
    return catalogue;
}

void say_warnings(const std::vector<std::string>& warnings) {
    for (const std::string& warning : warnings) {
        log_warning(warning);
    }
}

Catalogue load_catalogue(const Communicator& ranks, const fs::path& model) {
    return deserialize_catalogue(from_root(ranks, [&] { return serialize(catalogue_at(model)); }));
}

std::vector<std::string> notes_on(const Catalogue& catalogue, const Options& options) {
    std::vector<std::string> notes = catalogue.warnings;
    if (catalogue.origin == WeightOrigin::synthetic) {
        notes.emplace_back("the weights are synthetic: made up, in the shape of the model");
    }
    if (options.blocks) {
        const auto [first, last] = *options.blocks;
        notes.push_back(
            fmt::format("only {} (--blocks): the others are neither measured nor pruned",
                        first == last ? fmt::format("block {}", first)
                                      : fmt::format("blocks {} to {}", first, last)));
    }
    return notes;
}

RowSource open_source(const Catalogue& catalogue) {
    if (catalogue.origin == WeightOrigin::single_file) {
        return rows_of_checkpoint(catalogue.folder / catalogue.shards.front(), catalogue);
    }
    const auto reader = std::make_shared<WeightReader>(catalogue);
    return [reader](const TensorInfo& tensor, RowRange rows, std::span<std::byte> out) {
        reader->read_rows(tensor, rows, out);
    };
}

}  // namespace alphaprune
