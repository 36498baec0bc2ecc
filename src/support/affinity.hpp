#pragma once

#include <sched.h>

#include <cstddef>
#include <functional>
#include <string>

namespace alphaprune::support {

/// Like sched_getaffinity: fills a mask of so many bytes; false with errno EINVAL where the system
/// has more processors than that.
using AffinityReader = std::function<bool(std::size_t bytes, cpu_set_t* mask)>;

/// The processors of the mask, one character each, '1' or '0', whatever their number; "1" where the
/// mask cannot be read.
std::string cores_in_mask(const AffinityReader& read);

}  // namespace alphaprune::support
