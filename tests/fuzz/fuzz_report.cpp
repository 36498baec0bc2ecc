#include <string>

#include "alphaprune/report/run_report.hpp"
#include "require.hpp"
#include "scratch.hpp"

using namespace alphaprune;

/// What was read of a report can be told again, and is the same; and there is a page of it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    report::RunReport report;
    const bool accepted = fuzz::is_accepted([&] {
        report = report::run_report_from_json(
            formats::Json::parse(fuzz::as_text(data, size), "input"), "input");
    });
    if (accepted) {
        fuzz::require(!report::block_table(report).empty());
        fuzz::require(report::html_page(report, {}).ends_with("</html>\n"));
        const std::string written = report::to_json(report).dump();
        const report::RunReport again =
            report::run_report_from_json(formats::Json::parse(written, "written"), "written");
        fuzz::require(report::to_json(again).dump() == written);
    }
    return 0;
}
