#include "watch_texts.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <csignal>
#include <cstring>
#include <map>
#include <set>
#include <string_view>
#include <vector>

#include "alphaprune/support/message.hpp"

namespace alphaprune::parallel {
namespace {

using support::Failure;

const Failure<std::string, std::string_view, std::string> kLostRanks{
    "parallel.lost-ranks", "{} {} not been heard of for {}",
    "a node crashed, its network failed, or a process was halted or starved of its cores",
    "look at that node, leave it out if need be, and start again with --resume; if nodes are only "
    "slow, raise --peer-timeout"};
const Failure<int, std::string, pid_t> kDeadRank{
    "parallel.dead-rank", "rank {} (host {}, process {}) has died",
    "most likely a signal killed it, as happens when memory runs out (dmesg on that host, or "
    "Slurm's sacct, tells); after a crash its own message stands above",
    "start again with --resume, after lack of memory with fewer ranks per node or a smaller "
    "--memory-per-rank"};
const Failure<std::string, std::string, pid_t, int, std::string_view> kKilledRank{
    "parallel.killed-rank", "rank {} (host {}, process {}) was ended by signal {} ({})",
    "most likely memory ran out (dmesg on that host, or Slurm's sacct, tells), or somebody killed "
    "it",
    "start again with --resume, after lack of memory with fewer ranks per node or a smaller "
    "--memory-per-rank"};
const Failure<std::string, std::string, pid_t, int, std::string_view> kCrashedRank{
    "parallel.crashed-rank", "rank {} (host {}, process {}) was ended by signal {} ({})",
    "a crash of the program, of a library or of the node",
    "start again with --resume; if it comes back, report it with the lines above"};
const support::ErrorMessage<support::ExitStatus::stopped, std::string, std::string> kAbandonedWork{
    "parallel.abandoned-work", "stopped early ({}) in the middle of a computation: {}",
    "a signal, --max-time, the end of the batch job or the file `stop`, as the brackets say; the "
    "computation did not end in time",
    "start again with --resume"};
const Failure<std::string> kUnreachableAtEnd{
    "parallel.unreachable-at-end", "at the end of the job, other ranks have not answered for {}",
    "a node or its network failed after all work was done",
    "look at the nodes; what was written before is whole, and --resume tells whether all is"};

/// The lines of the one fault; the rank that reports it stands above them.
std::string lines_of(const support::Error& error) {
    support::Fault fault = error.faults().front();
    fault.rank.clear();
    return support::to_text(fault);
}

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

std::string in_seconds(std::chrono::milliseconds time) {
    return fmt::format("{:g} s", std::chrono::duration<double>(time).count());
}

}  // namespace

std::string reported_by(const RankPlace& rank, const std::string& text) {
    return fmt::format("alphaprune_mpi: on rank {} ({}):\n{}", rank.rank, rank.host, text);
}

std::string lost_ranks_text(std::span<const RankPlace> lost, std::chrono::milliseconds time,
                            const std::string& host) {
    std::set<std::string> hosts;
    for (const RankPlace& place : lost) {
        hosts.insert(place.host);
    }
    const std::string where =
        fmt::format("{} {}{}", hosts.size() == 1 ? "host" : "hosts", fmt::join(hosts, ", "),
                    hosts.contains(host) ? "" : ", or the network between there and host " + host);
    return lines_of(
        kLostRanks(where, places(lost), lost.size() == 1 ? "has" : "have", in_seconds(time)));
}

std::string death_text(const NodeNeighbor& dead, const std::string& host) {
    return lines_of(kDeadRank("host " + host, dead.rank, host, dead.process.pid));
}

std::string killed_text(const std::string& rank, const std::string& host, pid_t process,
                        int signal) {
    const auto& message = signal == SIGKILL ? kKilledRank : kCrashedRank;
    return lines_of(message("host " + host, rank, host, process, signal, ::strsignal(signal)));
}

std::string abandonment_text(const std::string& reason, const std::string& after) {
    return kAbandonedWork("", reason, after).faults().front().what + "\n";
}

std::string parting_text(std::chrono::milliseconds time) {
    return lines_of(kUnreachableAtEnd("", in_seconds(time)));
}

}  // namespace alphaprune::parallel
