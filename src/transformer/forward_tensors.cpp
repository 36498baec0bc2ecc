#include "alphaprune/transformer/forward_tensors.hpp"

#include <cstddef>
#include <string_view>

#include "forward_family.hpp"
#include "model_tensors.hpp"
#include "tensor_finder.hpp"

namespace alphaprune::transformer {
namespace {

bool looks_like_parameter(const model::TensorInfo& tensor) {
    const std::string_view name = tensor.name;
    return tensor.type.scalar() &&
           (name.ends_with(".weight") || (name.ends_with(".bias") && tensor.shape.size() == 1));
}

std::vector<int> by_name(const model::Catalogue& catalogue) {
    std::vector<int> found;
    for (std::size_t t = 0; t < catalogue.tensors.size(); ++t) {
        if (looks_like_parameter(catalogue.tensors[t])) {
            found.push_back(static_cast<int>(t));
        }
    }
    return found;
}

/// What is missing or misshapen is a matter for those who run the forward pass.
std::vector<int> by_family(const model::Catalogue& catalogue, const ForwardFamily& family) {
    TensorFinder finder(catalogue);
    find_input_tensors(finder, catalogue, family);
    const auto blocks = static_cast<int>(catalogue.configuration.blocks);
    for (int block = 0; block < blocks; ++block) {
        find_block_tensors(finder, catalogue, family, block);
    }
    find_head_tensors(finder, catalogue, family);
    std::vector<int> found;
    for (std::size_t t = 0; t < catalogue.tensors.size(); ++t) {
        if (finder.used()[t]) {
            found.push_back(static_cast<int>(t));
        }
    }
    return found;
}

}  // namespace

std::vector<int> forward_tensors(const model::Catalogue& catalogue) {
    const ForwardFamily* family = forward_family_of(catalogue.configuration.model_type);
    return family != nullptr ? by_family(catalogue, *family) : by_name(catalogue);
}

std::vector<int> unpruned_forward_tensors(const model::Catalogue& catalogue) {
    std::vector<int> tensors = forward_tensors(catalogue);
    std::erase_if(
        tensors, [&](int t) { return catalogue.tensors[static_cast<std::size_t>(t)].matrix >= 0; });
    return tensors;
}

}  // namespace alphaprune::transformer
