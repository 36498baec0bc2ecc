#include "tensor_finder.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "alphaprune/model/name_list.hpp"
#include "alphaprune/model/weight_check.hpp"

namespace alphaprune::transformer {

int TensorFinder::find(const std::string& name, const Shape& shape) {
    const model::TensorInfo* tensor = catalogue_.find_tensor(name);
    if (tensor == nullptr) {
        missing_.push_back(name);
        return -1;
    }
    if (tensor->shape != shape) {
        misshapen_.push_back(fmt::format("{} is [{}] instead of [{}]", tensor->name,
                                         fmt::join(tensor->shape, ", "), fmt::join(shape, ", ")));
    }
    found_.push_back(static_cast<int>(tensor - catalogue_.tensors.data()));
    used_[static_cast<std::size_t>(found_.back())] = true;
    return found_.back();
}

void TensorFinder::report(support::FaultList& faults) {
    const std::string where = catalogue_.folder.string();
    if (!missing_.empty()) {
        faults.add(
            "the forward pass needs tensors that are missing: " + model::list_names(missing_),
            where, "fetch the model's files again; all shards and config.json belong together");
    }
    if (!misshapen_.empty()) {
        faults.add("tensors do not have the shape that follows from config.json: " +
                       model::list_names(misshapen_),
                   where, "check that config.json and the weights belong to the same model");
    }
    try {
        model::require_weight_types(catalogue_, found_, "tensors that the forward pass needs");
    } catch (const support::Error& error) {
        faults.add(error);
    }
    missing_.clear();
    misshapen_.clear();
    found_.clear();
}

}  // namespace alphaprune::transformer
