#include "alphaprune/pruning/pruners.hpp"

#include <algorithm>

/// Every pruner has a line here and a file that defines `Pruner NAME_row()`, its row.
#define ALPHAPRUNE_PRUNERS(ROW) \
    ROW(magnitude)              \
    ROW(wanda)                  \
    ROW(sparsegpt)              \
    ROW(alps)                   \
    ROW(admm)                   \
    /* the next one goes before this line */

namespace alphaprune::pruning {

#define ALPHAPRUNE_DECLARED(NAME) Pruner NAME##_row();
ALPHAPRUNE_PRUNERS(ALPHAPRUNE_DECLARED)

std::span<const Pruner> pruners() {
#define ALPHAPRUNE_CALLED(NAME) NAME##_row(),
    static const Pruner kTable[] = {ALPHAPRUNE_PRUNERS(ALPHAPRUNE_CALLED)};
    return kTable;
}

const Pruner& default_pruner() {
    return pruners().front();
}

const Pruner* find_pruner(std::string_view name) {
    const auto found = std::ranges::find(pruners(), name, &Pruner::name);
    return found == pruners().end() ? nullptr : &*found;
}

std::string pruners_that_keep_weights() {
    std::string names;
    for (const Pruner& pruner : pruners()) {
        if (!pruner.changes_kept_weights) {
            names += (names.empty() ? "" : " or ") + std::string(pruner.name);
        }
    }
    return names;
}

}  // namespace alphaprune::pruning
