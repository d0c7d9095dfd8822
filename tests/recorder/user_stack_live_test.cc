// The walk of sleepers' user stacks (bpf/user_stack.bpf.h) beside what the kernel itself says of
// the same stacks, and beside what a program knows of its own. Needs root.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "format/base/unique_fd.h"
#include "recorder/host/direct_map.h"
#include "tests/recorder/user_stack_check.h"

// After the types that it uses.
#include "bpf/user_stack_check.skel.h"

extern char** environ;

namespace twofold {
namespace {

const std::string kSleeper = TWOFOLD_NAMES_DIR "/stack_sleeper";

// A program with pipes for its input and output.
class Program {
 public:
  explicit Program(const std::vector<std::string>& command) {
    int input[2], output[2];
    EXPECT_EQ(pipe2(input, O_CLOEXEC), 0);
    EXPECT_EQ(pipe2(output, O_CLOEXEC), 0);
    input_.Reset(input[1]);
    output_.reset(fdopen(output[0], "r"));
    const UniqueFd its_input(input[0]), its_output(output[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, its_input.get(), 0);
    posix_spawn_file_actions_adddup2(&actions, its_output.get(), 1);
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    EXPECT_EQ(posix_spawnp(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() {
    if (pid_ > 0) kill(pid_, SIGKILL);
    Wait();
  }

  pid_t pid() const { return pid_; }

  void Write(const std::string& text) {
    EXPECT_EQ(write(input_.get(), text.data(), text.size()), ssize_t(text.size()));
  }

  // One line, without its newline; empty at the end.
  std::string Line() {
    std::string line;
    for (int byte = getc(output_.get()); byte != EOF && byte != '\n'; byte = getc(output_.get())) {
      line += char(byte);
    }
    return line;
  }

  // The return addresses that a stack_sleeper says it has, leaf first; none when it ended.
  std::vector<uint64_t> KnownStack() {
    std::istringstream words(Line());
    std::string word;
    words >> word;
    std::vector<uint64_t> addresses;
    if (word.empty()) return addresses;
    EXPECT_EQ(word, "STACK");
    while (words >> word) addresses.push_back(std::stoull(word, nullptr, 16));
    return addresses;
  }

  // Closes the input and returns the exit status, or -1.
  int Wait() {
    input_.Reset();
    if (pid_ <= 0) return status_;
    int status = 0;
    EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
    pid_ = 0;
    status_ = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return status_;
  }

  // Waits until the one thread that is not the first sleeps; returns its tid.
  uint32_t SleepingThread() const {
    const std::string process = std::to_string(pid_);
    for (int attempt = 0; attempt < 5000; ++attempt) {
      for (const auto& entry : std::filesystem::directory_iterator("/proc/" + process + "/task")) {
        const std::string tid = entry.path().filename();
        if (tid == process) continue;
        std::ifstream stat(entry.path() / "stat");
        std::string number, name, state;
        stat >> number >> name >> state;
        if (state == "S") return uint32_t(std::stoul(tid));
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ADD_FAILURE() << "the thread never slept";
    return 0;
  }

 private:
  struct CloseFile {
    void operator()(FILE* file) const { fclose(file); }
  };

  pid_t pid_ = 0;
  int status_ = -1;
  UniqueFd input_;
  std::unique_ptr<FILE, CloseFile> output_;
};

// Both walks: by the helper (false) and by loads (true).
class UserStackLive : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    const Result<DirectMap> map = FindDirectMap();
    ASSERT_TRUE(map.has_value()) << map.error().Message();
    if (GetParam() && map->can_load == 0) GTEST_SKIP() << "this kernel has no loads of memory";
    skeleton_ = user_stack_check_bpf__open();
    ASSERT_NE(skeleton_, nullptr);
    skeleton_->rodata->direct_map = *map;
    skeleton_->rodata->by_loads = GetParam();
    ASSERT_EQ(user_stack_check_bpf__load(skeleton_), 0);
  }

  void TearDown() override {
    for (bpf_link* link : links_) bpf_link__destroy(link);
    if (skeleton_ != nullptr) user_stack_check_bpf__destroy(skeleton_);
  }

  bpf_link* Attach(bpf_program* program) {
    bpf_link* const link = bpf_program__attach(program);
    EXPECT_NE(link, nullptr);
    links_.push_back(link);
    return link;
  }

  void CompareSwitches() {
    Attach(skeleton_->progs.check_switch);
    Attach(skeleton_->progs.check_waking);
  }

  void Follow(const Program& program) {
    const uint32_t tgid = uint32_t(program.pid());
    const uint8_t yes = 1;
    EXPECT_EQ(bpf_map_update_elem(bpf_map__fd(skeleton_->maps.targets), &tgid, &yes, BPF_ANY), 0);
  }

  void PassOverTasks() {
    if (pass_ == nullptr) pass_ = Attach(skeleton_->progs.check_task);
    const UniqueFd pass(bpf_iter_create(bpf_link__fd(pass_)));
    ASSERT_TRUE(bool(pass));
    char bytes[16];
    EXPECT_EQ(read(pass.get(), bytes, sizeof(bytes)), 0);
  }

  // What the pass over all tasks saw of a thread.
  twofold_stack Visited(uint32_t tid) {
    twofold_stack stack = {};
    EXPECT_EQ(bpf_map_lookup_elem(bpf_map__fd(skeleton_->maps.visited), &tid, &stack), 0);
    return stack;
  }

  const check_counts& Counts(check_place place) const { return skeleton_->bss->counts[place]; }
  uint64_t Total(__u64 check_counts::*count) const {
    uint64_t total = 0;
    for (int place = 0; place < CHECK_PLACES; ++place) total += Counts(check_place(place)).*count;
    return total;
  }

  void Print(const std::string& what) const {
    const char* const names[] = {"switch-in", "waking", "pass"};
    for (int place = 0; place < CHECK_PLACES; ++place) {
      const check_counts& counts = Counts(check_place(place));
      if (counts.walks == 0) continue;
      std::printf("%s, %s: %llu walks of %.1f frames, %llu different, %llu longer, %llu cut\n",
                  what.c_str(), names[place], counts.walks,
                  double(counts.frames) / double(counts.walks), counts.different, counts.longer,
                  counts.cut);
    }
  }

  // The first differences.
  std::vector<check_difference> Differences() const {
    std::vector<check_difference> differences;
    for (uint32_t i = 0; i < CHECK_DIFFERENCES && i < skeleton_->bss->differences_made; ++i) {
      check_difference& difference = differences.emplace_back();
      EXPECT_EQ(bpf_map_lookup_elem(bpf_map__fd(skeleton_->maps.differences), &i, &difference), 0);
    }
    return differences;
  }

  static std::string InWords(const check_difference& difference) {
    std::ostringstream words;
    words << "place " << difference.place << " relation " << difference.relation << " result "
          << difference.result << " thread " << difference.comm << std::hex;
    for (const twofold_stack* stack : {&difference.taken, &difference.walked}) {
      words << (stack == &difference.taken ? "\n  taken " : "\n  walked");
      for (uint32_t i = 0; i < stack->nframes; ++i) words << " " << stack->frames[i];
    }
    words << "\n";
    return words.str();
  }

  std::string DifferencesInWords() const {
    std::string words;
    for (const check_difference& difference : Differences()) words += InWords(difference);
    return words;
  }

  // A stack_sleeper blocks as often as asked for, and every walk is compared.
  void CompareSleeper(const std::string& kind, int depth, int rounds, const std::string& memory) {
    Program program({kSleeper, kind, std::to_string(depth), std::to_string(rounds), memory});
    Follow(program);
    program.KnownStack();
    EXPECT_EQ(program.Wait(), 0);
  }

  // A stack_sleeper is blocked in one place, and the pass over all tasks finds what it knows.
  void ExpectKnownStack(int depth, const std::string& memory) {
    Program program({kSleeper, "stdin", std::to_string(depth), "1", memory});
    const std::vector<uint64_t> known = program.KnownStack();
    if (known.empty() && program.Wait() == 3) GTEST_SKIP() << "no memory of the kind " << memory;
    ASSERT_EQ(known.size(), size_t(depth) + 1);
    const uint32_t tid = program.SleepingThread();
    Follow(program);
    const bool hidden = memory.find("hidden") != std::string::npos;
    if (hidden) {
      ASSERT_EQ(program.Line(), "HIDDEN");
    }
    PassOverTasks();
    const twofold_stack stack = Visited(tid);
    EXPECT_EQ(stack.called, 0) << "cut";
    const size_t shown = std::min<size_t>(known.size(), TWOFOLD_MAX_FRAMES - 1);
    ASSERT_GE(stack.nframes, shown + 1);
    for (size_t frame = 0; frame < shown; ++frame) {
      EXPECT_EQ(stack.frames[frame + 1], known[frame]) << "frame " << frame + 1;
    }
    if (known.size() >= TWOFOLD_MAX_FRAMES) {
      EXPECT_EQ(stack.nframes, unsigned(TWOFOLD_MAX_FRAMES));
    }
    if (hidden) {
      kill(program.pid(), SIGUSR1);
      ASSERT_EQ(program.Line(), "SHOWN");
    }
    program.Write("x");
    EXPECT_EQ(program.Wait(), 0);
  }

  user_stack_check_bpf* skeleton_ = nullptr;
  std::vector<bpf_link*> links_;
  bpf_link* pass_ = nullptr;
};

TEST_P(UserStackLive, WalksOfKnownStacksAreWhatTheKernelSaid) {
  CompareSwitches();
  // Threads that are woken before they slept have no block, so it may take a second round.
  constexpr uint64_t kEnough = 60000;
  for (int round = 0; round < 3 && Counts(CHECK_WAKING).walks <= kEnough; ++round) {
    for (const int depth : {1, 10, 60}) {
      CompareSleeper("sleep", depth, 3000, "plain");
      CompareSleeper("pipe", depth, 10000, "plain");
      CompareSleeper("futex", depth, 10000, "plain");
    }
  }
  Print("known stacks");
  EXPECT_EQ(skeleton_->bss->differences_made, 0u) << DifferencesInWords();
  EXPECT_EQ(Total(&check_counts::cut), 0u);
  EXPECT_EQ(skeleton_->bss->not_taken, 0u);
  EXPECT_GT(Counts(CHECK_SWITCH_IN).walks, kEnough);
  EXPECT_GT(Counts(CHECK_WAKING).walks, kEnough);
  EXPECT_GT(Counts(CHECK_SWITCH_IN).frames, 20 * Counts(CHECK_SWITCH_IN).walks);
}

TEST_P(UserStackLive, WalksUnderChurnOfMemoryAndProcessesAreRight) {
  CompareSwitches();
  Program one({kSleeper, "sleep", "20", "20000", "churn"});
  Program two({kSleeper, "pipe", "20", "40000", "huge,churn"});
  Follow(one);
  Follow(two);
  const std::vector<uint64_t> stack_of_one = one.KnownStack();
  const std::vector<uint64_t> stack_of_two = two.KnownStack();
  for (int pass = 0; pass < 100; ++pass) {
    PassOverTasks();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(one.Wait(), 0);
  EXPECT_EQ(two.Wait(), 0);
  Print("churn");
  EXPECT_EQ(Total(&check_counts::different), 0u) << DifferencesInWords();
  // A page that is moved just then is told, and rare: joining a huge page takes the longest.
  EXPECT_LE(Total(&check_counts::cut), Total(&check_counts::walks) / 50);
  // The kernel meets such pages, too, and says nothing: then the walk has what the program knows,
  // from the function on that it was in.
  EXPECT_LE(Total(&check_counts::longer), Total(&check_counts::walks) / 50);
  for (const check_difference& difference : Differences()) {
    // Other threads of the program know nothing of their stacks.
    if (std::string(difference.comm) != "knows_its_stack") continue;
    const __u64* const walked = difference.walked.frames + 1;
    const __u64* const walked_end = difference.walked.frames + difference.walked.nframes;
    const auto ends_like = [&](const std::vector<uint64_t>& known) {
      const __u64* const oldest = std::find(walked, walked_end, known.back());
      return oldest != walked_end && oldest - walked < std::ssize(known) &&
             std::equal(walked, oldest + 1, known.end() - (oldest + 1 - walked));
    };
    EXPECT_TRUE(ends_like(stack_of_one) || ends_like(stack_of_two)) << InWords(difference);
  }
  EXPECT_GT(Counts(CHECK_SWITCH_IN).walks, 60000u);
  EXPECT_GT(Counts(CHECK_PASS).walks, 50u);
}

TEST_P(UserStackLive, ThreadAsleepSinceBeforeIsSeenByThePassOverAllTasks) {
  ExpectKnownStack(25, "plain");
}

TEST_P(UserStackLive, StackInAHugePage) { ExpectKnownStack(25, "huge"); }

TEST_P(UserStackLive, StackInAPageOfAGigabyte) {
  // One such page, for as long as the test lasts.
  const std::string reserved = "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages";
  uint64_t before = 0;
  std::ifstream(reserved) >> before;
  if (before == 0) std::ofstream(reserved) << 1;
  ExpectKnownStack(25, "gigabyte");
  if (before == 0) std::ofstream(reserved) << 0;
}

TEST_P(UserStackLive, StackThatNobodyMayAccessJustNow) { ExpectKnownStack(25, "hidden"); }

TEST_P(UserStackLive, HugePageThatNobodyMayAccessJustNow) { ExpectKnownStack(25, "huge,hidden"); }

TEST_P(UserStackLive, DeepStackIsCutAtTheMostFrames) {
  ExpectKnownStack(125, "plain");
  ExpectKnownStack(126, "plain");
  ExpectKnownStack(300, "plain");
}

TEST_P(UserStackLive, ProgramsWithoutFramePointersDifferRarely) {
  CompareSwitches();
  const std::string python = R"(
import queue, subprocess, threading, time
def sleeper():
    for i in range(3000): time.sleep(0.0001)
requests, answers = queue.Queue(), queue.Queue()
def server():
    for i in range(10000): answers.put(requests.get())
threads = [threading.Thread(target=f) for f in (sleeper, sleeper, server)]
for thread in threads: thread.start()
for i in range(10000): requests.put(str(i)); answers.get()
for i in range(20): subprocess.run(["true"])
for thread in threads: thread.join()
)";
  Program one({"python3", "-c", python});
  Follow(one);
  const int status = one.Wait();
  if (status == 127) GTEST_SKIP() << "no python3 here";
  EXPECT_EQ(status, 0);
  Program two({"bash", "-c", "for i in {1..500}; do : | read line; (exit 3); done; true"});
  Follow(two);
  EXPECT_EQ(two.Wait(), 0);
  Print("without frame pointers");
  // Where the register holds data, what it points to changes while the thread sleeps.
  EXPECT_GT(Counts(CHECK_SWITCH_IN).walks, 10000u);
  EXPECT_LE(skeleton_->bss->differences_made + Total(&check_counts::cut),
            Total(&check_counts::walks) / 1000)
      << DifferencesInWords();
}

TEST_P(UserStackLive, CostOfAWalkIsMeasured) {
  const UniqueFd statistics(bpf_enable_stats(BPF_STATS_RUN_TIME));
  ASSERT_TRUE(bool(statistics));
  for (const int depth : {1, 10, 30}) {
    double ns[3] = {};
    bpf_program* const programs[] = {skeleton_->progs.time_nothing, skeleton_->progs.time_walk,
                                     skeleton_->progs.time_get_stack};
    for (int i = 0; i < 3; ++i) {
      const auto read_info = [&] {
        bpf_prog_info info = {};
        uint32_t size = sizeof(info);
        EXPECT_EQ(bpf_obj_get_info_by_fd(bpf_program__fd(programs[i]), &info, &size), 0);
        return info;
      };
      const bpf_prog_info before = read_info();
      bpf_link* const link = bpf_program__attach(programs[i]);
      ASSERT_NE(link, nullptr);
      skeleton_->bss->timed_runs = 0;
      CompareSleeper("pipe", depth, 50000, "plain");
      bpf_link__destroy(link);
      const bpf_prog_info after = read_info();
      EXPECT_GT(skeleton_->bss->timed_runs, 50000u);
      ns[i] = double(after.run_time_ns - before.run_time_ns) / double(skeleton_->bss->timed_runs);
    }
    std::printf(
        "depth %d: nothing %.0f ns, walk at switch-in %.0f ns, bpf_get_stack at switch-out "
        "%.0f ns per switch\n",
        depth, ns[0], ns[1], ns[2]);
    EXPECT_GT(ns[1], ns[0]);
  }
  for (bpf_program* program : {skeleton_->progs.time_nothing, skeleton_->progs.time_walk}) {
    bpf_prog_info info = {};
    uint32_t size = sizeof(info);
    ASSERT_EQ(bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size), 0);
    std::printf("%s: %u verified instructions\n", info.name, info.verified_insns);
  }
}

TEST(DirectMapLive, IsFoundAgainAndQuickly) {
  const auto start = std::chrono::steady_clock::now();
  const Result<DirectMap> one = FindDirectMap();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  const Result<DirectMap> two = FindDirectMap();
  ASSERT_TRUE(one.has_value() && two.has_value());
  EXPECT_EQ(std::memcmp(&*one, &*two, sizeof(*one)), 0);
  std::printf("direct map found in %.1f ms: %u levels, memory ends at %.1f GiB, loads %s\n",
              seconds.count() * 1000, one->levels, double(one->end_bytes) / (1 << 30),
              one->can_load != 0 ? "allowed" : "refused");
}

INSTANTIATE_TEST_SUITE_P(Walks, UserStackLive, testing::Bool(), [](const auto& walk) {
  return std::string(walk.param ? "ByLoads" : "ByHelper");
});

// What FindDirectMap says in a child that `restrict` took rights from.
template <typename Restrict>
std::string MessageWhere(Restrict restrict_child) {
  int pipe_ends[2];
  EXPECT_EQ(pipe(pipe_ends), 0);
  const UniqueFd output(pipe_ends[0]);
  UniqueFd input(pipe_ends[1]);
  const pid_t child = fork();
  if (child == 0) {
    if (!restrict_child()) _exit(1);
    const Result<DirectMap> map = FindDirectMap();
    const std::string message = map.has_value() ? "found" : map.error().Message();
    _exit(write(input.get(), message.data(), message.size()) == ssize_t(message.size()) ? 0 : 1);
  }
  input.Reset();
  std::string message(2000, '\0');
  const ssize_t bytes = read(output.get(), message.data(), message.size());
  message.resize(bytes < 0 ? 0 : size_t(bytes));
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  return message;
}

TEST(DirectMapLive, IsNotFoundWithoutPrivileges) {
  const std::string message = MessageWhere([] { return setuid(65534) == 0; });
  EXPECT_EQ(message,
            "/proc/iomem: user stacks of sleeping threads cannot be read afterwards: the kernel "
            "does not tell where the machine's memory is. Run as root, in a container with "
            "--privileged.");
}

TEST(DirectMapLive, IsNotFoundWhereTheKernelRefusesPrograms) {
  const std::string message = MessageWhere([] {
    // bpf() fails as it does in lockdown mode.
    sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program = {std::size(code), code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
  });
  EXPECT_EQ(message,
            "user stacks of sleeping threads cannot be read afterwards: the program that looks for "
            "the kernel's map of memory cannot be loaded: Operation not permitted. Run as root; a "
            "kernel in lockdown mode or a container may refuse all the same.");
}

}  // namespace
}  // namespace twofold
