#include "choice/tensor_role.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "find_matrices.hpp"
#include "name_words.hpp"

namespace alphaprune::model {
namespace {

/// Leading ones carry no information: [1, 1, n, n] is a square.
std::vector<std::int64_t> without_leading_ones(const std::vector<std::int64_t>& shape) {
    const auto first = std::ranges::find_if(shape, [](std::int64_t extent) { return extent != 1; });
    return {first, shape.end()};
}

}  // namespace

/// At most so many enclosing modules are considered. A name full of dots must not take minutes.
constexpr std::ptrdiff_t kMaxDepth = 32;

/// A tensor's name taken apart. The views are of the name.
struct RoleFinder::Path {
    std::string_view module;               ///< all but the last component
    std::string_view last;                 ///< "weight", "A_log"
    std::vector<std::string_view> inside;  ///< components behind the block's number, but the last
    std::vector<std::string> layer;        ///< words of the module's own name
    std::vector<std::string> final;        ///< words of the last component

    Path(std::string_view name, const BlockStack& blocks) {
        const std::size_t dot = name.rfind('.');
        module = name.substr(0, dot);
        last = name.substr(dot + 1);
        const auto part = after_prefix(name, blocks.prefix);
        inside = components_of(part ? part->rest : name);
        inside.pop_back();
        if (std::ssize(inside) > kMaxDepth) {
            inside.erase(inside.begin(), inside.end() - kMaxDepth);
        }
        final = words_of(last);
        // The number in a list is not a name: "adapters.0" is one of the adapters.
        for (auto at = inside.rbegin(); at != inside.rend(); ++at) {
            if (!is_number(*at)) {
                layer = words_of(*at);
                break;
            }
        }
    }
    bool is_weight() const { return last == "weight"; }
    /// The number of the expert behind a part ("experts.5", "experts.local_experts.5"); -1: none.
    std::int64_t expert_behind(std::size_t part) const {
        std::size_t next = part + 1;
        while (next < inside.size() && names_experts(inside[next], false) &&
               expert_number(inside[next]) < 0) {
            ++next;
        }
        return next < inside.size() ? expert_number(inside[next]) : -1;
    }
};

std::string_view reason_of(Role role) {
    constexpr std::array<std::string_view, 11> kReasons{
        "linear layers",
        "experts in one tensor",
        "norms",
        "routers of experts",
        "one row or column",
        "embeddings and tables of positions",
        "convolutions",
        "adapters (LoRA)",
        "biases, scales and other vectors",
        "masks and other buffers",
        "no weights of linear layers by their names and shapes",
    };
    static_assert(kReasons.size() == static_cast<std::size_t>(Role::other) + 1);
    return kReasons[static_cast<std::size_t>(role)];
}

RoleFinder::RoleFinder(const Catalogue& catalogue, const BlockStack& blocks)
    : catalogue_(catalogue), blocks_(blocks) {
    for (const TensorInfo& tensor : catalogue.tensors) {
        if (block_of(tensor.name, blocks)) {
            note_neighbors(tensor);
        }
    }
}

std::vector<BlockTensor> RoleFinder::tensors_in(std::int64_t blocks) const {
    const BlockStack stack{blocks_.prefix, blocks};
    std::vector<BlockTensor> found;
    for (std::size_t i = 0; i < catalogue_.tensors.size(); ++i) {
        const TensorInfo& tensor = catalogue_.tensors[i];
        if (const auto block = block_of(tensor.name, stack)) {
            found.push_back({static_cast<int>(i), *block, role_of(tensor)});
        }
    }
    return found;
}

void RoleFinder::note_neighbors(const TensorInfo& tensor) {
    const Path path(tensor.name, blocks_);
    std::size_t end = path.module.size();
    for (std::size_t i = path.inside.size(); i-- > 0;) {
        const std::string_view part = path.inside[i];
        end -= part.size() + 1;  // of the name of the module that it is a part of
        if (is_router(part) || is_gate(part)) {
            routed_.insert(tensor.name.substr(0, end));
        }
        if (names_experts(part, false) && expert_number(part) < 0) {
            const std::int64_t number = path.expert_behind(i);
            const std::int64_t stacked = tensor.shape.size() == 3 ? tensor.shape.front() : 0;
            std::int64_t& count = experts_[tensor.name.substr(0, end)];
            count = std::max(count, number >= 0 ? number + 1 : stacked);
        }
    }
}

bool RoleFinder::is_mixture(const std::string& module) const {
    const std::vector<std::string> words = words_of(module.substr(module.rfind('.') + 1));
    return experts_.contains(module) || std::ranges::count(words, "moe") > 0;
}

/// The number of experts that a module chooses among; 0: unknown.
std::int64_t RoleFinder::experts_of(const std::string& module) const {
    const auto found = experts_.find(module);
    return found != experts_.end() && found->second > 0 ? found->second
                                                        : catalogue_.configuration.experts;
}

/// A gate is a router where its rows are the experts of a module that it is part of. In an expert,
/// or in a layer without experts, it is a linear layer.
bool RoleFinder::routes(const TensorInfo& tensor, const Path& path) const {
    if (std::ranges::any_of(path.inside, is_router)) {
        return true;
    }
    const std::int64_t rows = tensor.shape.front();
    std::string module(path.module);
    bool gates = false;
    for (std::size_t i = path.inside.size(); i-- > 0 && !names_experts(path.inside[i], true);) {
        gates = gates || is_gate(path.inside[i]) || path.inside[i].ends_with("_gate");
        module.resize(module.size() - path.inside[i].size() - 1);
        const std::int64_t experts = experts_of(module);
        // Shared experts may have rows of their own.
        const bool fits = experts == 0 || (rows >= experts && rows < 2 * experts);
        if (gates && fits && is_mixture(module)) {
            return true;
        }
    }
    const std::int64_t announced = catalogue_.configuration.experts;
    return announced > 1 && rows == announced && !path.inside.empty() &&
           is_gate(path.inside.back());
}

bool RoleFinder::is_stacked(const TensorInfo& tensor, const Path& path) const {
    const std::vector<std::int64_t> shape = without_leading_ones(tensor.shape);
    if (shape.size() < 2) {
        return false;
    }
    for (std::size_t i = 0; i < path.inside.size(); ++i) {
        const bool numbered = expert_number(path.inside[i]) >= 0 || path.expert_behind(i) >= 0;
        if (!numbered && names_experts(path.inside[i], shape.size() > 2)) {
            return true;
        }
    }
    if (shape.size() < 3 || is_convolution(path.layer)) {
        return false;
    }
    std::string module(path.module);
    for (std::size_t i = path.inside.size(); i-- > 0;) {
        if (is_mixture(module) || routed_.contains(module)) {
            return true;
        }
        module.resize(module.size() - path.inside[i].size() - 1);
    }
    return shape.front() == catalogue_.configuration.experts;
}

Role RoleFinder::role_of_weight(const TensorInfo& tensor, const Path& path) const {
    const ModelConfiguration& model = catalogue_.configuration;
    const std::int64_t rows = tensor.shape[0];
    const std::int64_t cols = tensor.shape[1];
    const bool a_row_a_head = (rows == model.heads || rows == model.key_value_heads) &&
                              cols == model.head_size && cols != model.hidden_size;
    if (is_norm(path.layer) || a_row_a_head) {
        return Role::norm;
    }
    if (is_table(path.layer) || (is_head(path.layer) && rows == model.vocabulary)) {
        return Role::table;
    }
    if (is_convolution(path.layer)) {
        return Role::convolution;
    }
    if (routes(tensor, path)) {
        return Role::router;
    }
    return rows == 1 || cols == 1 ? Role::single : Role::linear;
}

Role RoleFinder::role_of(const TensorInfo& tensor) const {
    const Path path(tensor.name, blocks_);
    if (std::ranges::any_of(path.inside, is_adapter) || is_adapter(path.last)) {
        return Role::adapter;
    }
    const auto dimensions = without_leading_ones(tensor.shape).size();
    const bool is_bias = is_vector(path.final);
    if (is_buffer(path.final) || (is_bias && tensor.shape.size() > 2)) {
        return Role::buffer;  // a "bias" of four dimensions is a causal mask
    }
    if (is_bias || tensor.shape.size() < 2) {
        return is_norm(path.layer) ? Role::norm : Role::vector;
    }
    if (path.is_weight() && is_matrix(tensor)) {
        const Role role = role_of_weight(tensor, path);
        return role == Role::linear && is_stacked(tensor, path) ? Role::stacked : role;
    }
    if (is_stacked(tensor, path)) {
        return Role::stacked;
    }
    return is_convolution(path.layer) ? Role::convolution
           : dimensions < 2           ? Role::vector
                                      : Role::other;
}

}  // namespace alphaprune::model
