#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "alphaprune/report/run_report.hpp"
#include "alphaprune/support/file.hpp"
#include "report/made_up_report.hpp"
#include "report/page_text.hpp"
#include "report/sample_report.hpp"
#include "support/temporary_folder.hpp"

namespace alphaprune::report {
namespace {

using test::between;
using test::expect_none_of;
using test::occurrences;

/// A part of the page by its id.
std::string part_of(const std::string& page, const std::string& id) {
    return between(page, "<section id=\"" + id + "\"", "</section>");
}

void expect_balanced(const std::string& page) {
    for (const char* tag :
         {"table",   "thead",   "tbody",   "tr",     "td",   "th",   "svg", "figure", "div",
          "details", "summary", "section", "body",   "html", "p",    "ul",  "li",     "text",
          "g",       "title",   "rect",    "circle", "a",    "code", "pre"}) {
        const std::size_t opened = occurrences(page, fmt::format("<{}>", tag)) +
                                   occurrences(page, fmt::format("<{} ", tag));
        const std::size_t closed = occurrences(page, fmt::format("</{}>", tag));
        const std::string name = tag;
        if (name == "circle") {
            EXPECT_LE(closed, opened) << tag;  // those without a title end in "/>"
        } else if (name == "rect") {
            EXPECT_LE(closed, opened) << tag;
        } else {
            EXPECT_EQ(opened, closed) << tag;
        }
    }
}

const std::vector<SpectrumPicture>& four_pictures() {
    static const std::vector<SpectrumPicture> pictures{picture_of({1, 2, 3, 9}), picture_of({1, 2}),
                                                       picture_of({1, 5}), picture_of({0, 0})};
    return pictures;
}

TEST(HtmlReport, IsSelfContained) {
    const std::string page = html_page(test::pruned_report(), four_pictures());
    expect_none_of(
        page, {"<script src", "<link", "http://", "https://", "url(h", "@import", "@ALPHAPRUNE"});
    EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
    EXPECT_NE(page.find("prefers-color-scheme: dark"), std::string::npos);
    EXPECT_NE(page.find("@media print"), std::string::npos);
    expect_balanced(page);
    expect_none_of(page, {">nan", "\"nan", " nan", ">inf", "\"inf", " inf\""});
    const test::TemporaryFolder folder;
    write_html_report(test::pruned_report(), four_pictures(), folder.path());
    EXPECT_EQ(support::read_text(folder / "report.html"), page);
}

/// What, how much, whether it hurt, at what cost: all of it numbers of the report.
TEST(HtmlReport, AnswersFirst) {
    RunReport report = test::pruned_report();
    report.sparsity_type = "unstructured";
    report.perplexities = {{"eval.npy", 512, 360, 26.7, 84.1}};
    const std::string page = html_page(report, {});
    EXPECT_LT(page.find("id=\"answer\""), page.find("id=\"ratios\""));
    const std::string answer = part_of(page, "answer");
    EXPECT_NE(answer.find("<b>toy</b> (llama, 2 blocks, 4 matrices, 120 prunable weights), pruned "
                          "by <b>magnitude</b> (unstructured) with ratios by <b>alphapruning on "
                          "alpha_peak (block_wise, ε 0.3)</b>"),
              std::string::npos);
    EXPECT_NE(answer.find("<p class=\"big\">70.00 %</p>\n<p>asked: 70.00 %</p>\n<p>84 of 120 "
                          "weights are zero</p>\n<p>held at 0.99 in block 1</p>"),
              std::string::npos);
    EXPECT_NE(answer.find("<p class=\"big\">26.7 → 84.1</p>\n<p>dense → pruned: × 3.15</p>\n"
                          "<p>eval.npy, 360 windows of 512 tokens</p>"),
              std::string::npos);
    EXPECT_NE(answer.find("<p class=\"big\">1.5 s</p>\n<p>on 3 ranks × 2 threads, 2 hosts</p>\n"
                          "<p>at most 73 MB per rank</p>\n<p>the last of 2 attempts</p>"),
              std::string::npos);
    EXPECT_NE(answer.find("Prunable are 75.00 % of the weights of the blocks; left out: "
                          "<code>b.*.gate.weight</code> (routers of experts: 40 weights)"),
              std::string::npos);
    EXPECT_NE(answer.find("href=\"#warnings\">1 warning</a>"), std::string::npos);
    EXPECT_EQ(between(part_of(page, "warnings"), "<li>", "</li>"), "block 1 is bounded");
}

TEST(HtmlReport, SaysSoWhereNothingWasMeasured) {
    const std::string answer = part_of(html_page(test::pruned_report(), {}), "answer");
    EXPECT_NE(answer.find("<p class=\"big\">not measured</p>"), std::string::npos);
    RunReport broken = test::pruned_report();
    broken.perplexities = {{"eval.npy", 512, 360, 26.7, INFINITY}};
    EXPECT_NE(html_page(broken, {}).find("26.7 → not a number</p>\n<p>dense → pruned</p>"),
              std::string::npos);
}

TEST(HtmlReport, ShowsRatiosAndExponentsOfEveryMatrix) {
    const std::string part = part_of(html_page(test::pruned_report(), {}), "ratios");
    EXPECT_NE(part.find("Block 0 keeps most (ratio 0.5, mean alpha_peak 3), block 1 least (ratio "
                        "0.9, mean alpha_peak 5)"),
              std::string::npos);
    EXPECT_NE(part.find("<title>block 0: ratio 0.5</title>"), std::string::npos);
    EXPECT_NE(part.find("<title>block 1: mean alpha_peak 5</title>"), std::string::npos);
    for (const char* cell :
         {"block 0, q: 0.5<", "block 0, k: 0.5<", "block 1, q: 0.9<", "block 1, k: 0.9<",
          "block 0, q: 2<", "block 0, k: 4<", "block 1, q: 5<"}) {
        EXPECT_EQ(occurrences(part, std::string("<title>") + cell), 1U) << cell;
    }
    EXPECT_EQ(occurrences(part, "data-m="), 7U);  // the last matrix has no exponent
    EXPECT_NE(part.find("<tr><th scope=\"row\">all</th><td>3.6667</td><td>0.7</td><td>70.00 "
                        "%</td><td>84</td><td>120</td></tr>"),
              std::string::npos);
}

TEST(HtmlReport, OrdersSpectraByExponent) {
    const std::string page = html_page(test::pruned_report(), four_pictures());
    const std::string part = part_of(page, "spectra");
    EXPECT_EQ(occurrences(part, "<details id="), 4U);
    EXPECT_EQ(occurrences(part, "no positive eigenvalue"), 1U);
    const std::vector<std::string> order{"id=\"m0\"", "id=\"m1\"", "id=\"m2\"", "id=\"m3\""};
    for (std::size_t i = 0; i + 1 < order.size(); ++i) {
        EXPECT_LT(part.find(order[i]), part.find(order[i + 1])) << i;
    }
    EXPECT_NE(part.find("<summary><b>4.000</b> block 0, k</summary>"), std::string::npos);
    EXPECT_EQ(part_of(html_page(test::pruned_report(), {}), "spectra"), "");
}

TEST(HtmlReport, EscapesWhatComesFromOutside) {
    RunReport report = test::pruned_report();
    report.model_name = "<script>alert('x')</script>";
    report.matrices[0].name = "a<b>&\"c\"";
    report.matrices[0].law = LawReport{"<tt>", 2, 1, 4, 0.1};
    report.notes = {"<i>"};
    report.command_line = {"<tt>", "--model=<tt>"};
    report.family = report.hosts[0] = report.matrices[0].solver = "<u>";
    report.shown_metric = report.prune_method = report.sparsity_type = "<em>";
    report.allocation->name = report.allocation->metric = "<u>";
    report.allocation->own_options = {{"<u>", "<u>", 1}};
    report.left_out = {{"<u>", "<u>", 1, 1}};
    report.perplexities = {{"<u>", 1, 1, 1.0, 1.0}};
    report.search = {{"<u>", 1.0, true}};
    report.calibration = CalibrationReport{"<u>", 1, 1, 1, {{"<u>", 1, 1}}};
    report.targets = TargetsReport{0, 0, "<u>", 0, {}};
    report.phases = {{"<u>", 1}};
    report.timeline = {{"<u>", TimelineReport{1, {}, {}, "<u>"}}};
    for (auto& work : report.timeline[0].second.of_ranks) {
        work = {1};
    }
    report.program_version = report.started = report.identity = "<u>";
    const std::string page = html_page(report, four_pictures());
    expect_none_of(page, {"<script>alert", "<i>", "<u>", "<em>", "<tt>", "a<b>"});
    EXPECT_NE(page.find("a&lt;b&gt;&amp;&quot;c&quot;"), std::string::npos);
}

TEST(HtmlReport, AfterAnalyze) {
    const std::string page = html_page(test::analysed_report(), four_pictures());
    EXPECT_NE(page.find("spectra only; nothing was pruned"), std::string::npos);
    for (const char* id : {"errors", "search", "warnings"}) {
        EXPECT_EQ(part_of(page, id), "") << id;
    }
    expect_none_of(page, {"Beside uniform", "perplexity"});
    EXPECT_NE(part_of(page, "distribution").find("median of 4"), std::string::npos);
    expect_balanced(page);
}

/// Five candidates, of which the first, the second and the last are better than all before.
RunReport searched_report() {
    RunReport report = test::pruned_report();
    report.search = {{"uniform", 50.0, true},
                     {"attention +0.06", 40.0, true},
                     {"slope <b>", INFINITY, false},
                     {"slope -0.06", 45.0, false},
                     {"first block +0.06", 30.0, true}};
    return report;
}

TEST(HtmlReport, ShowsWhatASearchTried) {
    const std::string part = part_of(html_page(searched_report(), {}), "search");
    ASSERT_EQ(occurrences(part, "<circle"), 5U);
    expect_none_of(part, {"nan", ">inf", "<b>"});
    // The scale has 0.08 of the range to spare on both sides: 28.4 is at y = 220, 51.6 at y = 12.
    const auto title_at = [&](const std::string& mark) {
        return between(part, "<circle " + mark + " r=\"4\"><title>", "</title>");
    };
    EXPECT_EQ(title_at(R"(class="dot" cx="199.7" cy="26.3")"),
              "candidate 1, uniform: perplexity 50, the best so far");
    EXPECT_EQ(title_at(R"(class="dot" cx="329.3" cy="116.0")"),
              "candidate 2, attention +0.06: perplexity 40, the best so far");
    EXPECT_EQ(title_at(R"(class="bar" cx="459.0" cy="12.0")"),
              "candidate 3, slope &lt;b&gt;: no finite perplexity");
    EXPECT_EQ(title_at(R"(class="bar" cx="588.7" cy="71.2")"),
              "candidate 4, slope -0.06: perplexity 45");
    EXPECT_EQ(title_at(R"(class="dot" cx="718.3" cy="205.7")"),
              "candidate 5, first block +0.06: perplexity 30, the best so far");
    EXPECT_EQ(between(part, "<path class=\"line\" d=\"", "\""),
              "M199.7 26.3H329.3V116.0H718.3V205.7H848");
}

TEST(HtmlReport, ShowsNoSearchWhereThereWasNone) {
    EXPECT_EQ(part_of(html_page(test::pruned_report(), {}), "search"), "");
    RunReport hopeless = searched_report();
    for (SearchStepReport& step : hopeless.search) {
        step.perplexity = std::nan("");
    }
    EXPECT_EQ(part_of(html_page(hopeless, {}), "search"), "");
}

TEST(HtmlReport, ShowsErrorsOfThePrunerWhereItReportsThem) {
    RunReport report = test::pruned_report();
    EXPECT_NE(part_of(html_page(report, {}), "errors").find("reports no error"), std::string::npos);
    report.matrices[1].relative_error = 0.0625;
    report.matrices[1].iterations = 17;
    report.matrices[2].relative_error = 0.125;
    const std::string part = part_of(html_page(report, {}), "errors");
    EXPECT_NE(part.find("<title>block 0, k: 6.25</title>"), std::string::npos);
    EXPECT_LT(part.find("<tr><th scope=\"row\">b.1.q</th><td>12.50 %</td><td>0.9</td><td>–</td>"),
              part.find("<tr><th scope=\"row\">b.0.k</th><td>6.25 %</td><td>0.5</td><td>17</td>"));
}

TEST(HtmlReport, ShowsTheTimeOfTheRanks) {
    RunReport report = test::pruned_report();
    TimelineReport timeline;
    timeline.seconds = 10;
    timeline.least_busy_host = "n2";
    timeline.of_ranks.fill({0, 0});
    timeline.of_ranks[static_cast<std::size_t>(parallel::Work::forward)] = {8, 5};
    timeline.of_ranks[static_cast<std::size_t>(parallel::Work::wait)] = {2, 5};
    timeline.blocks = {{0, 10, 5, 6.5, 8, 0}};
    report.timeline = {{"prune", timeline}};
    const std::string part = part_of(html_page(report, {}), "time");
    EXPECT_NE(part.find("busy 65 % of the phase on average; least rank 1 on n2: 50 %"),
              std::string::npos);
    EXPECT_NE(part.find("<title>rank 0: forward 8 s</title>"), std::string::npos);
    EXPECT_NE(part.find("<title>rank 1: wait 5 s</title>"), std::string::npos);
    EXPECT_NE(part.find("</i>forward 65.0 %</li>"), std::string::npos);
    EXPECT_NE(part.find("block 0: 10 s; busy 5 to 8 s, most rank 0"), std::string::npos);
    EXPECT_NE(part.find("<th scope=\"row\">other</th><td>0.2 s</td>"), std::string::npos);
}

TEST(HtmlReport, TellsHowToRepeatTheRun) {
    const std::string part = part_of(html_page(test::pruned_report(), {}), "repeat");
    EXPECT_EQ(between(part, "<code>", "</code>"),
              "mpirun -n 3 alphaprune_mpi --model &#39;a b&#39;");
    for (const char* fact : {"1.2.3 (abcdef)", "2026-01-31T12:00:00Z", "0123abcd", "n1, n2"}) {
        EXPECT_NE(part.find(fact), std::string::npos) << fact;
    }
}

/// As large as LLaMA-2-70B on 512 ranks: every spectrum, and still a page that opens at once.
TEST(HtmlReport, OfALargeModelHasAllSpectra) {
    const test::MadeUpRun run = test::made_up_run();
    ASSERT_EQ(run.report.matrices.size(), 560U);
    const std::string page = html_page(run.report, run.pictures);
    EXPECT_LT(page.size(), 5'000'000U);
    EXPECT_EQ(occurrences(page, "<details id="), 560U);
    EXPECT_EQ(occurrences(page, "class=\"line\" d=\"M"), 560U + 3 + 1);  // and the profile's
    EXPECT_LE(occurrences(page, "<text class=\"e\" x=\"82\""), 48U);     // bars of ranks
    expect_balanced(page);
}

/// Experts: three spectra a block, but the exponents of all.
TEST(HtmlReport, OfAMixtureHasAllExponents) {
    test::MadeUpShape shape;
    shape.blocks = 16;
    shape.experts = 103;
    const test::MadeUpRun run = test::made_up_run(shape);
    ASSERT_EQ(run.report.matrices.size(), 5008U);
    const std::string page = html_page(run.report, run.pictures);
    EXPECT_LT(page.size(), 5'000'000U);
    EXPECT_EQ(occurrences(page, "<details id="), 48U);
    const std::string table = part_of(page, "matrices");
    EXPECT_EQ(occurrences(table, "<tr><th scope=\"row\">"), 16U * 7);
    for (const std::size_t m : {std::size_t{0}, std::size_t{777}, std::size_t{5007}}) {
        const MatrixReport& matrix = run.report.matrices[m];
        EXPECT_NE(table.find(fmt::format("{:.4g} ", matrix.law->alpha)), std::string::npos) << m;
    }
    std::size_t values = 0;
    for (auto at = table.find("words each\">"); at != std::string::npos;
         at = table.find("words each\">", at + 1)) {
        const std::string cell = table.substr(at, table.find('<', at) - at);
        values += occurrences(cell, " ") - 1;
    }
    EXPECT_EQ(values, 5008U);
    EXPECT_NE(page.find("mlp.experts.*.gate_proj: mean "), std::string::npos);
}

}  // namespace
}  // namespace alphaprune::report
