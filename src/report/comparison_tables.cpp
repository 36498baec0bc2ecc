#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "alphaprune/report/comparison.hpp"

namespace alphaprune::report {
namespace {

/// Quoted as RFC 4180 asks.
std::string quoted_where_needed(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) {
        return text;
    }
    std::string cell = "\"";
    for (const char c : text) {
        cell += c == '"' ? "\"\"" : std::string(1, c);
    }
    return cell + '"';
}

std::string exact(const std::optional<double>& value) {
    return value && std::isfinite(*value) ? fmt::format("{}", *value) : "";
}

/// A perplexity to the digits that papers give.
std::string perplexity_cell(const std::optional<double>& value, std::string_view none) {
    if (!value || !std::isfinite(*value)) {
        return std::string(none);
    }
    return *value < 1000 ? fmt::format("{:.2f}", *value) : fmt::format("{:.0f}", *value);
}

/// The different ratios of some series, ascending.
std::vector<double> ratios_of(const Comparison& comparison,
                              const std::vector<ComparedSeries>& series) {
    std::set<double> ratios;
    for (const ComparedSeries& one : series) {
        for (const std::size_t r : one.runs) {
            ratios.insert(comparison.runs[r].sparsity_ratio);
        }
    }
    return {ratios.begin(), ratios.end()};
}

const ComparedRun* run_at(const Comparison& comparison, const ComparedSeries& series,
                          double ratio) {
    for (const std::size_t r : series.runs) {
        if (comparison.runs[r].sparsity_ratio == ratio) {
            return &comparison.runs[r];
        }
    }
    return nullptr;
}

/// A table of a row per series and a column per ratio.
class LatexTable {
  public:
    /// @param value  of a run, to be shown by `shown`
    template <class Value, class Shown>
    LatexTable(const Comparison& comparison, std::vector<ComparedSeries> series, Value value,
               Shown shown, bool bold)
        : ratios_(ratios_of(comparison, series)), series_(std::move(series)) {
        for (const double ratio : ratios_) {
            std::vector<std::optional<double>>& column = columns_.emplace_back();
            for (const ComparedSeries& one : series_) {
                const ComparedRun* run = run_at(comparison, one, ratio);
                column.push_back(run != nullptr ? value(*run) : std::nullopt);
            }
            std::vector<std::string>& cells = cells_.emplace_back();
            double least = INFINITY;
            for (const auto& number : column) {
                least = number && std::isfinite(*number) ? std::min(least, *number) : least;
            }
            for (const auto& number : column) {
                const std::string cell = shown(number);
                cells.push_back(bold && number && *number == least && column.size() > 1
                                    ? fmt::format("\\textbf{{{}}}", cell)
                                    : cell);
            }
        }
    }

    /// Without series that have no value at all.
    std::string text(const std::string& caption) const {
        std::string table = fmt::format(
            "\\begin{{table}}\n\\centering\n\\caption{{{}}}\n\\begin{{tabular}}{{ll{}}}"
            "\n\\toprule\n"
            "& & \\multicolumn{{{}}}{{c}}{{Sparsity ratio}} \\\\\n\\cmidrule(lr){{3-{}}}\n"
            "Method & Allocation",
            caption, std::string(ratios_.size(), 'r'), ratios_.size(), ratios_.size() + 2);
        for (const double ratio : ratios_) {
            table += fmt::format(" & {}", ratio);
        }
        table += " \\\\\n\\midrule\n";
        for (std::size_t s = 0; s < series_.size(); ++s) {
            const ComparedSeries& one = series_[s];
            if (std::ranges::none_of(columns_,
                                     [&](const auto& column) { return column[s].has_value(); })) {
                continue;
            }
            std::string allocation = one.allocation;
            allocation += one.sparsity_type == "unstructured" ? "" : ", " + one.sparsity_type;
            allocation += one.setting.empty() ? "" : ", " + one.setting;
            table +=
                fmt::format("{} & {}", latex_escaped(one.prune_method), latex_escaped(allocation));
            for (const auto& cells : cells_) {
                table += " & " + cells[s];
            }
            table += " \\\\\n";
        }
        return table + "\\bottomrule\n\\end{tabular}\n\\end{table}\n\n";
    }

