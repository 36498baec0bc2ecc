#include <cstdint>
#include <string_view>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/support/error.hpp"
#include "require.hpp"

using namespace alphaprune;

/// Whatever is read can be written and read again, and is the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    std::string written;
    try {
        written = Json::parse(text, "input").dump(2);
    } catch (const Error& error) {
        fuzz::require(error.status() == ExitStatus::bad_request);
        return 0;
    }
    const Json again = Json::parse(written, "written");
    fuzz::require(again.dump(2) == written);
    fuzz::require(Json::parse(again.dump(-1), "line").dump(2) == written);
    return 0;
}
