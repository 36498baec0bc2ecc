#include <fmt/format.h>

#include <vector>

#include "alphaprune/checkpoint/export.hpp"
#include "alphaprune/commands/commands.hpp"
#include "alphaprune/commands/version.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/report/progress.hpp"
#include "alphaprune/schedule/prune_phase.hpp"
#include "alphaprune/schedule/weight_check.hpp"
#include "model_source.hpp"
#include "output_folder.hpp"
#include "result.hpp"

namespace alphaprune {

ExitStatus export_model(const Communicator& ranks, const Options& options) {
    const Catalogue catalogue = load_model(ranks, options);
    together(ranks, [&] {
        if (ranks.is_root()) {
            prepare_export_folder(options, catalogue.folder, catalogue.bytes());
        }
    });
    HuggingFaceWriter writer(ranks, catalogue, options.output,
                             {{"alphaprune_mpi", std::string(program_version())},
                              {"exported_from", options.model.filename().string()}});
    together(ranks, [&] {
        const RowSource source = open_source(catalogue);
        ProgressLine line("export", "tensors", ranks.is_root());
        std::vector<std::byte> rows;
        for (std::size_t t = 0; t < catalogue.tensors.size(); ++t) {
            const TensorInfo& tensor = catalogue.tensors[t];
            for_each_piece(
                tensor, share_of(tensor.rows(), ranks.size(), ranks.rank()), [&](RowRange part) {
                    rows.resize(static_cast<std::size_t>(part.size()) * tensor.row_bytes());
                    source(tensor, part, rows);
                    writer.write_rows(static_cast<int>(t), part, rows);
                });
            line.update(static_cast<std::int64_t>(t) + 1,
                        static_cast<std::int64_t>(catalogue.tensors.size()));
        }
    });
    writer.finish();
    print_result(ranks, fmt::format("exported {} tensors to {}\n", catalogue.tensors.size(),
                                    options.output.string()));
    return ExitStatus::done;
}

}  // namespace alphaprune
