#include "tensor_finder.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>

#include "alphaprune/model/weight_types.hpp"

namespace alphaprune {
namespace {

constexpr std::size_t kShown = 6;

std::string list(std::span<const std::string> items) {
    if (items.size() <= kShown + 1) {
        return fmt::format("{}", fmt::join(items, ", "));
    }
    return fmt::format("{} and {} more", fmt::join(items.first(kShown), ", "),
                       items.size() - kShown);
}

}  // namespace

int TensorFinder::find_if_present(const std::string& name, const Shape& shape) {
    const TensorInfo* tensor = catalogue_.find_tensor(name);
    if (tensor == nullptr) {
        return -1;
    }
    if (tensor->shape != shape) {
        misshapen_.push_back(fmt::format("{} is [{}] instead of [{}]", tensor->name,
                                         fmt::join(tensor->shape, ", "), fmt::join(shape, ", ")));
    }
    found_.push_back(static_cast<int>(tensor - catalogue_.tensors.data()));
    return found_.back();
}

int TensorFinder::find(const std::string& name, const Shape& shape) {
    const int found = find_if_present(name, shape);
    if (found < 0) {
        missing_.push_back(name);
    }
    return found;
}

void TensorFinder::report(FaultList& faults) const {
    const std::string where = catalogue_.folder.string();
    if (!missing_.empty()) {
        faults.add("the forward pass needs tensors that are missing: " + list(missing_), where,
                   "fetch the model's files again; all shards and config.json belong together");
    }
    if (!misshapen_.empty()) {
        faults.add(
            "tensors do not have the shape that follows from config.json: " + list(misshapen_),
            where, "check that config.json and the weights belong to the same model");
    }
    try {
        require_weight_types(catalogue_, found_, "tensors that the forward pass needs");
    } catch (const Error& error) {
        faults.add(error);
    }
}

}  // namespace alphaprune
