#include "alphaprune/planning/forecast.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "alphaprune/parallel/share.hpp"
#include "alphaprune/planning/farms_plan.hpp"
#include "alphaprune/planning/machine_rates.hpp"
#include "alphaprune/support/error.hpp"
#include "forecast_parts.hpp"

namespace alphaprune::planning {
namespace {

// As measured on one core of a machine of today.
constexpr double kSecondsToStart = 0.1;        // probe, output folder, reports
constexpr double kSecondsToFinish = 0.02;      // files created, made durable and renamed
constexpr double kSecondsPerTensor = 50e-6;    // header, dataset, agreement
constexpr double kCopiedByteSeconds = 1.2e-9;  // checks, checksum, copies

constexpr double kLatency = 5e-6;  // of a message

double rounds(int parties) {
    return std::ceil(std::log2(std::max(parties, 1)));
}

class Forecaster {
  public:
    explicit Forecaster(const ForecastInputs& inputs)
        : inputs_(inputs), bytes_(static_cast<double>(inputs.catalogue.bytes())) {}

    RunForecast run() {
        RunForecast result;
        result.phases.push_back(start());
        if (task_.computes_spectra) {
            result.spectra = spectra();
            result.phases.push_back(spectrum(result.spectra));
        }
        if (!task_.trials.empty()) {
            result.phases.push_back(trials_forecast(inputs_));
        }
        double calibrating = 0;
        if (task_.prunes_by_block() || task_.measures_outliers) {
            result.phases.push_back(calibration_forecast(inputs_));
            calibrating = result.phases.back().seconds;
        }
        if (task_.prunes) {
            result.phases.push_back(prune_and_write(calibrating));
        }
        if (!task_.evaluations.empty()) {
            result.phases.push_back(evaluation_forecast(inputs_));
        }
        for (PhaseForecast& phase : result.phases) {
            phase.memory += program_memory(cluster_);
            const auto known = task_.corrections.find(phase.phase);
            phase.seconds *= known == task_.corrections.end() ? 1 : known->second;
        }
        return result;
    }

  private:
    double tensors() const { return static_cast<double>(catalogue_.tensors.size()); }

    PhaseForecast start() const {
        return {Phase::start, kSecondsToStart + kSecondsPerTensor * tensors(), kProbeBytes, 0, 0};
    }

    /// On cards where there are some, unless a solver of processors is asked for.
    ShardPlan spectra() const {
        const std::vector<PlannedShape> shapes = shapes_of(catalogue_);
        if (cluster_.cards_per_node > 0 && !task_.spectra.solver) {
            return make_shard_plan(shapes, with_cards_as_ranks(cluster_), model_,
                                   {linalg::Solver::cuda, 1});
        }
        const int threads = threads_taking_matrices(task_.spectra.solver, task_.threads);
        ShardPlan plan = make_shard_plan(shapes, with_threads_as_ranks(cluster_, threads), model_,
                                         task_.spectra);
        plan.threads = threads;
        return plan;
    }

    PhaseForecast spectrum(const ShardPlan& plan) const {
        double read = bytes_of_matrices();
        double seconds = std::max(plan.seconds, transfers_.reading_seconds(read));
        if (task_.farms) {
            seconds += farms_seconds();
            read *= 2;
        }
        return {Phase::spectrum, seconds, plan.memory * static_cast<std::uint64_t>(plan.threads),
                transfers_.from_files(read), 0};
    }

    /// Windows are many and small: all ranks end together.
    double farms_seconds() const {
        const FarmsPlan plan = plan_farms(catalogue_, *task_.farms, cluster_.ranks);
        double operations = 0;
        double largest = 0;
        for (const auto& windows : plan.windows) {
            for (const linalg::Rectangle& window : windows) {
                operations += window_cost(window);
                largest = std::max(largest, window_cost(window));
            }
        }
        return std::max(operations / cluster_.ranks, largest) / (model_.rates.dgemm_gflops * 1e9);
    }

