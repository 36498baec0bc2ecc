#include "alphaprune/support/processor.hpp"

#include <sys/utsname.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace alphaprune::support {
namespace {

/// The value of the first line "NAME : VALUE".
std::string value_of(std::string_view name, std::string_view cpuinfo) {
    for (std::size_t at = 0; at < cpuinfo.size();) {
        const std::size_t end = std::min(cpuinfo.find('\n', at), cpuinfo.size());
        const std::string_view line = cpuinfo.substr(at, end - at);
        const std::size_t colon = line.find(':');
        const std::size_t name_end = line.find_last_not_of(" \t", colon == 0 ? 0 : colon - 1);
        if (colon != line.npos && line.substr(0, name_end + 1) == name) {
            const std::size_t begin = line.find_first_not_of(" \t", colon + 1);
            return begin == line.npos ? std::string() : std::string(line.substr(begin));
        }
        at = end + 1;
    }
    return {};
}

}  // namespace

std::string processor_in(std::string_view cpuinfo) {
    for (const std::string_view name : {"model name", "cpu model", "cpu"}) {
        if (std::string value = value_of(name, cpuinfo); !value.empty()) {
            return value;
        }
    }
    // Arm's name themselves by numbers.
    const std::string implementer = value_of("CPU implementer", cpuinfo);
    const std::string part = value_of("CPU part", cpuinfo);
    return implementer.empty() ? std::string()
                               : "Arm implementer " + implementer + ", part " + part;
}

std::string processor_model() {
    std::ifstream file("/proc/cpuinfo");
    std::ostringstream text;
    text << file.rdbuf();
    if (std::string model = processor_in(text.str()); !model.empty()) {
        return model;
    }
    utsname system{};
    return ::uname(&system) == 0 ? system.machine : "unknown";
}

}  // namespace alphaprune::support
