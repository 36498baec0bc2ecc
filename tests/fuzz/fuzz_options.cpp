#include <algorithm>

#include "cli/settings.hpp"
#include "require.hpp"
#include "scratch.hpp"

using namespace alphaprune;

/// Every line of a configuration file is a setting or a fault, or says nothing.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::as_text(data, size);
    support::FaultList faults;
    const auto settings = cli::read_config(text, "input", faults);
    const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
    fuzz::require(settings.size() + faults.faults().size() <= lines);
    for (const cli::Setting& setting : settings) {
        fuzz::require(setting.source == cli::Source::config_file && !setting.origin.empty());
    }
    return 0;
}
