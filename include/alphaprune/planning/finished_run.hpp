#pragma once

#include <map>
#include <string>
#include <vector>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/planning/plan_report.hpp"
#include "alphaprune/report/run_report.hpp"

namespace alphaprune::planning {

/// A run that has been, as its report has it, and what could have been known of it before.
struct FinishedRun {
    report::RunReport report;
    PlannedRun run;
};

/// Measured over predicted time of the solvers that the run used.
std::map<linalg::Solver, double> solver_corrections(const report::RunReport& report,
                                                    const MachineRates& here);
/// Measured over predicted time of phases other than start and spectrum.
std::map<Phase, double> phase_corrections(const FinishedRun& finished, const MachineRates& here);

/// A finished run beside what would have been predicted by the rates of this machine, at the DGEMM
/// rate that the run itself measured.
class Validation {
  public:
    Validation(const FinishedRun& finished, const MachineRates& here);

    std::string table() const;
    formats::Json json() const;

  private:
    struct Line {
        std::string name;
        double predicted = 0;
        double measured = 0;

        double ratio() const { return predicted / measured; }
        std::string ratio_text() const;
    };

    std::string title_;
    std::vector<Line> seconds_;  ///< of the phases, and of the whole
    std::vector<Line> memory_;   ///< bytes of the rank that needs most; none when not known
};

}  // namespace alphaprune::planning
