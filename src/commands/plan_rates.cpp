#include <algorithm>
#include <system_error>

#include "alphaprune/planning/machine_rates.hpp"
#include "alphaprune/support/file_system.hpp"
#include "planned_run.hpp"

namespace alphaprune::commands {
namespace {

/// The folder that the output will be made in.
std::filesystem::path folder_around(const std::filesystem::path& output) {
    std::error_code ignored;
    const std::filesystem::path existing = support::existing_ancestor(output);
    return std::filesystem::is_directory(existing, ignored) ? existing : existing.parent_path();
}

class RateBook {
  public:
    RateBook(const parallel::Communicator& ranks, const cli::Options& options)
        : given_(options.plan), measured_(planning::measure_machine_rates(ranks)) {}

    void measured(const char* what, const char* unit, double planning::MachineRates::*rate,
                  std::optional<double> given, double here) {
        enter(what, unit, rate, given.value_or(here), given ? "given" : "measured here");
    }
    void assumed(const char* what, const char* unit, double planning::MachineRates::*rate,
                 std::optional<double> given) {
        enter(what, unit, rate, given.value_or(planning::MachineRates{}.*rate),
              given ? "given" : "assumed");
    }

    /// One core of the machine planned for is to this one as their DGEMM rates are.
    void enter_cores() {
        const planning::MachineRates here = measured_;
        measured("DGEMM", "GFLOP/s a core", &planning::MachineRates::dgemm_gflops,
                 given_.dgemm_gflops, here.dgemm_gflops);
        const double sgemm = here.sgemm_gflops / here.dgemm_gflops * known_.rates.dgemm_gflops;
        if (given_.dgemm_gflops && !given_.sgemm_gflops) {
            enter("SGEMM", "GFLOP/s a core", &planning::MachineRates::sgemm_gflops, sgemm,
                  "as DGEMM compares with this machine's");
        } else {
            measured("SGEMM", "GFLOP/s a core", &planning::MachineRates::sgemm_gflops,
                     given_.sgemm_gflops, here.sgemm_gflops);
        }
        measured("memory", "GB/s a core", &planning::MachineRates::memory_gbps, given_.memory_gbps,
                 here.memory_gbps);
    }

    planning::KnownRates known() const { return known_; }

  private:
    void enter(const char* what, const char* unit, double planning::MachineRates::*rate,
               double value, const char* how) {
        known_.rates.*rate = value;
        known_.sources.push_back({what, unit, rate, how});
    }

    const cli::PlanRequest& given_;
    planning::MachineRates measured_;
    planning::KnownRates known_;
};

}  // namespace

planning::KnownRates rates_for(const parallel::Communicator& ranks, const cli::Options& options,
                               const model::Catalogue& catalogue, bool weights) {
    const cli::PlanRequest& given = options.plan;
    RateBook book(ranks, options);
    book.enter_cores();
    if (catalogue.origin == model::WeightOrigin::synthetic && weights) {
        book.measured("weights made", "GB/s a core", &planning::MachineRates::generate_gbps, {},
                      planning::measure_reading_gbps(ranks, catalogue));
    } else if (weights && !given.read_gbps && catalogue.origin == model::WeightOrigin::folder) {
        book.measured("reading", "GB/s a node", &planning::MachineRates::read_gbps, {},
                      planning::measure_reading_gbps(ranks, catalogue));
    } else {
        book.assumed("reading", "GB/s a node", &planning::MachineRates::read_gbps, given.read_gbps);
    }
    if (!options.output.empty() && !given.write_gbps) {
        book.measured("writing", "GB/s a node", &planning::MachineRates::write_gbps, {},
                      planning::measure_writing_gbps(ranks, folder_around(options.output)));
    } else {
        book.assumed("writing", "GB/s a node", &planning::MachineRates::write_gbps,
                     given.write_gbps);
    }
    book.assumed("file system", "GB/s in all", &planning::MachineRates::storage_gbps,
                 given.storage_gbps);
    book.assumed("network", "GB/s a node", &planning::MachineRates::network_gbps,
                 given.network_gbps);
    return book.known();
}

}  // namespace alphaprune::commands