    /// Rows of every tensor are shared out over all ranks. After calibration, the matrices have
    /// been read and pruned already.
    PhaseForecast prune_and_write(double calibrating) const {
        const bool here = !task_.prunes_by_block();
        const Pruning pruning = here ? pruning_matrix_by_matrix() : Pruning{};
        const double pruned = bytes_of_matrices();
        const double read = here ? bytes_ : bytes_ - pruned;
        const double written = task_.copies * bytes_;
        const double cpu = kCopiedByteSeconds * bytes_ / cluster_.ranks + pruning.working;
        const double agreeing =
            (kSecondsPerTensor + transfers_.message_seconds()) * tensors() + pruning.agreeing;
        // Reading and writing overlap with the pruning.
        const double files = transfers_.reading_seconds(read) + transfers_.writing_seconds(written);
        const double beside = here ? 0 : written_beside(calibrating, pruned);
        return {Phase::prune_and_write, kSecondsToFinish + std::max(cpu, files) - beside + agreeing,
                streaming_memory(), transfers_.from_files(read), written};
    }

    /// Where cards calibrate, what one block has become is written beside the next ones.
    double written_beside(double calibrating, double bytes) const {
        if (!cluster_.has_card_a_rank()) {
            return 0;
        }
        return std::min({kCopiedByteSeconds * bytes / cluster_.ranks,
                         transfers_.writing_seconds(task_.copies * bytes), calibrating});
    }

    /// Seconds that pruning adds to reading and writing.
    struct Pruning {
        double working = 0;
        double agreeing = 0;
    };
    Pruning pruning_matrix_by_matrix() const {
        Pruning sum;
        for (const model::MatrixInfo& matrix : catalogue_.matrices) {
            pruning::SiteWork work;
            work.cols = matrix.cols;
            work.weights = static_cast<double>(matrix.size());
            work.bytes = catalogue_.stored_bytes_of(matrix);
            work.ranks = cluster_.ranks;
            const pruning::SiteCost cost = task_.pruner->cost(work);
            sum.working += cost.seconds + cost.flops / (model_.rates.sgemm_gflops * 1e9);
            sum.agreeing += cost.bytes_summed > 0 ? transfers_.sum_seconds(cost.bytes_summed) : 0;
        }
        return sum;
    }

    double bytes_of_matrices() const {
        double bytes = 0;
        for (const model::MatrixInfo& matrix : catalogue_.matrices) {
            bytes += catalogue_.stored_bytes_of(matrix);
        }
        return bytes;
    }

    /// A rank's rows of one tensor while it is read, pruned and written. Other tensors than
    /// matrices pass in slabs: after calibration one at a time, beside the last block and what
    /// comes out of it.
    std::uint64_t streaming_memory() const {
        const bool calibrated = task_.prunes_by_block();
        const std::uint64_t at_a_time = calibrated ? 1 : 3;
        std::uint64_t most = 0;
        for (const model::TensorInfo& tensor : catalogue_.tensors) {
            const std::uint64_t share = tensor.bytes() / static_cast<std::uint64_t>(cluster_.ranks);
            const bool sliced =
                !calibrated && tensor.matrix >= 0 &&
                catalogue_.matrices[static_cast<std::size_t>(tensor.matrix)].is_slice();
            // A slice is pruned in a copy; experts are divided one by one.
            const std::uint64_t held =
                sliced ? share + std::max(share, tensor.row_bytes()) / at_a_time : share;
            most =
                std::max(most, tensor.matrix >= 0 ? held : std::min(share, parallel::kSlabBytes));
        }
        return at_a_time * most + (calibrated ? kept_from_calibration() : 0);
    }

    std::uint64_t kept_from_calibration() const {
        const CalibrationMemory memory = calibration_memory(catalogue_, task_, cluster_);
        return memory.weights + memory.activations + memory.delivery;
    }

