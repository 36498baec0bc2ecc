#include "needed_tensors.hpp"

#include "alphaprune/formats/json.hpp"
#include "alphaprune/model/family.hpp"
#include "block_names.hpp"
#include "tensor_list.hpp"

namespace alphaprune::model {
namespace {

/// The names that a model of a known family has, with the family's base prefix and without it.
std::set<std::string, std::less<>> listed_names(const Catalogue& catalogue) {
    std::set<std::string, std::less<>> names;
    const Family* family = family_of(catalogue.configuration.model_type);
    support::FaultList faults;  // what cannot be listed is not
    const formats::Json config = formats::Json::parse(catalogue.configuration_text, "config.json",
                                                      formats::JsonDialect::python);
    for (const TensorInfo& tensor :
         list_tensors(catalogue.configuration, config, "config.json", faults)) {
        if (family != nullptr && tensor.name.starts_with(family->base_prefix)) {
            names.insert(tensor.name.substr(family->base_prefix.size()));
        }
        names.insert(tensor.name);
    }
    return names;
}

}  // namespace

NeededTensors::NeededTensors(const Catalogue& catalogue)
    : catalogue_(catalogue),
      listed_(listed_names(catalogue)),
      block_prefix_(catalogue.decoder.prefix) {
    for (const TensorInfo& tensor : catalogue.tensors) {
        if (tensor.matrix >= 0) {
            prunable_.insert(tensor.name);
        }
    }
}

bool NeededTensors::contains(std::string_view name) const {
    return prunable_.contains(name) ||
           (listed_.empty() ? is_in_decoder(name) : listed_.contains(name));
}

bool NeededTensors::is_in_decoder(std::string_view name) const {
    if (name == "lm_head.weight" || name == "embed_out.weight") {
        return !catalogue_.configuration.tied_embeddings;
    }
    // "model." of "model.layers."; nothing of "h.", where any name may be the decoder's.
    const std::size_t dot =
        block_prefix_.substr(0, block_prefix_.empty() ? 0 : block_prefix_.size() - 1).rfind('.');
    const auto block = after_prefix(name, block_prefix_);
    return (dot == std::string_view::npos || name.starts_with(block_prefix_.substr(0, dot + 1))) &&
           !(block && block->number >= catalogue_.blocks());
}

}  // namespace alphaprune::model
