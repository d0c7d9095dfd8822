// Runs FindSourcePlacesUnguarded in a child process that can do nothing but compute and answer: a
// debug file may be made to exploit its parser, to run for ever, or to unpack to more than there
// is. The answer comes through a pipe and is checked like a file from a stranger.
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <exception>
#include <fstream>

#include "analyzer/cli/interrupt.h"
#include "analyzer/symbolize/source_places.h"

namespace twofold {
namespace {

using Clock = std::chrono::steady_clock;

// An honest file of 1 GB takes a few seconds.
constexpr rlim_t kMaxCpuSeconds = 60;
constexpr auto kMaxTime = std::chrono::seconds(120);
// Beyond what the program has already, and twice the file: it may be compressed.
constexpr uint64_t kMaxMemoryBytes = 2ULL << 30;
constexpr size_t kMaxAnswerBytes = 256 << 20;
constexpr size_t kMaxTextBytes = 32 << 10;
constexpr uint32_t kMaxFrames = 1024;
constexpr uint32_t kSymbolBit = 1U << 31;

// ---- the answer as bytes: all numbers are 32 bits wide

void Put(std::string& bytes, uint32_t number) {
  bytes.append(reinterpret_cast<const char*>(&number), sizeof(number));
}

std::string Pack(const SourcePlaces& places) {
  std::string bytes;
  Put(bytes, uint32_t(places.texts.size()));
  for (const std::string& text : places.texts) {
    Put(bytes, uint32_t(text.size()));
    bytes += text;
  }
  for (const SourcePlace& place : places.places) {
    Put(bytes, uint32_t(place.frames.size()) | (place.is_symbol ? kSymbolBit : 0));
    for (const SourceFrame& frame : place.frames) {
      for (uint32_t number : {frame.function, frame.file, frame.line}) Put(bytes, number);
    }
  }
  return bytes;
}

class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : rest_(bytes) {}

  bool Unpack(size_t count, SourcePlaces& places) {
    uint32_t texts = 0;
    if (!Take(texts) || texts == 0 || texts > rest_.size() / sizeof(uint32_t)) return false;
    places.texts.assign(texts, "");
    for (std::string& text : places.texts) {
      uint32_t size = 0;
      if (!Take(size) || size > kMaxTextBytes || size > rest_.size()) return false;
      text = rest_.substr(0, size);
      rest_.remove_prefix(size);
    }
    if (!places.texts.front().empty()) return false;
    places.places.resize(count);
    for (SourcePlace& place : places.places) {
      uint32_t frames = 0;
      if (!Take(frames)) return false;
      place.is_symbol = (frames & kSymbolBit) != 0;
      frames &= ~kSymbolBit;
      if (frames > kMaxFrames || frames > rest_.size() / sizeof(SourceFrame)) return false;
      place.frames.resize(frames);
      for (SourceFrame& frame : place.frames) {
        bool is_whole = Take(frame.function) && Take(frame.file) && Take(frame.line);
        if (!is_whole || frame.function >= texts || frame.file >= texts) return false;
      }
    }
    return rest_.empty();
  }

 private:
  bool Take(uint32_t& number) {
    if (rest_.size() < sizeof(number)) return false;
    std::memcpy(&number, rest_.data(), sizeof(number));
    rest_.remove_prefix(sizeof(number));
    return true;
  }

  std::string_view rest_;
};

// ---- the child

uint64_t MappedBytes() {
  uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * uint64_t(sysconf(_SC_PAGESIZE));
}

bool Limit(__rlimit_resource resource, rlim_t most, rlim_t hard) {
  const rlimit limit = {most, hard};
  return setrlimit(resource, &limit) == 0;
}

// The child keeps the descriptors that it has, and gets no more. It dies of whatever goes wrong
// without a word and without a file.
void PrepareChild(int nowhere, uint64_t file_bytes) {
  for (int number : {SIGXCPU, SIGPIPE, SIGINT, SIGTERM}) signal(number, SIG_DFL);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  uint64_t memory = MappedBytes() + kMaxMemoryBytes + 2 * file_bytes;
  bool is_ready = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                  dup2(nowhere, STDERR_FILENO) >= 0 && Limit(RLIMIT_CORE, 0, 0) &&
                  Limit(RLIMIT_FSIZE, 0, 0) &&
                  Limit(RLIMIT_CPU, kMaxCpuSeconds, kMaxCpuSeconds + 1) &&
                  Limit(RLIMIT_AS, memory, memory) && Limit(RLIMIT_NOFILE, 0, 0);
  if (!is_ready) _exit(1);
}

bool WriteAll(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t written = write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(size_t(written));
  }
  return true;
}

[[noreturn]] void RunChild(int debug_file, int shared_file, const std::vector<uint64_t>& addresses,
                           int answer) {
  try {
    SourcePlaces places;
    bool found = FindSourcePlacesUnguarded(debug_file, shared_file, addresses, places);
    _exit(found && WriteAll(answer, Pack(places)) ? 0 : 1);
  } catch (const std::exception&) {
    _exit(1);
  }
}

// ---- the parent

// Reads to the end. False: too much came, it took too long, or the user wants no more.
bool ReadAnswer(int descriptor, std::string& bytes) {
  const Clock::time_point deadline = Clock::now() + kMaxTime;
  std::vector<char> buffer(1 << 16);
  while (bytes.size() <= kMaxAnswerBytes) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return false;
    pollfd waiting = {descriptor, POLLIN, 0};
    int ready = poll(&waiting, 1, int(left.count()));
    if (ready < 0 && errno != EINTR) return false;
    if (IsInterrupted()) return false;
    if (ready <= 0) continue;
    ssize_t got = read(descriptor, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    if (got == 0) return true;
    bytes.append(buffer.data(), size_t(got));
  }
  return false;
}

uint64_t FileBytes(int descriptor) {
  struct stat status;
  if (descriptor < 0 || fstat(descriptor, &status) != 0 || status.st_size < 0) return 0;
  return std::min<uint64_t>(uint64_t(status.st_size), 64ULL << 30);
}

Error CannotStart() {
  return Error{"no process to read it in could be started: " + ErrnoText(errno), "", ""};
}

}  // namespace

Result<SourcePlaces> FindSourcePlaces(int debug_file, int shared_file,
                                      const std::vector<uint64_t>& addresses) {
  int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  int ends[2] = {-1, -1};
  if (nowhere < 0 || pipe2(ends, O_CLOEXEC) != 0) {
    Error error = CannotStart();
    if (nowhere >= 0) close(nowhere);
    return error;
  }
  pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    PrepareChild(nowhere, FileBytes(debug_file) + FileBytes(shared_file));
    RunChild(debug_file, shared_file, addresses, ends[1]);
  }
  Error failed = CannotStart();
  close(ends[1]);
  close(nowhere);
  std::string bytes;
  bool is_answered = child > 0 && ReadAnswer(ends[0], bytes);
  close(ends[0]);
  if (child < 0) return failed;
  if (!is_answered) kill(child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  bool took_too_long = !is_answered || (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU);
  if (took_too_long) return Error{"reading it takes too long", "", ""};
  SourcePlaces places;
  bool is_good = WIFEXITED(status) && WEXITSTATUS(status) == 0 &&
                 Unpacker(bytes).Unpack(addresses.size(), places);
  if (!is_good) return Error{"it is damaged, or made to do harm", "", ""};
  return places;
}

}  // namespace twofold
