#include "alphaprune/parallel/common_files.hpp"

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/message.hpp"
#include "alphaprune/support/system_error.hpp"

namespace alphaprune::parallel {
namespace {

const support::Failure<> kNotSeen{
    "parallel.file-not-seen", "this rank does not see the file that rank 0 has just made",
    "the output lies on a file system that this rank's node does not share with rank 0's",
    "choose an --output on a file system that all nodes share"};

}  // namespace

void require_common_files(const Communicator& ranks, std::span<const std::filesystem::path> files) {
    together(ranks, [&] {
        for (const std::filesystem::path& file : files) {
            if (!std::filesystem::exists(support::link_status_of(file))) {
                throw kNotSeen(file.string());
            }
        }
    });
}

}  // namespace alphaprune::parallel
