// These run as root and without; what needs a privilege is in tests/live.
#include "recorder/host/probe.h"

#include <bpf/btf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace twofold {
namespace {

using testing::HasSubstr;

// Kernel types with some tracepoints only.
class TypesFile {
 public:
  explicit TypesFile(const std::vector<std::string>& tracepoints, int parameters = 1,
                     const char* map_type = "BPF_MAP_TYPE_TASK_STORAGE") {
    btf* types = btf__new_empty();
    btf__add_enum(types, "bpf_map_type", 4);
    btf__add_enum_value(types, "BPF_MAP_TYPE_HASH", 1);
    btf__add_enum_value(types, map_type, 29);
    for (const std::string& tracepoint : tracepoints) {
      const int prototype = btf__add_func_proto(types, 0);
      for (int i = 0; i < parameters; ++i) btf__add_func_param(types, "unused", 0);
      const int pointer = btf__add_ptr(types, prototype);
      btf__add_typedef(types, ("btf_trace_" + tracepoint).c_str(), pointer);
    }
    uint32_t bytes = 0;
    const void* data = btf__raw_data(types, &bytes);
    std::string pattern = (std::filesystem::temp_directory_path() / "twofold-btf-XXXXXX").string();
    const int fd = mkstemp(pattern.data());
    EXPECT_EQ(write(fd, data, bytes), ssize_t(bytes));
    close(fd);
    btf__free(types);
    path_ = pattern;
  }
  ~TypesFile() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

const std::vector<std::string> kBasic = {"sched_process_fork", "sched_process_exec", "task_rename"};

class ProbeHostTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "without root the missing privilege comes first";
  }
};

TEST_F(ProbeHostTest, KernelWithoutTypesIsNamed) {
  const auto result = ProbeHost(true, "/no/such/file");
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().Message(), HasSubstr("/no/such/file"));
  EXPECT_THAT(result.error().Message(), HasSubstr("CONFIG_DEBUG_INFO_BTF"));
}

TEST_F(ProbeHostTest, TypesThatAreGarbageAreNamed) {
  std::string pattern = (std::filesystem::temp_directory_path() / "twofold-btf-XXXXXX").string();
  const int fd = mkstemp(pattern.data());
  ASSERT_EQ(write(fd, "garbage", 7), 7);
  close(fd);
  const auto result = ProbeHost(true, pattern);
  std::filesystem::remove(pattern);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().Message(), HasSubstr("cannot be parsed"));
}

TEST_F(ProbeHostTest, MissingTracepointIsNamedWithTheWayOut) {
  const TypesFile types(kBasic);
  const auto result = ProbeHost(true, types.path());
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().Message(), HasSubstr("no tracepoint sched_switch"));
  EXPECT_THAT(result.error().Message(), HasSubstr("--record cpu"));
}

TEST_F(ProbeHostTest, KernelWithoutTaskStorageIsToldWhichOneHasIt) {
  const TypesFile types(kBasic, 1, "BPF_MAP_TYPE_INODE_STORAGE");
  const auto result = ProbeHost(false, types.path());
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().Message(), HasSubstr("storage of BPF programs for each thread"));
  EXPECT_THAT(result.error().Message(), HasSubstr("5.13"));
}

TEST_F(ProbeHostTest, SamplingAloneNeedsNoSchedulerTracepoints) {
  const TypesFile types(kBasic);
  const auto result = ProbeHost(false, types.path());
  EXPECT_TRUE(result) << result.error().Message();
}

TEST(ProbePids, ProcessThatDoesNotExistIsNamed) {
  const Result<void> result = ProbePids({Pid(uint32_t(getpid())), Pid(4194304)});
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().Message(), HasSubstr("there is no process 4194304"));
}

TEST(ProbePids, ThreadIsToldFromAProcess) {
  std::thread([] {
    const Result<void> result = ProbePids({Pid(uint32_t(gettid()))});
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().Message(), HasSubstr("is a thread of process"));
    EXPECT_THAT(result.error().Message(), HasSubstr("-p " + std::to_string(getpid())));
  }).join();
}

TEST_F(ProbeHostTest, TracepointOfMovesBetweenCgroupsIsWantedButNotNeeded) {
  const TypesFile without(kBasic);
  const auto missing = ProbeHost(false, without.path());
  ASSERT_TRUE(missing) << missing.error().Message();
  EXPECT_FALSE(missing->cgroup_attach);

  // With other parameters than those that are known it is as good as missing.
  std::vector<std::string> names = kBasic;
  names.push_back("cgroup_attach_task");
  const TypesFile with_one_parameter(names);
  const auto unknown = ProbeHost(false, with_one_parameter.path());
  ASSERT_TRUE(unknown) << unknown.error().Message();
  EXPECT_FALSE(unknown->cgroup_attach);

  const TypesFile with_five_parameters(names, 5);
  const auto found = ProbeHost(false, with_five_parameters.path());
  ASSERT_TRUE(found) << found.error().Message();
  EXPECT_TRUE(found->cgroup_attach);
}

TEST(ProcessesOfThreads, ThreadsOfOneProcessShareIt) {
  const Tid own{uint32_t(getpid())};
  std::thread([&] {
    const auto processes = ProcessesOfThreads({Tid(uint32_t(gettid())), own});
    ASSERT_TRUE(processes) << processes.error().Message();
    EXPECT_EQ(*processes, std::vector<Pid>{Pid(own.value)});
  }).join();
}

TEST(ProcessesOfThreads, ThreadThatDoesNotExistIsNamed) {
  const auto processes = ProcessesOfThreads({Tid(uint32_t(getpid())), Tid(4194304)});
  ASSERT_FALSE(processes);
  EXPECT_THAT(processes.error().Message(), HasSubstr("-t 4194304: there is no thread 4194304"));
}

TEST(ProcessesOfThreads, NoneOfNone) {
  const auto processes = ProcessesOfThreads({});
  ASSERT_TRUE(processes);
  EXPECT_TRUE(processes->empty());
}

TEST(ProbePids, OwnProcessIsFine) { EXPECT_TRUE(ProbePids({Pid(uint32_t(getpid()))})); }

}  // namespace
}  // namespace twofold
