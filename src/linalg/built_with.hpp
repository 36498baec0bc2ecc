#pragma once

namespace alphaprune::linalg {

// What the build found or was given of the optional libraries (src/linalg/CMakeLists.txt).
inline constexpr bool kHasScalapack = ALPHAPRUNE_HAS_SCALAPACK;
inline constexpr bool kHasElpa = ALPHAPRUNE_HAS_ELPA;

}  // namespace alphaprune::linalg
