// What attaches a BPF program, taken off when it goes out of scope; and errors of libbpf.
#pragma once

#include <bpf/libbpf.h>

#include <memory>
#include <string>

#include "format/base/result.h"

namespace twofold {

struct DestroyBpfLink {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
using BpfLink = std::unique_ptr<bpf_link, DestroyBpfLink>;

// Attaches a program to what its section names. Error: names the program and the reason.
Result<BpfLink> AttachProgram(const bpf_program* program);

// An error of libbpf or of the kernel (an errno), with the first line of what libbpf said.
Error TracerError(const std::string& what, int error);

// From now on libbpf's words are kept for TracerError; those so far are forgotten.
void KeepLibbpfWords();

}  // namespace twofold