    const ForecastInputs& inputs_;
    const model::Catalogue& catalogue_ = inputs_.catalogue;
    const Cluster& cluster_ = inputs_.cluster;
    const CostModel& model_ = inputs_.model;
    const RunTask& task_ = inputs_.task;
    const Transfers& transfers_ = inputs_.transfers;
    double bytes_;
};

}  // namespace

Transfers::Transfers(const Cluster& cluster, const CostModel& model)
    : rates_(model.rates),
      generated_(model.generated),
      ranks_(cluster.ranks),
      nodes_(cluster.nodes()) {}

double Transfers::reading_seconds(double bytes, int threads) const {
    const double rate = generated_ ? ranks_ * threads * rates_.generate_gbps
                                   : std::min(nodes_ * rates_.read_gbps, rates_.storage_gbps);
    return bytes / (rate * 1e9);
}

double Transfers::writing_seconds(double bytes) const {
    return bytes / (std::min(nodes_ * rates_.write_gbps, rates_.storage_gbps) * 1e9);
}

double Transfers::message_seconds() const {
    return 2 * rounds(ranks_) * kLatency;
}

double Transfers::sum_seconds(double bytes) const {
    const double within = std::min(ranks_ - 1, 1) * 2 * bytes / (rates_.memory_gbps * 1e9);
    const double between = std::min(nodes_ - 1, 1) * 2 * bytes / (rates_.network_gbps * 1e9);
    return message_seconds() + within + between;
}

double Transfers::sum_over_nodes_seconds(double bytes) const {
    // Each number comes and goes once. The ranks of a node have equal parts of them, which they
    // copy out of the node's memory, add and copy back.
    const double of_rank = bytes / std::max(ranks_ / std::max(nodes_, 1), 1);
    const double seconds =
        2 * bytes / (rates_.network_gbps * 1e9) + 3 * of_rank / (rates_.memory_gbps * 1e9);
    return std::min(nodes_ - 1, 1) * seconds + 2 * rounds(nodes_) * kLatency;
}

double Transfers::gather_seconds(double bytes) const {
    return std::min(nodes_ - 1, 1) * (bytes / (rates_.network_gbps * 1e9) + nodes_ * kLatency);
}

std::string_view name_of(Phase phase) {
    constexpr std::array kNames{"start",     "spectrum",        "trials",
                                "calibrate", "prune and write", "evaluate"};
    return kNames.at(static_cast<std::size_t>(phase));
}

double RunForecast::seconds() const {
    return std::accumulate(phases.begin(), phases.end(), 0.0,
                           [](double sum, const auto& phase) { return sum + phase.seconds; });
}

std::uint64_t RunForecast::memory() const {
    std::uint64_t most = 0;
    for (const PhaseForecast& phase : phases) {
        most = std::max(most, phase.memory);
    }
    return most;
}

double RunForecast::bytes_read() const {
    return std::accumulate(phases.begin(), phases.end(), 0.0,
                           [](double sum, const auto& phase) { return sum + phase.bytes_read; });
}

double RunForecast::bytes_written() const {
    return std::accumulate(phases.begin(), phases.end(), 0.0,
                           [](double sum, const auto& phase) { return sum + phase.bytes_written; });
}

RunForecast forecast(const model::Catalogue& catalogue, const Cluster& cluster,
                     const CostModel& model, const RunTask& task) {
    return Forecaster({catalogue, cluster, model, task}).run();
}

std::optional<int> useful_ranks(const Cluster& cluster,
                                const std::function<double(const Cluster&)>& seconds_on_cluster) {
    constexpr int kMostRanks = 1 << 17;
    constexpr double kWorthDoubling = 0.95;
    const auto seconds_on = [&](int ranks) {
        Cluster other = cluster;
        other.ranks = ranks;
        if (cluster.memory_per_rank && ranks < cluster.ranks_per_node) {
            *other.memory_per_rank *= static_cast<std::uint64_t>(cluster.ranks_per_node / ranks);
            other.ranks_per_node = ranks;
        }
        try {
            return seconds_on_cluster(other);
        } catch (const support::Error&) {  // not enough memory
            return HUGE_VAL;
        }
    };
    double last = seconds_on(1);
    for (int ranks = 1; ranks < kMostRanks; ranks *= 2) {
        const double next = seconds_on(2 * ranks);
        if (next > kWorthDoubling * last) {
            return ranks;
        }
        last = next;
    }
    return std::nullopt;
}

}  // namespace alphaprune::planning
