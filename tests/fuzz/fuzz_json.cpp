#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/support/error.hpp"
#include "require.hpp"

using namespace alphaprune;

namespace {

/// The document, written again; nothing when it is refused.
std::optional<std::string> written(std::string_view text, formats::JsonDialect dialect) {
    try {
        return formats::Json::parse(text, "input", dialect).dump(2);
    } catch (const support::Error& error) {
        fuzz::require(error.status() == support::ExitStatus::bad_request);
        return std::nullopt;
    }
}

void require_the_same_again(const std::string& text) {
    const formats::Json again = formats::Json::parse(text, "written");
    fuzz::require(again.dump(2) == text);
    fuzz::require(formats::Json::parse(again.dump(-1), "line").dump(2) == text);
}

}  // namespace

/// Whatever is read can be written and read again, and is the same. What the standard allows,
/// Python reads as the same (but for the mark that it does not want at the beginning).
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto strict = written(text, formats::JsonDialect::strict);
    const auto python = written(text, formats::JsonDialect::python);
    for (const auto& document : {strict, python}) {
        if (document) {
            require_the_same_again(*document);
        }
    }
    if (strict && !text.starts_with("\xEF\xBB\xBF")) {
        fuzz::require(python == strict);
    }
    return 0;
}
