#include <utility>
#include <vector>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/model/named_shape.hpp"
#include "alphaprune/model/synthetic.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/file.hpp"
#include "find_matrices.hpp"
#include "model_folder.hpp"
#include "tensor_list.hpp"

namespace alphaprune::model {
namespace {

/// Everything that follows from the configuration.
void fill_from_configuration(Catalogue& catalogue, const std::string& where) {
    const formats::Json config =
        formats::Json::parse(catalogue.configuration_text, where, formats::JsonDialect::python);
    catalogue.origin = WeightOrigin::synthetic;
    catalogue.configuration = read_configuration(config, where);
    support::FaultList faults;
    catalogue.tensors = list_tensors(catalogue.configuration, config, where, faults);
    faults.throw_if_any();
    find_matrices(catalogue, faults);
    faults.throw_if_any();
}

}  // namespace

Catalogue synthetic_catalogue(const NamedShape& shape) {
    Catalogue catalogue;
    catalogue.model_name = std::string(shape.name) + "-synthetic";
    catalogue.folder = shape.name;
    catalogue.configuration_text = configuration_text_of(shape);
    catalogue.auxiliary_files.emplace();
    fill_from_configuration(catalogue, "the configuration of " + std::string(shape.name));
    return catalogue;
}

Catalogue synthetic_catalogue(const std::filesystem::path& folder, std::string name) {
    require_model_folder(folder);
    const auto file = folder / "config.json";
    Catalogue catalogue;
    catalogue.model_name = (name.empty() ? folder_name(folder) : std::move(name)) + "-synthetic";
    catalogue.folder = folder;
    catalogue.configuration_text = support::read_text(file);
    fill_from_configuration(catalogue, file.string());
    return catalogue;
}

}  // namespace alphaprune::model
