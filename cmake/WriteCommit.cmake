# Writes OUTPUT, a header with the commit that SOURCE is at; leaves it alone when nothing changed.
# Run at every build, so that reports never name a commit the program was not built from.
set(commit "unknown")
if(NOT "$ENV{SOURCE_COMMIT}" STREQUAL "")  # told by an image's recipe, which has no .git
    set(commit "$ENV{SOURCE_COMMIT}")
elseif(EXISTS "${SOURCE}/.git")  # not the checkout of somebody else that SOURCE was unpacked in
    execute_process(COMMAND git describe --always --dirty --abbrev=12
        WORKING_DIRECTORY "${SOURCE}" OUTPUT_VARIABLE described ERROR_QUIET
        RESULT_VARIABLE failed OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(NOT failed AND described)
        set(commit "${described}")
    endif()
endif()
file(CONFIGURE OUTPUT "${OUTPUT}" @ONLY CONTENT [[
#pragma once

namespace alphaprune {

inline constexpr const char* kBuiltFromCommit = "@commit@";

}  // namespace alphaprune
]])
