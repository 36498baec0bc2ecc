#include "page/markup.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "alphaprune/support/clock.hpp"

namespace alphaprune::report {
namespace {

std::string_view entity_of(char c) {
    switch (c) {
        case '&':
            return "&amp;";
        case '<':
            return "&lt;";
        case '>':
            return "&gt;";
        case '"':
            return "&quot;";
        case '\'':
            return "&#39;";
        default:
            return {};
    }
}

bool is_plain(char c) {
    constexpr std::string_view kPlain = "-_./:=,+@%";
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kPlain.find(c) != std::string_view::npos;
}

}  // namespace

std::string escaped(std::string_view text) {
    std::string safe;
    for (const char c : text) {
        const std::string_view entity = entity_of(c);
        safe += entity.empty() ? std::string_view(&c, 1) : entity;
    }
    return safe;
}

std::string number_text(double value, int digits) {
    return std::isfinite(value) ? fmt::format("{:.{}g}", value, digits) : "–";
}

std::string metric_text(double value) {
    const double magnitude = std::fabs(value);
    return !std::isfinite(value) ? "–"
           : magnitude != 0 && (magnitude >= 1e5 || magnitude < 1e-2)
               ? fmt::format("{:.3e}", value)
               : fmt::format("{:.3f}", value);
}

std::string with_separators(std::int64_t value) {
    std::string text = std::to_string(value);
    for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) {
        text.insert(static_cast<std::size_t>(at), 1, ',');
    }
    return text;
}

std::string percent_text(double share) {
    return std::isfinite(share) ? fmt::format("{:.2f} %", 100 * share) : "–";
}

std::string duration_text(double seconds) {
    constexpr double kLongest = 1e12;  // beyond all runs; a report that was read may say anything
    return std::fabs(seconds) < kLongest ? support::human_duration(seconds)
                                         : number_text(seconds) + " s";
}

std::string counted(std::int64_t count, std::string_view noun) {
    return fmt::format("{} {}{}", with_separators(count), noun, count == 1 ? "" : "s");
}

std::string shell_line(const std::vector<std::string>& words) {
    std::string line;
    for (const std::string& word : words) {
        line += line.empty() ? "" : " ";
        if (!word.empty() && std::ranges::all_of(word, is_plain)) {
            line += word;
            continue;
        }
        line += '\'';
        for (const char c : word) {
            line += c == '\'' ? std::string(R"('\'')") : std::string(1, c);
        }
        line += '\'';
    }
    return line;
}

std::string section(std::string_view id, std::string_view title, const std::string& body) {
    return body.empty()
               ? ""
               : fmt::format(
                     "<section id=\"{0}\" aria-labelledby=\"{0}-h\">\n<h2 id=\"{0}-h\">{1}</h2>\n"
                     "{2}</section>\n",
                     id, title, body);
}

std::string scrollable(std::string_view label, const std::string& body) {
    return fmt::format(
        "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"{}\">{}</div>\n", label,
        body);
}

std::string table_head(const std::vector<std::string>& names) {
    std::string row = "<thead><tr>";
    for (const std::string& name : names) {
        row += fmt::format("<th scope=\"col\">{}</th>", name);
    }
    return row + "</tr></thead>\n";
}

std::string folded(std::string_view summary, const std::string& body, bool open) {
    return fmt::format("<details{}><summary>{}</summary>\n{}</details>\n", open ? " open" : "",
                       summary, body);
}

}  // namespace alphaprune::report