  private:
    std::vector<double> ratios_;
    std::vector<ComparedSeries> series_;
    std::vector<std::vector<std::optional<double>>> columns_;
    std::vector<std::vector<std::string>> cells_;
};

std::vector<ComparedSeries> series_of_model(const Comparison& comparison, std::size_t model) {
    std::vector<ComparedSeries> series = series_of(comparison);
    std::erase_if(series, [&](const ComparedSeries& one) { return one.model != model; });
    return series;
}

/// Of the model on the text; nothing where no run of it was measured there.
const ComparedPerplexity* some_perplexity(const Comparison& comparison, std::size_t model,
                                          std::size_t text) {
    for (const ComparedRun& run : comparison.runs) {
        if (const auto* found = run.model == model ? perplexity_on(run, text) : nullptr) {
            return found;
        }
    }
    return nullptr;
}

std::string aligned(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths(rows.front().size());
    const auto width = [](const std::string& text) {  // code points
        return static_cast<std::size_t>(
            std::ranges::count_if(text, [](unsigned char c) { return (c & 0xC0U) != 0x80U; }));
    };
    for (const auto& row : rows) {
        for (std::size_t c = 0; c < row.size(); ++c) {
            widths[c] = std::max(widths[c], width(row[c]));
        }
    }
    std::string text;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t c = 0; c < row.size(); ++c) {
            const std::string space(widths[c] - width(row[c]), ' ');
            const bool at_the_edge = c == 0 || c + 1 == row.size();
            line += (c == 0 ? "" : "  ") + (at_the_edge ? row[c] + space : space + row[c]);
        }
        text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    return text;
}

}  // namespace

std::string comparison_csv(const Comparison& comparison) {
    std::string text =
        "run,model,prune_method,allocation,metric,epsilon,sparsity_type,sparsity_ratio,sparsity,"
        "setting,text,seqlen,windows,dense_perplexity,pruned_perplexity,seconds,prune_seconds,"
        "ranks\n";
    for (const ComparedRun& run : comparison.runs) {
        std::string head;
        for (const std::string& word :
             {run.folder, comparison.models[run.model].label, run.prune_method, run.allocation,
              run.metric, exact(run.epsilon), run.sparsity_type, exact(run.sparsity_ratio),
              exact(run.sparsity), run.setting}) {
            head += quoted_where_needed(word) + ",";
        }
        const std::string tail =
            fmt::format(",{},{},{}\n", run.seconds, run.prune_seconds, run.ranks);
        for (const ComparedPerplexity& perplexity : run.perplexities) {
            const ComparedText& on = comparison.texts[perplexity.text];
            text +=
                fmt::format("{}{},{},{},{},{}{}", head, quoted_where_needed(on.path), on.seqlen,
                            on.windows, exact(perplexity.dense), exact(perplexity.pruned), tail);
        }
        if (run.perplexities.empty()) {
            text += fmt::format("{},,,,{}", head, tail);
        }
    }
    return text;
}

std::string latex_escaped(std::string_view text) {
    static const std::map<char, std::string_view> kCommands{{'&', "\\&"},
                                                            {'%', "\\%"},
                                                            {'$', "\\$"},
                                                            {'#', "\\#"},
                                                            {'_', "\\_"},
                                                            {'{', "\\{"},
                                                            {'}', "\\}"},
                                                            {'~', "\\textasciitilde{}"},
                                                            {'^', "\\textasciicircum{}"},
                                                            {'\\', "\\textbackslash{}"},
                                                            {'<', "\\textless{}"},
                                                            {'>', "\\textgreater{}"},
                                                            {'\n', " "}};
    static const std::vector<std::pair<std::string_view, std::string_view>> kLetters{
        {"ε", "$\\varepsilon$"}, {"×", "$\\times$"}};
    std::string safe;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto letter = std::ranges::find_if(
            kLetters, [&](const auto& pair) { return text.substr(i).starts_with(pair.first); });
        if (letter != kLetters.end()) {
            safe += letter->second;
            i += letter->first.size() - 1;
            continue;
        }
        const auto command = kCommands.find(text[i]);
        safe += command != kCommands.end() ? command->second : text.substr(i, 1);
    }
    return safe;
}

