#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "alphaprune/report/comparison.hpp"
#include "stages.hpp"

namespace alphaprune::commands {

/// One run of the sweep.
struct PointOfSweep {
    const cli::SweepPoint* request = nullptr;
    cli::Options options = {};
    std::optional<report::EpsilonChoiceReport> choice = {};

    bool leaves_epsilon_open() const { return request->epsilons.size() > 1; }
    void take_epsilon(const cli::Options& sweep, std::optional<double> epsilon) {
        options = cli::options_of_point(sweep, *request, epsilon);
    }
};

/// Those of a sweep, with the first epsilon of each.
std::vector<PointOfSweep> points_of(const cli::Options& sweep);

/// Texts are read once; what else a run's inputs are depends on its options. Collective.
Inputs inputs_of_point(const Job& job, const PointOfSweep& point, const Inputs& texts);

/// Part of a sweep's identity: what a run depends on, in its words.
std::string identity_part_of(const std::string& point);

/// Finds whatever is wrong with any run of the sweep, before any work, and what all of them depend
/// on. Collective. @throws Error on all ranks, with the faults of all runs
resume::RunIdentity check_points(Job& job, const std::vector<PointOfSweep>& points,
                                 const Inputs& texts);

/// As many checkpoints as will lie on the disk at once.
std::uint64_t room_for(const Job& job, const std::vector<PointOfSweep>& points,
                       const Inputs& texts);

/// Removes the checkpoints that are not to be kept, of runs that have come to their end. For rank
/// 0.
void drop_checkpoints(const cli::Options& options,
                      const std::vector<report::ReportOfRun>& finished);

}  // namespace alphaprune::commands
