#pragma once

#include <dlfcn.h>

#include <string>

namespace alphaprune::linalg {

/// A function of the BLAS that other libraries do not have; null where it has none.
template <class Function>
Function function_named(const char* name) {
    return reinterpret_cast<Function>(::dlsym(RTLD_DEFAULT, name));
}

/// What a function says; empty where there is none.
inline std::string text_of(const char* name) {
    const auto call = function_named<const char* (*)()>(name);
    const char* text = call != nullptr ? call() : nullptr;
    return text != nullptr ? text : "";
}

}  // namespace alphaprune::linalg
