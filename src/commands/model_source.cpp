#include "inputs.hpp"

#include <memory>

#include "alphaprune/checkpoint/checkpoint_reader.hpp"
#include "alphaprune/model/auxiliary_files.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/family.hpp"
#include "alphaprune/model/find_model.hpp"
#include "alphaprune/model/weight_check.hpp"
#include "alphaprune/model/weight_reader.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/environment.hpp"
#include "alphaprune/support/file_system.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/message.hpp"
#include "output_folder.hpp"

namespace alphaprune::commands {
namespace {

namespace fs = std::filesystem;
using support::BadRequest;

const BadRequest<> kOutputFolder{
    "commands.output-folder-as-model", "this is the output folder of a run, not a model",
    "--model names what a run has written", "name the checkpoint.h5 in it, or its folder hf"};
const BadRequest<> kSyntheticCheckpoint{
    "commands.synthetic-checkpoint",
    "--synthetic has no meaning for a checkpoint, which has its weights",
    "a checkpoint.h5 is named as the model",
    "leave it out, or name a model folder or a short name such as 7b"};
const BadRequest<> kRevisionOfFile{"commands.revision-of-a-file",
                                   "--revision has no effect with a file",
                                   "only models in the caches of Hugging Face have revisions",
                                   "leave it out, or name the model as ORG/NAME"};

bool is_output_folder(const fs::path& path) {
    return fs::exists(support::status_of(path / "report.json")) &&
           !fs::exists(support::status_of(path / "config.json"));
}

/// A run's output folder is easily taken for the model in it.
void refuse_output_folder(const fs::path& model) {
    if (is_output_folder(model)) {
        throw kOutputFolder(model.string());
    }
}

model::Catalogue catalogue_at(const fs::path& model) {
    refuse_output_folder(model);
    if (is_checkpoint(model)) {
        model::refuse_other_format(model);
    }
    return is_checkpoint(model) ? checkpoint::catalogue_of_checkpoint(model)
                                : model::read_catalogue(model);
}

model::Catalogue found_by_name(const model::FoundModel& found) {
    model::Catalogue catalogue = catalogue_at(found.folder);
    if (!found.name.empty()) {
        catalogue.model_name = found.name;
    }
    return catalogue;
}

model::Catalogue synthetic(const std::string& model, const model::ModelPlaces& places) {
    if (is_checkpoint(model)) {
        throw kSyntheticCheckpoint(model);
    }
    const model::NamedShape* shape = model::shape_named(model);
    if (shape != nullptr && places.revision.empty() &&
        !fs::exists(support::status_of(fs::path(model) / "config.json"))) {
        return model::synthetic_catalogue(*shape);
    }
    const model::FoundModel found = model::find_model(model, places);
    return model::synthetic_catalogue(found.folder, found.name);
}

model::Catalogue requested(const cli::Options& options) {
    const std::string model = options.model.string();
    const model::ModelPlaces places{options.model_root,
                                    model::hugging_face_caches(support::environment_variable),
                                    model::shipped_models(), options.revision};
    if (is_checkpoint(model) && !options.revision.empty()) {
        throw kRevisionOfFile(model);
    }
    if (options.synthetic) {
        return synthetic(model, places);
    }
    return is_checkpoint(model) ? catalogue_at(model)
                                : found_by_name(model::find_model(model, places));
}

/// Other commands take a model as it is, prunable or not.
bool needs_matrices(cli::Command command) {
    return cli::prunes(command) || command == cli::Command::analyze ||
           command == cli::Command::plan;
}

}  // namespace

fs::path model_in(const fs::path& path) {
    if (!is_output_folder(path)) {
        return path;
    }
    return is_checkpoint(path / kCheckpointName) ? path / kCheckpointName : path / kFolderName;
}

bool is_checkpoint(const fs::path& model) {
    return fs::is_regular_file(support::status_of(model));
}

model::Catalogue load_model(const parallel::Communicator& ranks, const cli::Options& options) {
    model::Catalogue catalogue = model::deserialize_catalogue(parallel::text_from_root(ranks, [&] {
        model::Catalogue found = requested(options);
        if (needs_matrices(options.command)) {
            model::choose_matrices(found, options.matrices);
        }
        if (options.blocks) {
            model::keep_blocks(found, *options.blocks);
        }
        if (options.command != cli::Command::export_model) {  // it copies whatever there is
            model::require_weight_types(found, model::prunable_tensors(found), "prunable weights");
        }
        if (cli::prunes(options.command) || options.command == cli::Command::export_model) {
            for (std::string& warning : model::check_auxiliary_files(found)) {
                found.warnings.push_back(std::move(warning));
            }
        }
        return model::serialize(found);
    }));
    say_warnings(catalogue.warnings);
    return catalogue;
}

void say_warnings(const std::vector<std::string>& warnings) {
    for (const std::string& warning : warnings) {
        support::log_warning(warning);
    }
}

model::Catalogue load_catalogue(const parallel::Communicator& ranks, const fs::path& model) {
    return model::deserialize_catalogue(
        parallel::text_from_root(ranks, [&] { return model::serialize(catalogue_at(model)); }));
}

model::RowSource open_source(const model::Catalogue& catalogue) {
    const auto reader = std::make_shared<model::WeightReader>(catalogue);
    return [reader](const model::TensorInfo& tensor, parallel::RowRange rows,
                    std::span<std::byte> out) { reader->read_rows(tensor, rows, out); };
}

}  // namespace alphaprune::commands
