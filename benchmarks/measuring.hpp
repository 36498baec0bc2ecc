#pragma once

#include <time.h>

#include <algorithm>
#include <vector>

#include "alphaprune/support/clock.hpp"

namespace alphaprune::benchmark {

/// Seconds that this process has had a processor for, all its threads together.
inline double processor_seconds() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Processor time stands beside wall time, so that a figure means something on a busy machine, too.
struct Seconds {
    double wall = 0;
    double processor = 0;
};

template <class Work>
Seconds time_of(Work&& work) {
    const support::Stopwatch watch;
    const double before = processor_seconds();
    work();
    return {watch.seconds(), processor_seconds() - before};
}

/// The upper one of the two in the middle when there is an even number.
inline double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

}  // namespace alphaprune::benchmark
