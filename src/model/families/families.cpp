#include <algorithm>
#include <array>

#include "alphaprune/model/family.hpp"

/// The registry, a line per family: families/<name>.cpp defines the function of that name.
#define ALPHAPRUNE_FAMILIES(FAMILY) \
    FAMILY(llama)                   \
    FAMILY(mistral)                 \
    FAMILY(qwen2)                   \
    FAMILY(opt)                     \
    /* the next one goes before this line */

namespace alphaprune::model {
namespace families {

#define ALPHAPRUNE_DECLARE(name) const Family& name();
ALPHAPRUNE_FAMILIES(ALPHAPRUNE_DECLARE)

}  // namespace families

std::span<const Family* const> all_families() {
#define ALPHAPRUNE_ADDRESS(name) &families::name(),
    static const std::array all{ALPHAPRUNE_FAMILIES(ALPHAPRUNE_ADDRESS)};
    return all;
}

std::string family_names() {
    std::string names;
    for (const Family* family : all_families()) {
        names += (names.empty() ? "" : ", ") + std::string(family->name);
    }
    return names;
}

const Family* family_of(std::string_view model_type) {
    const auto all = all_families();
    const auto found = std::ranges::find(all, model_type, &Family::name);
    return found == all.end() ? nullptr : *found;
}

}  // namespace alphaprune::model
