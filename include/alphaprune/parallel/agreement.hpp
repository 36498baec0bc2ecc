#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::parallel {

/// Collective: if any rank brings an error, every rank throws one Error with the faults of all
/// ranks in rank order (each different fault once), marked agreed. Otherwise nothing happens. A
/// stop on request (ExitStatus::stopped) is the common error only if no rank brings another one.
void agree(const Communicator& ranks, const std::optional<support::Error>& mine);

/// Collective: every rank throws stop_error(), marked agreed, if a stop is requested on any.
void check_stop_collectively(const Communicator& ranks);

/// Makes sure that all ranks see files that rank 0 has just made: on nodes that do not share the
/// folder each rank would write files of its own. Collective.
/// @throws Error (failure) on all ranks when one of them does not see one of the files
void require_common_files(const Communicator& ranks, std::span<const std::filesystem::path> files);

/// Collective: runs `action` on every rank. A rank whose action throws Error does not leave the
/// others waiting: all of them then throw the common error.
/// The action itself must not communicate over `ranks`.
template <class Action>
auto run_collectively(const Communicator& ranks, Action&& action) {
    using Result = std::invoke_result_t<Action>;
    support::FirstError problem;
    if constexpr (std::is_void_v<Result>) {
        problem.guard(action);
        agree(ranks, problem.get());
    } else {
        std::optional<Result> result;
        problem.guard([&] { result.emplace(action()); });
        agree(ranks, problem.get());
        return std::move(*result);
    }
}

/// Collective: `action` runs on rank 0 alone; its error reaches every rank.
template <class Action>
void run_on_root(const Communicator& ranks, Action&& action) {
    run_collectively(ranks, [&] {
        if (ranks.is_root()) {
            action();
        }
    });
}

/// Collective: `produce` runs on rank 0 alone; its text, or its error, reaches every rank.
template <class Produce>
std::string text_from_root(const Communicator& ranks, Produce&& produce) {
    std::string text;
    run_on_root(ranks, [&] { text = produce(); });
    return ranks.broadcast_text(std::move(text));
}

}  // namespace alphaprune::parallel
