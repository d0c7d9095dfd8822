// What naming addresses of a large file costs, on the way that the recorder takes: a name reader's
// process parses the file, and is asked for one address after the other.
//
// usage: names_bench FILE [ADDRESSES [LIST]]
//        names_bench --make FUNCTIONS FILE
//        names_bench --run PROGRAM [ARGUMENTS]
//
// The addresses lie evenly spaced in the largest executable segment. Prints key=value pairs; LIST
// gets a line for each address: the address as addr2line takes it, and the name, or ?? without one.
// --make writes a file with that many functions in its .symtab. --run tells on stderr how long
// another program took and how much memory. tests/bench/names --large compares.
#include <elf.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/input_file.h"
#include "recorder/base/small_file.h"
#include "recorder/names/name_reader.h"
#include "recorder/names/remote_files.h"
#include "tests/recorder/elf_builder.h"

namespace twofold {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kFunctionBytes = 64;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

template <typename T>
bool ReadExactly(int fd, uint64_t offset, T& value) {
  const std::span<uint8_t> bytes(reinterpret_cast<uint8_t*>(&value), sizeof value);
  return ReadAt(fd, offset, bytes) == sizeof value;
}

std::optional<Elf64_Phdr> LargestCode(int fd) {
  Elf64_Ehdr header;
  if (!ReadExactly(fd, 0, header)) return std::nullopt;
  std::optional<Elf64_Phdr> largest;
  for (uint32_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    if (!ReadExactly(fd, header.e_phoff + i * sizeof segment, segment)) return std::nullopt;
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0) continue;
    if (!largest || segment.p_filesz > largest->p_filesz) largest = segment;
  }
  return largest;
}

// Functions as a large C++ program has them: mangled names of some 60 bytes, one behind the other.
int Make(uint64_t functions, const std::string& path) {
  ElfBuilder builder(functions * kFunctionBytes);
  for (uint64_t i = 0; i < functions; ++i) {
    builder.AddFunction("_ZN7example7service" + std::to_string(1'000'000 + i * 7919 % functions) +
                            "E14handle_requestERKNS_7RequestE",
                        i * kFunctionBytes, kFunctionBytes);
  }
  builder.AddSection(".comment", "made");  // binutils want names of sections
  std::ofstream file(path, std::ios::binary);
  file << builder.Build();
  return file.good() ? 0 : 1;
}

// From here and not from a script: a program's peak begins with that of the process it was forked
// from.
int Run(char** words) {
  const Clock::time_point start = Clock::now();
  const pid_t pid = fork();
  if (pid == 0) {
    if (freopen("/dev/null", "w", stderr) == nullptr) _exit(126);
    execvp(words[0], words);
    _exit(127);
  }
  int status = 0;
  rusage usage{};
  if (pid < 0 || wait4(pid, &status, 0, &usage) != pid) return 1;
  std::fprintf(stderr, "seconds=%.4f peak_bytes=%llu\n", SecondsSince(start),
               static_cast<unsigned long long>(usage.ru_maxrss) * 1024);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

uint64_t OwnPeakBytes() {
  const std::string text = ReadSmallFile(AT_FDCWD, "/proc/self/status", 16384).value_or("");
  const size_t at = text.find("VmHWM:");
  return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at + 6, nullptr, 10) * 1024;
}

int Measure(const std::string& path, uint64_t addresses, const std::string& list_path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const std::optional<Elf64_Phdr> code = fd ? LargestCode(fd.get()) : std::nullopt;
  if (!code) {
    std::fprintf(stderr, "names_bench: %s is no executable that can be read\n", path.c_str());
    return 1;
  }
  std::vector<std::string> names;
  names.reserve(addresses);

  const Clock::time_point start = Clock::now();
  NameReader reader(TWOFOLD_BIN_DIR "/twofold-record");
  if (const Result<void> started = reader.Start(); !started) {
    std::fprintf(stderr, "names_bench: %s\n", started.error().Message().c_str());
    return 1;
  }
  const double start_s = SecondsSince(start);
  const Clock::time_point read = Clock::now();
  RemoteElf elf(reader, std::move(fd));
  if (!elf.Read()) {
    std::fprintf(stderr, "names_bench: the name reader cannot read %s\n", path.c_str());
    return 1;
  }
  const double read_s = SecondsSince(read);
  const Clock::time_point find = Clock::now();
  uint64_t named = 0;
  for (uint64_t i = 0; i < addresses; ++i) {
    const uint64_t into = code->p_filesz * i / addresses;
    const std::optional<std::string> name = elf.FindByFileOffset(code->p_offset + into);
    if (name) ++named;
    names.push_back(name.value_or("??"));
  }
  const double find_s = SecondsSince(find);
  const NameReader::Usage usage = reader.TakeUsage();
  std::printf(
      "functions=%llu symtab=%d addresses=%llu named=%llu start_s=%.4f read_s=%.4f find_s=%.4f "
      "reader_cpu_s=%.4f reader_peak_bytes=%llu own_peak_bytes=%llu\n",
      static_cast<unsigned long long>(elf.functions()), elf.has_symtab() ? 1 : 0,
      static_cast<unsigned long long>(addresses), static_cast<unsigned long long>(named), start_s,
      read_s, find_s, double(usage.user_ns + usage.system_ns) / 1e9,
      static_cast<unsigned long long>(usage.peak_resident_bytes),
      static_cast<unsigned long long>(OwnPeakBytes()));

  if (list_path.empty()) return 0;
  std::ofstream list(list_path);
  for (uint64_t i = 0; i < addresses; ++i) {
    list << "0x" << std::hex << code->p_vaddr + code->p_filesz * i / addresses << ' ' << names[i]
         << '\n';
  }
  return list.good() ? 0 : 1;
}

}  // namespace
}  // namespace twofold

int main(int argument_count, char** arguments) {
  const std::vector<std::string> words(arguments + 1, arguments + argument_count);
  if (words.size() == 3 && words[0] == "--make") {
    return twofold::Make(std::strtoull(words[1].c_str(), nullptr, 10), words[2]);
  }
  if (words.size() > 1 && words[0] == "--run") return twofold::Run(arguments + 2);
  const uint64_t addresses = words.size() > 1 ? std::strtoull(words[1].c_str(), nullptr, 10) : 5000;
  if (words.empty() || words.size() > 3 || addresses == 0) {
    std::fprintf(stderr,
                 "usage: names_bench FILE [ADDRESSES [LIST]], names_bench --make FUNCTIONS FILE, "
                 "names_bench --run PROGRAM [ARGUMENTS]\n");
    return 2;
  }
  return twofold::Measure(words[0], addresses, words.size() > 2 ? words[2] : "");
}
