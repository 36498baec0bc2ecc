// Limits read from made-up trees of /proc and /sys/fs/cgroup.
#include "alphaprune/support/machine.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "support/temporary_folder.hpp"

namespace alphaprune::support {
namespace {

class ControlGroups : public testing::Test {
  protected:
    void write(const std::string& path, const std::string& text) {
        const std::filesystem::path file = folder_.path() / path;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file) << text << '\n';
    }
    /// A hierarchy of version 2 with this group of it mounted.
    void version2(const std::string& group, const std::string& mounted = "/") {
        write("proc/self/cgroup", "0::" + group);
        write("proc/self/mountinfo",
              "22 27 0:20 / /sys rw,nosuid - sysfs sysfs rw\n30 22 0:26 " + mounted +
                  " /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate");
    }
    /// Hierarchies of version 1 with this group of them mounted.
    void version1(const std::string& group, const std::string& mounted = "/") {
        write("proc/self/cgroup", "9:memory:" + group + "\n4:cpu,cpuacct:" + group + "\n0::/other");
        write("proc/self/mountinfo",
              "33 22 0:29 " + mounted + " /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup " +
                  "rw,cpu,cpuacct\n34 22 0:30 " + mounted +
                  " /sys/fs/cgroup/memory\\040here rw shared:9 master:2 - cgroup cgroup rw,memory");
    }
    GroupLimits limits() const { return limits_of_groups(folder_.path()); }

    static constexpr const char* kMemory1 = "sys/fs/cgroup/memory here";
    static constexpr const char* kCpu1 = "sys/fs/cgroup/cpu,cpuacct";

  private:
    test::TemporaryFolder folder_;
};

TEST_F(ControlGroups, WithoutAnyThereIsNoLimit) {
    EXPECT_FALSE(limits().memory_left);
    EXPECT_FALSE(limits().cores);
    write("proc/self/cgroup", "no line\n0::/a");
    write("proc/self/mountinfo", "22 27 0:20 / /sys rw\n\n- - -");
    EXPECT_FALSE(limits().memory_left);
}

TEST_F(ControlGroups, Version2CountsWhatIsUsedButNotWhatIsCached) {
    version2("/job");
    write("sys/fs/cgroup/job/memory.max", "1000");
    write("sys/fs/cgroup/job/memory.current", "600");
    write("sys/fs/cgroup/job/memory.stat", "anon 300\nactive_file 100\ninactive_file 50");
    write("sys/fs/cgroup/job/cpu.max", "150000 100000");
    EXPECT_EQ(limits().memory_left, 550U);
    EXPECT_EQ(limits().cores, 1.5);
}

TEST_F(ControlGroups, TheWordMaxIsNoLimit) {
    version2("/job");
    write("sys/fs/cgroup/job/memory.max", "max");
    write("sys/fs/cgroup/job/memory.high", "max");
    write("sys/fs/cgroup/job/memory.current", "600");
    write("sys/fs/cgroup/job/cpu.max", "max 100000");
    EXPECT_FALSE(limits().memory_left);
    EXPECT_FALSE(limits().cores);
}

TEST_F(ControlGroups, TheLeastOfAllGroupsAboveCounts) {
    version2("/slurm/job_7/step_0/task_1");
    write("sys/fs/cgroup/slurm/job_7/step_0/memory.max", "5000");
    write("sys/fs/cgroup/slurm/job_7/step_0/memory.current", "100");
    write("sys/fs/cgroup/slurm/job_7/memory.max", "2000");
    write("sys/fs/cgroup/slurm/job_7/memory.current", "1900");
    write("sys/fs/cgroup/slurm/job_7/step_0/task_1/memory.max", "max");
    write("sys/fs/cgroup/slurm/job_7/step_0/task_1/cpu.max", "800000 100000");
    write("sys/fs/cgroup/slurm/cpu.max", "400000 100000");
    EXPECT_EQ(limits().memory_left, 100U);
    EXPECT_EQ(limits().cores, 4);
}

TEST_F(ControlGroups, BeyondMemoryHighAJobOnlyCrawls) {
    version2("/job");
    write("sys/fs/cgroup/job/memory.max", "3000");
    write("sys/fs/cgroup/job/memory.high", "2500");
    write("sys/fs/cgroup/job/memory.current", "500");
    EXPECT_EQ(limits().memory_left, 2000U);
}

TEST_F(ControlGroups, AContainerSeesItsOwnGroupAtTheMountPoint) {
    for (const char* mounted : {"/", "/docker/abc", "/../.."}) {
        for (const char* group : {"/", "/docker/abc", "/../def"}) {
            version2(group, mounted);
            write("sys/fs/cgroup/memory.max", "700");
            write("sys/fs/cgroup/memory.current", "200");
            EXPECT_EQ(limits().memory_left, 500U) << mounted << ' ' << group;
        }
    }
}

TEST_F(ControlGroups, BelowAMountedGroupThePathGoesOnFromThere) {
    version2("/kubepods/pod1/main", "/kubepods");
    write("sys/fs/cgroup/pod1/memory.max", "900");
    write("sys/fs/cgroup/pod1/memory.current", "100");
    EXPECT_EQ(limits().memory_left, 800U);
}

TEST_F(ControlGroups, Version1IsReadWhereItsControllersAreMounted) {
    version1("/batch/job");
    const std::string memory = kMemory1;
    const std::string cpu = kCpu1;
    write(memory + "/batch/job/memory.limit_in_bytes", "1000");
    write(memory + "/batch/job/memory.usage_in_bytes", "900");
    write(memory + "/batch/job/memory.stat",
          "cache 9\ntotal_active_file 40\ntotal_inactive_file 60");
    write(memory + "/memory.limit_in_bytes", "9223372036854771712");
    write(cpu + "/batch/job/cpu.cfs_quota_us", "-1");
    write(cpu + "/batch/job/cpu.cfs_period_us", "100000");
    EXPECT_EQ(limits().memory_left, 200U);
    EXPECT_FALSE(limits().cores);
    write(cpu + "/batch/cpu.cfs_quota_us", "250000");
    write(cpu + "/batch/cpu.cfs_period_us", "100000");
    EXPECT_EQ(limits().cores, 2.5);
}

TEST_F(ControlGroups, GroupsAboveCountInVersion1WhereTheyBindThoseBelow) {
    version1("/batch/job");
    const std::string above = std::string(kMemory1) + "/batch";
    write(above + "/memory.limit_in_bytes", "500");
    write(above + "/memory.usage_in_bytes", "100");
    write(above + "/memory.use_hierarchy", "0");
    EXPECT_FALSE(limits().memory_left);
    write(above + "/memory.use_hierarchy", "1");
    EXPECT_EQ(limits().memory_left, 400U);
}

TEST_F(ControlGroups, BothVersionsSideBySideCountTogether) {
    version1("/job");
    write("proc/self/cgroup", "9:memory:/job\n0::/job");
    write("proc/self/mountinfo",
          "34 22 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
          "35 22 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw");
    write("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "500");
    write("sys/fs/cgroup/unified/job/cpu.max", "300000 100000");
    EXPECT_EQ(limits().memory_left, 500U);
    EXPECT_EQ(limits().cores, 3);
}

}  // namespace
}  // namespace alphaprune::support
