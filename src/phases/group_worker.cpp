#include "group_worker.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "alphaprune/support/clock.hpp"
#include "spectrum_record.hpp"

namespace alphaprune::phases {
namespace {

/// One that goes another way than the one that has failed; nothing where none is built in.
std::optional<linalg::Solver> other_solver(linalg::Solver failed, int group_ranks) {
    using linalg::Solver;
    if (group_ranks == 1) {
        return failed == Solver::lapack2 ? Solver::lapack1 : Solver::lapack2;
    }
    const Solver other = failed == Solver::scalapack ? Solver::elpa2 : Solver::scalapack;
    return linalg::is_built_in(other) ? std::optional(other) : std::nullopt;
}

}  // namespace

std::vector<StageGroup> form_groups(const parallel::Communicator& ranks,
                                    const parallel::Communicator& node,
                                    const planning::ShardPlan& plan, bool has_card) {
    const bool rests = node.any(has_card) && !has_card;
    std::vector<StageGroup> groups;
    for (const planning::ShardStage& stage : plan.stages) {
        const parallel::Communicator& among = plan.across_nodes ? ranks : node;
        parallel::Communicator group = among.split(among.rank() / stage.group_ranks, among.rank());
        const bool alone = stage.group_ranks == 1;
        const bool works =
            (plan.across_nodes || group.size() == stage.group_ranks) && !(alone && rests);
        const int all = ranks.sum(works && group.is_root() ? 1 : 0);
        groups.push_back({std::move(group), works, all});
    }
    return groups;
}

GroupWorker::GroupWorker(const parallel::Communicator& group, int owner,
                         const model::Catalogue& catalogue, const SpectrumOptions& options,
                         SpectrumResults& results)
    : group_(group),
      owner_(owner),
      catalogue_(catalogue),
      options_(options),
      results_(results),
      reader_(catalogue) {}

const model::MatrixInfo& GroupWorker::matrix(const planning::PlannedMatrix& planned) const {
    return catalogue_.matrices[static_cast<std::size_t>(planned.matrix)];
}

void GroupWorker::solve(const planning::PlannedMatrix& planned,
                        std::optional<linalg::Solver> failed_before) {
    const support::Stopwatch watch;
    const model::MatrixInfo& info = matrix(planned);
    const linalg::Solver first = planned.solver != linalg::Solver::cuda
                                     ? planned.solver
                                     : linalg::best_serial_solver(std::min(info.rows, info.cols));
    const auto source = model::make_matrix_source(reader_, info, group_.size() == 1, group_.size());
    SolvedSpectrum solved{{}, first, failed_before, group_.size()};
    try {
        solved.spectrum = backend(first).spectrum_of(*source);
    } catch (const support::Error& error) {
        const auto other = other_solver(first, group_.size());
        if (error.status() != support::ExitStatus::failed || !other) {
            throw;
        }
        solved.failed_solver = first;
        solved.solver = *other;
        solved.spectrum = solve_again(*other, *source, error);
    }
    solved.seconds = watch.seconds();
    if (group_.is_root()) {
        record_spectrum(options_, results_, owner_, planned.matrix, std::move(solved));
    }
}

/// What the first solver met may come again, such as weights that cannot be read: then that is the
/// error.
linalg::GramSpectrum GroupWorker::solve_again(linalg::Solver solver, linalg::MatrixSource& source,
                                              const support::Error& first) {
    try {
        return backend(solver).spectrum_of(source);
    } catch (const support::Error& second) {
        throw second.status() == support::ExitStatus::failed ? first : second;
    }
}

void GroupWorker::will_need(const planning::PlannedMatrix& planned) {
    reader_.will_need(matrix(planned));
}

linalg::SpectralBackend& GroupWorker::backend(linalg::Solver solver) {
    auto& slot = backends_[solver];
    if (!slot) {
        slot = linalg::make_backend(solver, group_,
                                    linalg::has_single_precision(solver)
                                        ? options_.precision
                                        : linalg::Precision::in_double);
    }
    return *slot;
}

}  // namespace alphaprune::phases
