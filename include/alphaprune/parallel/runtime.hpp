#pragma once

namespace alphaprune {

/// Starts MPI when made and ends it when destroyed. One in a program, the first thing in main.
/// From then on a connection whose other end is gone does not end the process (SIGPIPE): a rank
/// outlives the ranks that it talks to, so that the job watch can say what happened to them, and a
/// run outlives who reads its standard output.
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
