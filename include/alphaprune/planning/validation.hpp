#pragma once

#include <string>
#include <vector>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/planning/finished_run.hpp"

namespace alphaprune::planning {

/// A finished run beside what would have been predicted.
class Validation {
  public:
    Validation(const FinishedRun& finished, const RunForecast& predicted);

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
