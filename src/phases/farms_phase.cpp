#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <thread>

#include "alphaprune/model/weight_reader.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/parallel/mailbox.hpp"
#include "alphaprune/parallel/work_counter.hpp"
#include "alphaprune/phases/spectrum_phase.hpp"
#include "alphaprune/planning/farms_plan.hpp"
#include "alphaprune/support/stop.hpp"

namespace alphaprune::phases {
namespace {

/// Eigenvalues of the windows of the matrices this rank owns, until all of a matrix are there.
class Pools {
  public:
    Pools(const planning::FarmsPlan& plan, int ranks, resume::Journal* journal)
        : plan_(plan), ranks_(ranks), journal_(journal) {
        alphas_.resize(plan.windows.size());
    }

    int owner_of(int matrix) const { return matrix % ranks_; }

    void add(int matrix, std::span<const double> eigenvalues) {
        std::vector<double>& pool = pools_[matrix];
        pool.reserve(plan_.pool_size(matrix));
        pool.insert(pool.end(), eigenvalues.begin(), eigenvalues.end());
        if (pool.size() == plan_.pool_size(matrix)) {
            std::ranges::sort(pool);  // in whatever order they came
            const double alpha = spectrum::rounded(spectrum::alpha_peak(pool));
            alphas_[static_cast<std::size_t>(matrix)] = alpha;
            if (journal_ != nullptr) {
                journal_->add_farms(matrix, alpha);
            }
            pools_.erase(matrix);
        }
    }
    /// Zero for the matrices of other ranks.
    const std::vector<double>& alphas() const { return alphas_; }

  private:
    const planning::FarmsPlan& plan_;
    int ranks_;
    resume::Journal* journal_;
    std::map<int, std::vector<double>> pools_;
    std::vector<double> alphas_;
};

/// One rank at work on one window after another.
class WindowWorker {
  public:
    WindowWorker(const parallel::Communicator& ranks, const model::Catalogue& catalogue,
                 std::optional<linalg::Solver> solver)
        : self_(ranks.split(ranks.rank(), 0)), reader_(catalogue), solver_(solver) {}

    std::unique_ptr<linalg::MatrixSource> open(int matrix) {
        return model::make_matrix_source(
            reader_, reader_.catalogue().matrices[static_cast<std::size_t>(matrix)], false);
    }
    std::vector<double> eigenvalues(linalg::MatrixSource& matrix,
                                    const linalg::Rectangle& rectangle) {
        spectrum::WindowSource window(matrix, rectangle);
        const std::int64_t order = std::min(rectangle.rows(), rectangle.cols());
        const bool usable = solver_ && !linalg::works_on_groups(*solver_);
        return backend(usable ? *solver_ : linalg::best_serial_solver(order))
            .spectrum_of(window)
            .eigenvalues;
    }

  private:
    linalg::SpectralBackend& backend(linalg::Solver solver) {
        auto& slot = backends_[solver];
        if (!slot) {
            slot = linalg::make_backend(solver, self_);
        }
        return *slot;
    }

    parallel::Communicator self_;
    model::WeightReader reader_;
    std::optional<linalg::Solver> solver_;
    std::map<linalg::Solver, std::unique_ptr<linalg::SpectralBackend>> backends_;
};

/// The phase on one rank.
class FarmsRun {
  public:
    FarmsRun(const parallel::Communicator& ranks, const model::Catalogue& catalogue,
             const planning::FarmsPlan& plan, std::optional<linalg::Solver> solver,
             Progress progress, resume::Journal* journal)
        : plan_(plan),
          total_(static_cast<std::int64_t>(plan.windows_to_do())),
          progress_(std::move(progress)),
          counter_(ranks),
          pools_(plan, ranks.size(), journal),
          mailbox_(ranks,
                   [this](std::int64_t matrix, std::span<const double> eigenvalues) {
                       guard([&] { pools_.add(static_cast<int>(matrix), eigenvalues); });
                   }),
          worker_(ranks, catalogue, solver) {}

    std::vector<double> alphas(const parallel::Communicator& ranks) {
        const auto batches = static_cast<std::int64_t>(plan_.batches.size());
        for (std::int64_t item = counter_.next(); item < batches; item = counter_.next()) {
            const planning::WindowBatch& batch = plan_.batches[static_cast<std::size_t>(item)];
            guard([&] { solve(batch); });
        }
        watch_the_others();
        mailbox_.finish();
        parallel::agree(ranks, faults_.error());
        std::vector<double> alphas = pools_.alphas();
        ranks.all_reduce_sum(std::span(alphas));  // one rank has it, the others zero: same bits
        return alphas;
    }

  private:
    /// Runs it whatever went wrong before: what other ranks send may complete a matrix, which the
    /// journal then has. Of an error everybody hears, so that nobody goes on for nothing.
    template <class Action>
    void guard(Action action) {
        support::FirstError problem;
        if (!problem.guard(action)) {
            faults_.add(*problem.get());
            counter_.raise_alarm();
        }
    }

    void solve(const planning::WindowBatch& batch) {
        std::vector<double> eigenvalues;
        std::unique_ptr<linalg::MatrixSource> source;
        for (const linalg::Rectangle& window : plan_.windows_of(batch)) {
            if (counter_.alarm()) {
                return;
            }
            support::check_stop();
            if (!source) {
                source = worker_.open(batch.matrix);
            }
            const std::vector<double> found = worker_.eigenvalues(*source, window);
            eigenvalues.insert(eigenvalues.end(), found.begin(), found.end());
            counter_.item_done();
            mailbox_.collect();
            tell();
        }
        mailbox_.post(pools_.owner_of(batch.matrix), batch.matrix, eigenvalues);
    }

    void tell() const {
        if (progress_) {
            progress_(counter_.items_done(), total_);
        }
    }

    /// Rank 0 keeps telling how far the others are when it has nothing left to take itself.
    void watch_the_others() {
        while (progress_ && counter_.items_done() < total_ && !counter_.alarm()) {
            tell();
            mailbox_.collect();
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        tell();
    }

    const planning::FarmsPlan& plan_;
    std::int64_t total_;
    Progress progress_;
    parallel::WorkCounter counter_;
    support::FaultList faults_;
    Pools pools_;
    parallel::Mailbox mailbox_;
    WindowWorker worker_;
};

}  // namespace

FarmsResults compute_farms(const parallel::Communicator& ranks, const model::Catalogue& catalogue,
                           const spectrum::FarmsOptions& options,
                           std::optional<linalg::Solver> solver, const Progress& progress,
                           resume::Journal* journal) {
    planning::FarmsPlan plan = planning::plan_farms(catalogue, options, ranks.size());
    static const std::map<int, double> kNone;
    const std::map<int, double>& known = journal != nullptr ? journal->earlier().farms : kNone;
    std::erase_if(plan.batches,
                  [&](const planning::WindowBatch& batch) { return known.contains(batch.matrix); });
    FarmsRun run(ranks, catalogue, plan, solver, ranks.is_root() ? progress : Progress{}, journal);
    FarmsResults results{run.alphas(ranks), static_cast<std::int64_t>(plan.total_windows())};
    for (const auto& [matrix, alpha] : known) {
        results.alphas[static_cast<std::size_t>(matrix)] = alpha;
    }
    return results;
}

}  // namespace alphaprune::phases
