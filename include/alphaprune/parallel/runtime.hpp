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

}  // namespace alphaprune
