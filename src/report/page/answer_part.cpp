#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "alphaprune/support/machine.hpp"
#include "page/markup.hpp"
#include "page/page_parts.hpp"

namespace alphaprune::report {
namespace {

std::string card(std::string_view title, const std::string& figure, const std::string& more) {
    return fmt::format("<div class=\"card\"><h3>{}</h3>\n<p class=\"big\">{}</p>\n{}</div>\n",
                       title, figure, more);
}

std::string allocation_text(const AllocationReport& allocation) {
    std::string text = escaped(allocation.name);
    if (!allocation.metric.empty()) {
        text += fmt::format(" on {} ({}, ε {})", escaped(allocation.metric),
                            escaped(allocation.mapping_type), number_text(allocation.epsilon));
    }
    for (const OwnOption& option : allocation.own_options) {
        if (option.value == 0) {
            continue;  // a limit that there is not
        }
        text += fmt::format(", {} {}", escaped(option.name), number_text(option.value));
    }
    return text;
}

/// The page in a sentence.
std::string lead_text(const PageContents& contents) {
    const RunReport& report = contents.report;
    const std::string model = fmt::format(
        "<b>{}</b> ({}, {}, {} matrices, {} prunable weights)", escaped(report.model_name),
        escaped(report.family), counted(report.blocks, "block"),
        with_separators(static_cast<std::int64_t>(report.matrices.size())),
        with_separators(report.prunable_parameters));
    if (!report.allocation) {
        return fmt::format("<p class=\"lead\">{}: spectra only; nothing was pruned.</p>\n", model);
    }
    return fmt::format(
        "<p class=\"lead\">{}, pruned by <b>{}</b> ({}) with ratios by <b>{}</b>.</p>\n", model,
        escaped(report.prune_method), escaped(report.sparsity_type),
        allocation_text(*report.allocation));
}

std::string sparsity_card(const PageContents& contents) {
    const RunReport& report = contents.report;
    if (!report.allocation) {
        return {};
    }
    const auto zeros = total_zeros(report);
    std::string more =
        fmt::format("<p>asked: {}</p>\n", percent_text(report.allocation->sparsity_ratio));
    if (zeros) {
        more += fmt::format("<p>{} of {} weights are zero</p>\n", with_separators(*zeros),
                            with_separators(contents.model.weights));
    }
    if (!report.allocation->bounded_blocks.empty()) {
        more += fmt::format("<p>held at {} in block {}</p>\n",
                            number_text(report.allocation->max_sparsity),
                            fmt::join(report.allocation->bounded_blocks, ", "));
    }
    return card("How much: sparsity", zeros ? percent_text(realized_sparsity(report)) : "–", more);
}

/// Of one text. A perplexity that is no number stands as such.
std::string perplexity_card(const PerplexityReport& entry) {
    const auto value = [](double perplexity) {
        return std::isfinite(perplexity) ? fmt::format("{:.4g}", perplexity) : "not a number";
    };
    std::string figure = entry.dense ? value(*entry.dense) : "";
    if (entry.pruned) {
        figure += (entry.dense ? " → " : "") + value(*entry.pruned);
    }
    std::string more;
    if (entry.dense && entry.pruned) {
        const double factor = *entry.pruned / *entry.dense;
        more += std::isfinite(factor) && factor > 0
                    ? fmt::format("<p>dense → pruned: × {:.3g}</p>\n", factor)
                    : "<p>dense → pruned</p>\n";
    }
    more += fmt::format("<p>{}, {} of {} tokens</p>\n", escaped(entry.text),
                        counted(entry.windows, "window"), with_separators(entry.seqlen));
    return card("Did it hurt: perplexity", figure, more);
}

std::string perplexity_cards(const RunReport& report) {
    std::string text;
    for (const PerplexityReport& entry : report.perplexities) {
        text += perplexity_card(entry);
    }
    if (text.empty() && report.allocation) {
        text = card("Did it hurt: perplexity", "not measured",
                    "<p>run again with <code>--eval TEXT</code>, or "
                    "<code>alphaprune_mpi evaluate</code></p>\n");
    }
    return text;
}

std::string cost_card(const RunReport& report) {
    std::string more = fmt::format("<p>on {} × {}, {}</p>\n", counted(report.ranks, "rank"),
                                   counted(report.threads_per_rank, "thread"),
                                   counted(static_cast<std::int64_t>(report.hosts.size()), "host"));
    if (report.peak_memory > 0) {
        more +=
            fmt::format("<p>at most {} per rank</p>\n", support::human_bytes(report.peak_memory));
    }
    if (report.attempts > 1) {
        more += fmt::format("<p>the last of {} attempts</p>\n", report.attempts);
    }
    return card("At what cost", duration_text(report.seconds), more);
}

/// "97.2 % of the weights of the blocks; left out: h.*.ln_1.weight (norms), …"
std::string share_text(const RunReport& report) {
    constexpr std::size_t kShown = 8;
    if (report.block_weights <= 0) {
        return {};
    }
    std::vector<std::string> groups;
    for (const LeftOutReport& group : report.left_out) {
        if (groups.size() == kShown) {
            groups.push_back(fmt::format("{} more", report.left_out.size() - kShown));
            break;
        }
        groups.push_back(fmt::format("<code>{}</code> ({}: {} weights)", escaped(group.names),
                                     escaped(group.reason), with_separators(group.weights)));
    }
    return fmt::format("<p>Prunable are {} of the weights of the blocks; left out: {}.</p>\n",
                       percent_text(static_cast<double>(report.prunable_parameters) /
                                    static_cast<double>(report.block_weights)),
                       groups.empty() ? "nothing" : fmt::format("{}", fmt::join(groups, ", ")));
}

}  // namespace

std::string answer_part(const PageContents& contents) {
    const RunReport& report = contents.report;
    std::string text = lead_text(contents) + "<div class=\"cards\">\n" + sparsity_card(contents) +
                       perplexity_cards(report) + cost_card(report) + "</div>\n";
    if (!report.notes.empty()) {
        text += fmt::format("<p class=\"warned\"><a href=\"#warnings\">{}</a></p>\n",
                            counted(static_cast<std::int64_t>(report.notes.size()), "warning"));
    }
    if (const std::string uniform = beside_uniform(report); !uniform.empty()) {
        text += "<h3 id=\"uniform\">Beside uniform ratios</h3>\n" + uniform;
    }
    return section("answer", report.allocation ? "What was pruned" : "What was analyzed",
                   text + share_text(report));
}

}  // namespace alphaprune::report
