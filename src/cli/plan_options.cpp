#include "plan_options.hpp"

namespace alphaprune::cli {

void read_plan_options(const SettingReader& reader, Options& options) {
    PlanRequest& plan = options.plan;
    plan.ranks = reader.count("ranks");
    plan.ranks_per_node = reader.count("ranks-per-node");
    plan.memory_per_node = reader.size("memory-per-node");
    plan.dgemm_gflops = reader.rate("dgemm-gflops");
    plan.sgemm_gflops = reader.rate("sgemm-gflops");
    plan.memory_gbps = reader.rate("memory-gbps");
    plan.read_gbps = reader.rate("read-gbps");
    plan.write_gbps = reader.rate("write-gbps");
    plan.storage_gbps = reader.rate("storage-gbps");
    plan.network_gbps = reader.rate("network-gbps");
    plan.calibrate_from = reader.path("calibrate-from");
    plan.validate = reader.path("validate");
    plan.json = reader.path("json");
    if (plan.memory_per_node && options.memory_per_rank) {
        reader.faults().add("--memory-per-node and --memory-per-rank say the same twice",
                            reader.find("memory-per-node")->origin, "leave one of the two out");
    }
}

}  // namespace alphaprune::cli
