#include <string>

#include "alphaprune/report/run_report.hpp"
#include "require.hpp"
#include "scratch.hpp"

using namespace alphaprune;

/// What was read of a report can be told again, and is the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    RunReport report;
    const bool accepted = fuzz::is_accepted([&] {
        report = run_report_from_json(Json::parse(fuzz::as_text(data, size), "input"), "input");
    });
    if (accepted) {
        fuzz::require(!block_table(report).empty());
        const std::string written = to_json(report).dump();
        const RunReport again = run_report_from_json(Json::parse(written, "written"), "written");
        fuzz::require(to_json(again).dump() == written);
    }
    return 0;
}
