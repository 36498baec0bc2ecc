#include "alphaprune/schedule/spectrum_phase.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <new>
#include <thread>

#include "alphaprune/model/weight_reader.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/parallel/work_counter.hpp"
#include "alphaprune/schedule/cost_model.hpp"
#include "alphaprune/schedule/weight_check.hpp"
#include "alphaprune/support/clock.hpp"
#include "alphaprune/support/machine.hpp"

namespace alphaprune {
namespace {

int ranks_per_group(const Communicator& ranks, const SpectrumOptions& options) {
    if (!options.solver || !works_on_groups(*options.solver)) {
        return 1;
    }
    return std::min(options.group_ranks.value_or(ranks.size()), ranks.size());
}

/// One group of ranks at work on one matrix after another.
class GroupWorker {
  public:
    GroupWorker(const Communicator& ranks, const Catalogue& catalogue,
                const SpectrumOptions& options, SpectrumResults& results)
        : group_(ranks.split(ranks.rank() / ranks_per_group(ranks, options), ranks.rank())),
          catalogue_(catalogue),
          options_(options),
          results_(results),
          reader_(catalogue),
          world_rank_(ranks.rank()) {}

    const Communicator& group() const { return group_; }

    void solve(int index) {
        const MatrixInfo& matrix = catalogue_.matrices[static_cast<std::size_t>(index)];
        const Solver solver =
            options_.solver.value_or(best_serial_solver(std::min(matrix.rows, matrix.cols)));
        const Stopwatch watch;
        const auto source = make_matrix_source(reader_, matrix, group_.size() == 1);
        GramSpectrum spectrum = backend(solver).spectrum_of(*source);
        if (group_.is_root()) {
            MatrixSpectrum& result = results_.matrices[static_cast<std::size_t>(index)];
            const ShapeMetrics metrics = shape_metrics(spectrum.eigenvalues);
            result.metrics =
                rounded(spectrum.in_single ? without_small_eigenvalues(metrics) : metrics);
            result.solver = solver;
            result.in_single = spectrum.in_single;
            result.group_ranks = group_.size();
            result.owner = world_rank_;
            result.seconds = watch.seconds();
            if (options_.keep_eigenvalues) {
                results_.eigenvalues[static_cast<std::size_t>(index)] =
                    std::move(spectrum.eigenvalues);
            }
        }
    }

    /// The rest of the model is still looked through when something is already wrong, so that the
    /// user learns of all damaged tensors at once.
    void only_check(int index) {
        const MatrixInfo& matrix = catalogue_.matrices[static_cast<std::size_t>(index)];
        require_finite_rows(reader_, catalogue_.tensor_of(matrix),
                            share_of(matrix.rows, group_.size(), group_.rank()));
    }

  private:
    SpectralBackend& backend(Solver solver) {
        auto& slot = backends_[solver];
        if (!slot) {
            slot = make_backend(
                solver, group_,
                has_single_precision(solver) ? options_.precision : Precision::in_double);
        }
        return *slot;
    }

    Communicator group_;
    const Catalogue& catalogue_;
    const SpectrumOptions& options_;
    SpectrumResults& results_;
    WeightReader reader_;
    int world_rank_;
    std::map<Solver, std::unique_ptr<SpectralBackend>> backends_;
};

/// What the group's leader says, all of the group hear.
std::int64_t from_leader(const Communicator& group, std::int64_t value) {
    group.broadcast(std::span(&value, 1));
    return value;
}

/// Takes items until none is left. Returns what went wrong on this rank.
FaultList work(GroupWorker& worker, WorkCounter& counter, const std::vector<int>& order,
               ExitStatus& status, const Progress& progress) {
    const Communicator& group = worker.group();
    const auto total = static_cast<std::int64_t>(order.size());
    FaultList faults;
    for (;;) {
        const std::int64_t item = from_leader(group, group.is_root() ? counter.next() : 0);
        if (item >= total) {
            return faults;
        }
        const bool alarmed = from_leader(group, group.is_root() && counter.alarm() ? 1 : 0) != 0;
        const int index = order[static_cast<std::size_t>(item)];
        try {
            alarmed ? worker.only_check(index) : worker.solve(index);
        } catch (const Error& error) {
            faults.add(error);
            status = std::max(status, error.status());
            counter.raise_alarm();
        } catch (const std::bad_alloc&) {
            faults.add("out of memory", host_name(), "use fewer ranks on each node");
            status = std::max(status, ExitStatus::failed);
            counter.raise_alarm();
        }
        if (group.is_root()) {
            counter.item_done();
        }
        if (progress) {
            progress(counter.items_done(), total);
        }
    }
}

/// Rank 0 keeps telling how far the others are when it has nothing left to take itself.
void watch_the_others(const WorkCounter& counter, std::int64_t total, const Progress& progress) {
    for (std::int64_t done = 0; progress && done < total;) {
        done = counter.items_done();
        progress(done, total);
        if (done < total) {
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
    }
}

/// Every rank's results on every rank. A matrix is filled in on one rank and zero on the others,
/// so that a sum carries the bits unchanged.
void share_results(const Communicator& ranks, std::vector<MatrixSpectrum>& matrices) {
    constexpr std::size_t kFields = kMetrics + 5;
    std::vector<double> wire(matrices.size() * kFields);
    for (std::size_t m = 0; m < matrices.size(); ++m) {
        if (matrices[m].owner == ranks.rank()) {
            double* field = &wire[m * kFields];
            field = std::ranges::copy(matrices[m].metrics.values, field).out;
            *field++ = static_cast<double>(matrices[m].solver);
            *field++ = matrices[m].in_single ? 1 : 0;
            *field++ = matrices[m].group_ranks;
            *field++ = matrices[m].owner;
            *field = matrices[m].seconds;
        }
    }
    ranks.all_reduce_sum(std::span(wire));
    for (std::size_t m = 0; m < matrices.size(); ++m) {
        const double* field = &wire[m * kFields];
        std::copy_n(field, kMetrics, matrices[m].metrics.values.begin());
        field += kMetrics;
        matrices[m].solver = static_cast<Solver>(static_cast<int>(*field++));
        matrices[m].in_single = *field++ != 0;
        matrices[m].group_ranks = static_cast<int>(*field++);
        matrices[m].owner = static_cast<int>(*field++);
        matrices[m].seconds = *field;
    }
}

}  // namespace

SpectrumResults compute_spectra(const Communicator& ranks, const Catalogue& catalogue,
                                const SpectrumOptions& options, const Progress& progress) {
    constexpr int kNobody = -1;
    SpectrumResults results;
    results.matrices.resize(catalogue.matrices.size());
    results.eigenvalues.resize(catalogue.matrices.size());
    for (MatrixSpectrum& matrix : results.matrices) {
        matrix.owner = kNobody;
    }

    const std::vector<int> order = longest_first(catalogue);
    const Progress report = ranks.is_root() ? progress : Progress{};
    GroupWorker worker(ranks, catalogue, options, results);
    WorkCounter counter(ranks);

    ExitStatus status = ExitStatus::done;
    const FaultList faults = work(worker, counter, order, status, report);
    watch_the_others(counter, static_cast<std::int64_t>(order.size()), report);
    agree(ranks,
          faults.empty() ? std::nullopt : std::optional<Error>(Error(status, faults.faults())));
    share_results(ranks, results.matrices);
    return results;
}

}  // namespace alphaprune