std::string comparison_latex(const Comparison& comparison) {
    std::string text = "% needs \\usepackage{booktabs}\n";
    for (std::size_t model = 0; model < comparison.models.size(); ++model) {
        const std::vector<ComparedSeries> series = series_of_model(comparison, model);
        const std::string name = latex_escaped(comparison.models[model].label);
        for (std::size_t t = 0; t < comparison.texts.size(); ++t) {
            const ComparedPerplexity* some = some_perplexity(comparison, model, t);
            if (some == nullptr) {
                continue;
            }
            const ComparedText& on = comparison.texts[t];
            const LatexTable table(
                comparison, series,
                [&](const ComparedRun& run) {
                    const auto* found = perplexity_on(run, t);
                    return found != nullptr ? found->pruned : std::nullopt;
                },
                [](const auto& value) { return perplexity_cell(value, "--"); }, true);
            text += table.text(fmt::format(
                "Perplexity of {} on {} ({} windows of {} tokens) after pruning; dense: {}.", name,
                latex_escaped(on.label), on.windows, on.seqlen,
                perplexity_cell(some->dense, "--")));
        }
        std::vector<ComparedSeries> timed = series;
        for (ComparedSeries& one : timed) {  // rows of several texts stand in one table
            for (const ComparedPerplexity& found : comparison.runs[one.runs.front()].perplexities) {
                if (comparison.texts.size() > 1) {
                    one.setting +=
                        (one.setting.empty() ? "" : ", ") + comparison.texts[found.text].label;
                }
            }
        }
        const LatexTable times(
            comparison, std::move(timed),
            [](const ComparedRun& run) { return std::optional(run.seconds); },
            [](const auto& value) { return value ? fmt::format("{:.1f}", *value) : "--"; }, false);
        text += times.text(fmt::format("Seconds that the runs on {} took.", name));
    }
    return text;
}

std::string comparison_table(const Comparison& comparison) {
    std::vector<std::vector<std::string>> rows{
        {"model", "method", "allocation", "epsilon", "ratio", "sparsity"}};
    for (const ComparedText& text : comparison.texts) {
        rows.front().push_back("ppl " + text.label);
    }
    rows.front().insert(rows.front().end(), {"seconds", "run"});
    for (const ComparedRun& run : comparison.runs) {
        std::vector<std::string> row{comparison.models[run.model].label,
                                     run.prune_method,
                                     run.allocation,
                                     run.epsilon ? fmt::format("{}", *run.epsilon) : "-",
                                     fmt::format("{}", run.sparsity_ratio),
                                     fmt::format("{:.4f}", run.sparsity)};
        for (std::size_t t = 0; t < comparison.texts.size(); ++t) {
            const ComparedPerplexity* found = perplexity_on(run, t);
            row.push_back(perplexity_cell(found != nullptr ? found->pruned : std::nullopt, "-"));
        }
        row.insert(row.end(), {fmt::format("{:.1f}", run.seconds), run.folder});
        rows.push_back(std::move(row));
    }
    std::string text = aligned(rows);
    for (std::size_t model = 0; model < comparison.models.size(); ++model) {
        for (std::size_t t = 0; t < comparison.texts.size(); ++t) {
            if (const auto* some = some_perplexity(comparison, model, t)) {
                text += fmt::format("dense: {} on {}: {}\n", comparison.models[model].label,
                                    comparison.texts[t].label, perplexity_cell(some->dense, "-"));
            }
        }
    }
    return text;
}

}  // namespace alphaprune::report
