#include "alphaprune/planning/validation.hpp"

#include <fmt/format.h>

#include <cmath>

#include "alphaprune/support/machine.hpp"

namespace alphaprune::planning {

Validation::Validation(const FinishedRun& finished, const RunForecast& predicted)
    : title_(fmt::format("{} on {} rank{} at {:.1f} GFLOP/s each", finished.report.model_name,
                         finished.report.ranks, finished.report.ranks == 1 ? "" : "s",
                         finished.report.gemm_gflops)) {
    for (const Phase phase :
         {Phase::start, Phase::spectrum, Phase::prune_and_write, Phase::evaluate}) {
        if (const auto measured = measured_seconds(finished.report, phase)) {
            seconds_.push_back(
                {std::string(name_of(phase)), predicted_seconds(predicted, phase), *measured});
        }
    }
    seconds_.push_back({"whole", predicted.seconds(), finished.report.seconds});
    if (finished.report.peak_memory > 0) {
        memory_.push_back({"memory a rank", static_cast<double>(predicted.memory()),
                           static_cast<double>(finished.report.peak_memory)});
    }
}

std::string Validation::Line::ratio_text() const {
    return std::isfinite(ratio()) ? fmt::format("{:.2f}", ratio()) : "-";  // nothing was measured
}

std::string Validation::table() const {
    std::string text = title_ + "\n";
    text +=
        fmt::format("{:<17} {:>12} {:>12} {:>8}\n", "seconds", "predicted", "measured", "ratio");
    for (const Line& line : seconds_) {
        text += fmt::format("{:<17} {:>12.4g} {:>12.4g} {:>8}\n", line.name, line.predicted,
                            line.measured, line.ratio_text());
    }
    for (const Line& line : memory_) {
        text += fmt::format("{:<17} {:>12} {:>12} {:>8}\n", line.name,
                            support::human_bytes(static_cast<std::uint64_t>(line.predicted)),
                            support::human_bytes(static_cast<std::uint64_t>(line.measured)),
                            line.ratio_text());
    }
    return text;
}

formats::Json Validation::json() const {
    const auto lines_json = [](const std::vector<Line>& lines) {
        formats::Json::Array array;
        for (const Line& line : lines) {
            array.push_back(formats::Json::Object{
                {"name", line.name},
                {"predicted", line.predicted},
                {"measured", line.measured},
                {"ratio", line.ratio()},
            });
        }
        return array;
    };
    return formats::Json::Object{
        {"schema_version", 1},
        {"run", title_},
        {"seconds", lines_json(seconds_)},
        {"memory", lines_json(memory_)},
    };
}

}  // namespace alphaprune::planning
