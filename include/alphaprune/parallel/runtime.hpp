#pragma once

namespace alphaprune {

/// Starts MPI when made and ends it when destroyed. One in a program, the first thing in main.
class MpiRuntime {
  public:
    MpiRuntime(int& argc, char**& argv);
    ~MpiRuntime();
    MpiRuntime(const MpiRuntime&) = delete;
    MpiRuntime& operator=(const MpiRuntime&) = delete;
};

/// Whether MPI may be called from several threads at once.
bool supports_threads();

}  // namespace alphaprune
