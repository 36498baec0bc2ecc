#include <fmt/format.h>

#include <vector>

#include "alphaprune/checkpoint/hugging_face_writer.hpp"
#include "alphaprune/cli/help.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/report/progress.hpp"
#include "commands.hpp"
#include "inputs.hpp"
#include "output_folder.hpp"

namespace alphaprune::commands {

namespace {

/// Every rank copies its rows of every tensor. Collective.
void copy_tensors(const parallel::Communicator& ranks, const model::Catalogue& catalogue,
                  checkpoint::HuggingFaceWriter& writer) {
    parallel::run_collectively(ranks, [&] {
        const model::RowSource source = open_source(catalogue);
        report::ProgressLine line("export", "tensors", ranks.is_root());
        std::vector<std::byte> rows;
        for (std::size_t t = 0; t < catalogue.tensors.size(); ++t) {
            const model::TensorInfo& tensor = catalogue.tensors[t];
            parallel::for_each_slab(
                parallel::share_of(tensor.rows(), ranks.size(), ranks.rank()), tensor.row_bytes(),
                [&](parallel::RowRange part) {
                    rows.resize(static_cast<std::size_t>(part.size()) * tensor.row_bytes());
                    source(tensor, part, rows);
                    writer.write_rows(static_cast<int>(t), part, rows);
                });
            line.update(static_cast<std::int64_t>(t) + 1,
                        static_cast<std::int64_t>(catalogue.tensors.size()));
        }
    });
}

}  // namespace

support::ExitStatus export_model(const parallel::Communicator& ranks, const cli::Options& options) {
    const model::Catalogue catalogue = load_model(ranks, options);
    parallel::run_on_root(
        ranks, [&] { prepare_export_folder(options, catalogue.folder, catalogue.bytes()); });
    checkpoint::HuggingFaceWriter writer(ranks, catalogue, options.output,
                                         {{"alphaprune_mpi", std::string(cli::program_version())},
                                          {"exported_from", options.model.filename().string()}});
    copy_tensors(ranks, catalogue, writer);
    writer.finish();
    print_result(ranks, fmt::format("exported {} tensors to {}\n", catalogue.tensors.size(),
                                    options.output.string()));
    return support::ExitStatus::done;
}

}  // namespace alphaprune::commands
