#include "analyzer/names/demangle.h"

// As the C library has them; otherwise libiberty.h declares its own, which differ in C++.
#define HAVE_DECL_BASENAME 1
#define HAVE_DECL_ASPRINTF 1
#define HAVE_DECL_VASPRINTF 1
#include <libiberty/demangle.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace twofold {
namespace {

// What is written into it; too much of it is dropped, and then nothing of it is used.
struct Sink {
  std::string text;
  bool is_full = false;
};

void Write(const char* text, size_t size, void* opaque) {
  Sink& sink = *static_cast<Sink*>(opaque);
  if (sink.is_full || size > kMaxDemangledBytes - sink.text.size()) {
    sink.is_full = true;
    return;
  }
  sink.text.append(text, size);
}

std::optional<std::string> Take(bool done, Sink& sink) {
  if (!done || sink.is_full || sink.text.empty()) return std::nullopt;
  return std::move(sink.text);
}

std::optional<std::string> DemangleRust(const std::string& name) {
  Sink sink;
  // Without DMGL_VERBOSE: no hash.
  bool done = rust_demangle_callback(name.c_str(), DMGL_NO_OPTS, Write, &sink) != 0;
  return Take(done, sink);
}

// Whether all of a name is C++. Without DMGL_PARAMS libiberty does not look at what comes behind
// the function's name, so that "_Z3foo" and whatever follows would do.
bool IsCpp(const std::string& name) {
  void* memory = nullptr;
  bool is_cpp = cplus_demangle_v3_components(name.c_str(), DMGL_PARAMS, &memory) != nullptr;
  std::unique_ptr<void, decltype(&std::free)> owner(memory, std::free);
  return is_cpp;
}

std::optional<std::string> DemangleCpp(const std::string& name) {
  if (name.size() > kMaxMangledCppBytes || !IsCpp(name)) return std::nullopt;
  Sink sink;
  bool done = cplus_demangle_v3_callback(name.c_str(), DMGL_NO_OPTS, Write, &sink) != 0;
  return Take(done, sink);
}

std::optional<std::string> DemangleBare(const std::string& name) {
  // Rust legacy is C++ with a hash: ask for Rust first.
  std::optional<std::string> text = DemangleRust(name);
  if (text || name.substr(0, 2) != "_Z") return text;
  return DemangleCpp(name);
}

// The end of "17h<16 hexadecimal digits>E", which ends the name of Rust legacy; npos: it has none.
size_t EndOfRustHash(std::string_view name) {
  constexpr std::string_view kStart = "17h";
  constexpr size_t kDigits = 16;
  size_t start = name.rfind(kStart);
  if (start == std::string_view::npos) return start;
  size_t end = start + kStart.size() + kDigits;
  if (end >= name.size() || name[end] != 'E') return std::string_view::npos;
  std::string_view digits = name.substr(start + kStart.size(), kDigits);
  bool is_hash = digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  return is_hash ? end + 1 : std::string_view::npos;
}

// What people see of a suffix: all of ".isra.0" or "@plt", but not the hash that LLVM puts behind
// names that it made visible to other files.
std::string_view VisibleSuffix(std::string_view suffix) {
  return suffix.substr(0, suffix.find(".llvm."));
}

}  // namespace

bool LooksMangled(std::string_view name) {
  bool begins = name.substr(0, 2) == "_Z" || name.substr(0, 2) == "_R";
  // All manglings are visible ASCII. A NUL would end the name for libiberty, not for us.
  return begins && name.size() <= kMaxMangledBytes &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

std::optional<std::string> Demangle(std::string_view name) {
  if (!LooksMangled(name)) return std::nullopt;
  size_t end = EndOfRustHash(name);
  // Names of Rust legacy have dots of their own; in others they begin a suffix, nearly always.
  if (end == std::string_view::npos) end = std::min(name.find_first_of(".@"), name.size());
  if (end == name.size()) return DemangleBare(std::string(name));
  std::optional<std::string> text = DemangleBare(std::string(name.substr(0, end)));
  if (!text) return DemangleBare(std::string(name));
  *text += VisibleSuffix(name.substr(end));
  return text;
}

}  // namespace twofold
