#pragma once

#include <string>

namespace alphaprune::checkpoint {

/// How a writer treats what an interrupted run left under the partial name, and what it leaves
/// itself.
struct PartialFile {
    /// Takes over what is there with the rows in it: the partial file or, where there is none, the
    /// finished one, which then stands under the partial name again. What is no plain file (or, for
    /// a folder, holds anything foreign) is not taken over: the writer begins anew. Which rows are
    /// in place, and right, is for the caller to know; the rest of the file is made again.
    bool resume = false;
    /// An unfinished file stays when its writer goes, for a later resume, and its name is made
    /// durable at once; else rank 0 removes it.
    bool keep = false;
    /// When the run began, for the checkpoint's attribute "created"; now, when empty. A run that
    /// resumes another gives the first one's time.
    std::string created = {};
};

}  // namespace alphaprune::checkpoint
