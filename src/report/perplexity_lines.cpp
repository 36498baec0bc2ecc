#include <fmt/format.h>

#include "alphaprune/report/run_report.hpp"

namespace alphaprune {

std::string perplexity_lines(const RunReport& report) {
    std::string text;
    for (const PerplexityReport& entry : report.perplexities) {
        text += "perplexity";
        if (entry.dense) {
            text += fmt::format(" {:.3f} dense{}", *entry.dense, entry.pruned ? "," : "");
        }
        if (entry.pruned) {
            text += fmt::format(" {:.3f} pruned", *entry.pruned);
        }
        text +=
            fmt::format(" ({}, seqlen {}, windows {})\n", entry.text, entry.seqlen, entry.windows);
    }
    return text;
}

}  // namespace alphaprune
