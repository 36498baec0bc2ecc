#include <fmt/format.h>

#include <cmath>

#include "alphaprune/report/run_report.hpp"

namespace alphaprune::report {
namespace {

std::string value_text(double perplexity) {
    return std::isfinite(perplexity) ? fmt::format("{:.3f}", perplexity) : "not a number";
}

}  // namespace

std::string perplexity_lines(const RunReport& report) {
    std::string text;
    for (const PerplexityReport& entry : report.perplexities) {
        text += "perplexity";
        if (entry.dense) {
            text += fmt::format(" {} dense{}", value_text(*entry.dense), entry.pruned ? "," : "");
        }
        if (entry.pruned) {
            text += fmt::format(" {} pruned", value_text(*entry.pruned));
        }
        text +=
            fmt::format(" ({}, seqlen {}, windows {})\n", entry.text, entry.seqlen, entry.windows);
    }
    return text;
}

}  // namespace alphaprune::report
