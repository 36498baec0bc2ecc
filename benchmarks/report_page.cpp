// Seconds and bytes of report.html of a made-up run, 560 matrices as in LLaMA-2-70B where nothing
// else is said, against 5 MB. benchmarks/report_page.py opens it in a browser.
#include "report/made_up_report.hpp"

#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <string>

#include "alphaprune/support/clock.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/file.hpp"

namespace {

using namespace alphaprune;

constexpr std::size_t kMostBytes = 5'000'000;

void measure(const test::MadeUpShape& shape, const std::filesystem::path& folder) {
    const test::MadeUpRun run = test::made_up_run(shape);
    const support::Stopwatch watch;
    const std::string page = report::html_page(run.report, run.pictures);
    const double seconds = watch.seconds();
    if (!folder.empty()) {
        std::filesystem::create_directories(folder);
        support::write_text_atomically(folder / "report.html", page);
    }
    fmt::print(
        "{{\"benchmark\": \"report_page\", \"matrices\": {}, \"ranks\": {}, \"seconds\": {:.4f}, "
        "\"bytes\": {}, \"limit_bytes\": {}}}\n",
        run.report.matrices.size(), shape.ranks, seconds, page.size(), kMostBytes);
}

}  // namespace

int main(int argc, char** argv) {
    namespace po = boost::program_options;
    test::MadeUpShape shape;
    std::string folder;
    po::options_description options("Options");
    options.add_options()("help", "")("blocks", po::value(&shape.blocks), "decoder blocks")(
        "experts", po::value(&shape.experts), "of each block; 0: no experts")(
        "ranks", po::value(&shape.ranks), "of the run")("output", po::value(&folder),
                                                        "folder for the page");
    po::variables_map given;
    try {
        po::store(po::parse_command_line(argc, argv, options), given);
        po::notify(given);
        if (given.count("help") != 0) {
            std::cout << options;
        } else {
            measure(shape, folder);
        }
        return 0;
    } catch (const std::exception& error) {
        std::cerr << error.what() << "\n";
        return 2;
    }
}
