// The kernel's description of its own types (BTF), as far as it tells what the kernel offers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "format/base/result.h"

struct btf;

namespace twofold {

class KernelBtf {
 public:
  static constexpr const char* kPath = "/sys/kernel/btf/vmlinux";

  // Parses the file once. Error: it is missing, or cannot be parsed.
  static Result<KernelBtf> Load(const std::string& path = kPath);

  // The parameters of a tracepoint's programs, the hidden first one included; -1: no such
  // tracepoint.
  int TracepointParameters(const std::string& tracepoint) const;

  // Whether BPF programs can keep something for each thread: since 5.11 (commit 4cf1bc1f1045) at
  // tracepoints.
  bool HasTaskStorage() const;

  // The type behind a tracepoint and the one of a function, by which programs name what they attach
  // to; negative: there is none.
  int32_t TracepointType(const std::string& tracepoint) const;
  int32_t FunctionType(const std::string& function) const;

 private:
  struct Free {
    void operator()(btf* types) const;
  };
  explicit KernelBtf(btf* types) : types_(types) {}
  bool HasEnumValue(const char* enumeration, const char* name) const;

  std::unique_ptr<btf, Free> types_;
};

}  // namespace twofold
