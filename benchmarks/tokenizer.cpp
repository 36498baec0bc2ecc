// How fast text becomes token ids, on one core, by each of some tokenizer.json: what is measured is
// encoding, reading the tokenizer beside it. The text is one string; the first of several encodings
// counts, as a run does it once.
#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "alphaprune/support/file.hpp"
#include "command_line.hpp"
#include "measuring.hpp"
#include "tokens/tokenizer_json.hpp"

namespace {

using namespace alphaprune;
using namespace alphaprune::benchmark;

constexpr double kLeastMegabytesASecond = 2;
constexpr std::uint64_t kLargestFile = std::uint64_t{1} << 30;

/// As they lie in memory, to be compared with those of other programs.
void write_ids(const std::string& path, const std::vector<std::int32_t>& ids) {
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(ids.data()),
               static_cast<std::streamsize>(ids.size() * sizeof(std::int32_t)));
    if (!file.flush()) {
        throw bad_request("writing failed", path, "choose another --ids");
    }
}

std::vector<std::int32_t> measure(const std::string& path, const std::string& text) {
    std::optional<model::JsonTokenizer> tokenizer;
    const Seconds reading =
        time_of([&] { tokenizer.emplace(support::read_text(path, kLargestFile), path); });
    std::vector<std::int32_t> ids;
    const Seconds encoding = time_of([&] { ids = tokenizer->encode(text); });
    const double megabytes = 1e-6 * static_cast<double>(text.size());
    fmt::print(
        "{{\"benchmark\": \"tokenizer\", \"tokenizer\": \"{}\", \"bytes\": {}, \"tokens\": {}, "
        "\"reading_seconds\": {:.3f}, \"seconds\": {:.3f}, \"processor_seconds\": {:.3f}, "
        "\"megabytes_per_second\": {:.2f}, \"limit\": {}}}\n",
        path, text.size(), ids.size(), reading.wall, encoding.wall, encoding.processor,
        megabytes / encoding.processor, kLeastMegabytesASecond);
    std::fflush(stdout);
    return ids;
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::string> tokenizers;
    std::string text;
    std::string ids;
    namespace po = boost::program_options;
    po::options_description options("tokenizer, options");
    options.add_options()("help", "this text")(
        "tokenizer", po::value(&tokenizers)->multitoken()->required(),
        "tokenizer.json, or several")("text", po::value(&text)->required(), "file of UTF-8 text")(
        "ids", po::value(&ids), "where to write the ids of the last tokenizer, as int32");
    try {
        if (read_command_line(options, argc, argv, true)) {
            const std::string contents = support::read_text(text, kLargestFile);
            std::vector<std::int32_t> last;
            for (const std::string& tokenizer : tokenizers) {
                last = measure(tokenizer, contents);
            }
            if (!ids.empty()) {
                write_ids(ids, last);
            }
        }
    } catch (const support::Error& error) {
        std::cerr << error.what();
        return static_cast<int>(error.status());
    }
    return 0;
}
