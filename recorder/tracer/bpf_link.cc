#include "recorder/tracer/bpf_link.h"

#include <cerrno>
#include <cstdarg>
#include <cstdio>

namespace twofold {
namespace {

// The last lines that libbpf said, to go with an error.
std::string& LibbpfWords() {
  static std::string words;
  return words;
}

int KeepWords(libbpf_print_level level, const char* format, va_list arguments) {
  if (level != LIBBPF_WARN) return 0;
  char line[512];
  const int length = std::vsnprintf(line, sizeof(line), format, arguments);
  std::string& words = LibbpfWords();
  if (length > 0 && words.size() < 2000) words += line;
  return length;
}

}  // namespace

void KeepLibbpfWords() {
  libbpf_set_print(KeepWords);
  LibbpfWords().clear();
}

Error TracerError(const std::string& what, int error) {
  std::string reason = ErrnoText(error);
  // The first line, without its newline; the whole log is too long for a sentence.
  const std::string& words = LibbpfWords();
  if (!words.empty()) reason += " (" + words.substr(0, words.find('\n')) + ")";
  if (error == EMFILE || error == ENFILE) {
    return Error{.what = "recording takes more open files than this process may have",
                 .where = "",
                 .remedy = "Raise the limit on open files (ulimit -n 4096)"};
  }
  return Error{.what = what + ": " + reason,
               .where = "",
               .remedy = error == EPERM || error == EACCES
                             ? "Run as root; a "
                               "kernel in lockdown mode or a container may refuse all the same"
                             : "Report it with the output of `uname -r`"};
}

Result<BpfLink> AttachProgram(const bpf_program* program) {
  BpfLink link(bpf_program__attach(program));
  if (link == nullptr) {
    return TracerError(std::string("cannot attach BPF program ") + bpf_program__name(program),
                       errno);
  }
  return link;
}

}  // namespace twofold
