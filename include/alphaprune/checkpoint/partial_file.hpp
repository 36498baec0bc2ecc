#pragma once

#include <string>

namespace alphaprune::checkpoint {

/// How a writer treats what an interrupted run left under the partial name, and its own unfinished
/// file.
struct PartialFile {
    /// Takes over what is there with the rows in it: the partial file or, where there is none, the
    /// finished one, which then gets the partial name again. Anything but a plain file (or, for
    /// a folder, one with foreign files in it) is not taken over: the writer begins anew. Which
    /// rows are in place, and right, is for the caller to know; the rest of the file is made again.
    bool resume = false;
    /// An unfinished file is kept when its writer is destroyed, for a later resume, and its name is
    /// made durable at once; else rank 0 removes it.
    bool keep = false;
    /// When the run began, for the checkpoint's attribute "created"; now, when empty. A run that
    /// resumes another gives the first one's time.
    std::string created = {};
};

}  // namespace alphaprune::checkpoint
