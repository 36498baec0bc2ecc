#pragma once

#include <string>
#include <utility>

#include "alphaprune/support/error.hpp"

namespace alphaprune::support {

// Errors that only tests make: those of the program are in its catalogue of messages.

inline Error bad_request(std::string what, std::string where = {}, std::string remedy = {}) {
    return {ExitStatus::bad_request, {{std::move(what), std::move(where), std::move(remedy)}}};
}

inline Error failure(std::string what, std::string where = {}, std::string remedy = {}) {
    return {ExitStatus::failed, {{std::move(what), std::move(where), std::move(remedy)}}};
}

}  // namespace alphaprune::support
