#include "alphaprune/model/weight_types.hpp"

#include <fmt/format.h>

#include <map>
#include <set>

#include "alphaprune/support/error.hpp"
#include "name_list.hpp"

namespace alphaprune::model {

std::vector<int> prunable_tensors(const Catalogue& catalogue) {
    std::vector<int> tensors;
    for (std::size_t t = 0; t < catalogue.tensors.size(); ++t) {
        if (catalogue.tensors[t].matrix >= 0) {
            tensors.push_back(static_cast<int>(t));
        }
    }
    return tensors;
}

void require_weight_types(const Catalogue& catalogue, std::span<const int> tensors,
                          const std::string& what) {
    std::map<std::string, std::vector<std::string>> names_by_type;
    for (const int index : std::set<int>(tensors.begin(), tensors.end())) {
        const TensorInfo& tensor = catalogue.tensors[static_cast<std::size_t>(index)];
        if (!tensor.type.scalar()) {
            names_by_type[tensor.type.name()].push_back(tensor.name);
        }
    }
    support::FaultList faults;
    for (const auto& [type, names] : names_by_type) {
        faults.add(fmt::format("{} have the dtype {}, and only {} are read: {}", what, type,
                               support::scalar_type_names(), list_names(names)),
                   catalogue.folder.string(),
                   "convert the model, or take its unquantised original; with transformers: "
                   "model.to(torch.bfloat16).save_pretrained(...)");
    }
    faults.throw_if_any();
}

}  // namespace alphaprune::model
