#pragma once

#include <sys/resource.h>

#include <csignal>

#include "alphaprune/parallel/agreement.hpp"
#include "support/world.hpp"

namespace alphaprune::test {

/// As long as it lives, this process cannot write beyond the first 64 bytes of a file, as on a full
/// disk.
class ShortFiles {
  public:
    ShortFiles() {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit tiny{64, before_.rlim_max};
        handler_ = std::signal(SIGXFSZ, SIG_IGN);
        ::setrlimit(RLIMIT_FSIZE, &tiny);
    }
    ~ShortFiles() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }
    ShortFiles(const ShortFiles&) = delete;
    ShortFiles& operator=(const ShortFiles&) = delete;

  private:
    rlimit before_{};
    void (*handler_)(int) = SIG_DFL;
};

/// Collective: `write` runs on the last rank alone, where it must fail.
template <class Write>
void fail_on_the_last_rank(Write&& write) {
    parallel::run_collectively(world(), [&] {
        if (world().rank() == world().size() - 1) {
            const ShortFiles short_files;
            write();
        }
    });
}

}  // namespace alphaprune::test
