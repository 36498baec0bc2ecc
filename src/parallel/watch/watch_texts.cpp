#include "watch_texts.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <csignal>
#include <cstring>
#include <map>
#include <set>
#include <vector>

#include "alphaprune/support/error.hpp"

namespace alphaprune::parallel {
namespace {

/// "ranks 2, 3 (host n2) and rank 6 (host n4)"
std::string places(std::span<const RankPlace> ranks) {
    std::map<std::string, std::vector<int>> by_host;
    for (const RankPlace& place : ranks) {
        by_host[place.host].push_back(place.rank);
    }
    std::vector<std::string> parts;
    for (const auto& [host, numbers] : by_host) {
        parts.push_back(fmt::format("{} {} (host {})", numbers.size() == 1 ? "rank" : "ranks",
                                    fmt::join(numbers, ", "), host));
    }
    return fmt::format("{}", fmt::join(parts, " and "));
}

std::string seconds(std::chrono::milliseconds time) {
    return fmt::format("{:g} s", std::chrono::duration<double>(time).count());
}

}  // namespace

std::string with_speaker(const RankPlace& speaker, const std::string& text) {
    return fmt::format("alphaprune_mpi: on rank {} ({}):\n{}", speaker.rank, speaker.host, text);
}

std::string silence_text(std::span<const RankPlace> lost, std::chrono::milliseconds time,
                         const std::string& host) {
    std::set<std::string> hosts;
    for (const RankPlace& place : lost) {
        hosts.insert(place.host);
    }
    return support::to_text(
        {fmt::format("{} {} not been heard of for {}", places(lost),
                     lost.size() == 1 ? "has" : "have", seconds(time)),
         fmt::format("{} {}{}", hosts.size() == 1 ? "host" : "hosts", fmt::join(hosts, ", "),
                     hosts.contains(host) ? "" : ", or the network between there and host " + host),
         "a node or its network is gone, or a process was halted: look at that node, leave it out "
         "if need be, and start again with --resume; if nodes are only slow, raise "
         "--peer-timeout"});
}

std::string death_text(const NodeNeighbour& dead, const std::string& host) {
    return support::to_text(
        {fmt::format("rank {} (host {}, process {}) has died", dead.rank, host, dead.process.pid),
         fmt::format("host {}", host),
         "most likely a signal killed it, as happens when memory runs out (dmesg on "
         "that host, or Slurm's sacct, tells): start again with --resume, after lack of "
         "memory with fewer ranks a node or a smaller --memory-per-rank"});
}

std::string killed_text(const std::string& rank, const std::string& host, pid_t process,
                        int signal) {
    return support::to_text(
        {fmt::format("rank {} (host {}, process {}) was ended by signal {} ({})", rank, host,
                     process, signal, ::strsignal(signal)),
         fmt::format("host {}", host),
         signal == SIGKILL
             ? "most likely memory ran out (dmesg on that host, or Slurm's sacct, tells), if "
               "nobody "
               "did it: start again with --resume, after lack of memory with fewer ranks a node or "
               "a smaller --memory-per-rank"
             : "a crash of the program, of a library or of the node: start again with --resume; if "
               "it comes back, report it with the lines above"});
}

std::string abandonment_text(const std::string& reason, const std::string& after) {
    return fmt::format("stopped early ({}) in the middle of a computation: {}\n", reason, after);
}

std::string parting_text(std::chrono::milliseconds time) {
    return support::to_text(
        {fmt::format("at the end of the job, other ranks have not answered for {}", seconds(time)),
         "",
         "a node or its network is gone: look at the nodes; what was written before is "
         "whole, and --resume tells whether all is"});
}

}  // namespace alphaprune::parallel
