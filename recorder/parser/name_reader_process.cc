#include "recorder/parser/name_reader_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "recorder/base/clocks.h"
#include "recorder/base/file_limit.h"
#include "recorder/parser/elf_allocators.h"
#include "recorder/parser/sandbox.h"

namespace twofold {
namespace {

constexpr const char* kAnyName = "file";  // only descriptors are known here

NameService::Reply Say(NameReplyKind kind, std::string text = "") {
  NameService::Reply reply;
  reply.header.kind = kind;
  reply.text = std::move(text);
  return reply;
}

// False: the other end is gone.
bool Send(int socket, NameService::Reply& reply) {
  if (reply.text.size() > kMaxReplyTextBytes) reply.text.resize(kMaxReplyTextBytes);
  reply.header.text_bytes = uint32_t(reply.text.size());
  iovec parts[2] = {{&reply.header, sizeof reply.header}, {reply.text.data(), reply.text.size()}};
  msghdr message = {};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  ssize_t sent;
  do {
    sent = sendmsg(socket, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent >= 0;
}

// False: the other end is gone, or talks nonsense.
bool Receive(int socket, NameRequest& request, UniqueFd& fd) {
  iovec part = {&request, sizeof request};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t got;
  do {
    got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got != ssize_t{sizeof request}) return false;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_type == SCM_RIGHTS &&
      header->cmsg_len == CMSG_LEN(sizeof(int))) {
    int number;
    std::memcpy(&number, CMSG_DATA(header), sizeof number);
    fd.Reset(number);
  }
  return true;
}

// Standard streams lead nowhere, and nothing else is open but the socket.
bool CloseAllButSocket() {
  const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nowhere < 0) return false;
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (dup2(nowhere, stream) < 0) return false;
  }
  return close_range(kNameReaderSocket + 1, ~0U, 0) == 0;
}

}  // namespace

NameService::Reply NameService::Answer(const NameRequest& request, UniqueFd fd) {
  switch (request.kind) {
    case NameRequestKind::kOpenElf:
      return OpenElf(request.file, std::move(fd));
    case NameRequestKind::kOpenPerfMap:
    case NameRequestKind::kOpenJitDump: {
      const auto format = request.kind == NameRequestKind::kOpenPerfMap
                              ? RuntimeCodeFile::Format::kPerfMap
                              : RuntimeCodeFile::Format::kJitDump;
      if (!fd) return Say(NameReplyKind::kError);
      code_files_.erase(request.file);
      code_files_.try_emplace(request.file, std::move(fd), format);
      return Say(NameReplyKind::kOk);
    }
    case NameRequestKind::kAddDebugFile:
      return AddDebugFile(request.file, std::move(fd));
    case NameRequestKind::kFindFunction:
      return FindFunction(request.file, request.a);
    case NameRequestKind::kRefreshCode:
    case NameRequestKind::kFindCode:
    case NameRequestKind::kDropCode:
      return Code(request);
    case NameRequestKind::kClose: {
      if (const auto elf = elf_files_.find(request.file); elf != elf_files_.end()) {
        Drop(elf->second);
        elf_files_.erase(elf);
      }
      code_files_.erase(request.file);
      return Say(NameReplyKind::kOk);
    }
    case NameRequestKind::kFindAllocators: {
      const std::string text = fd ? AllocatorPlacesText(FindAllocatorPlaces(fd.get())) : "";
      return Say(text.empty() ? NameReplyKind::kNothing : NameReplyKind::kOk, text);
    }
    case NameRequestKind::kEndInterval:
      for (auto& [file, elf] : elf_files_) {
        if (elf.last_use <= last_release_) Drop(elf);
      }
      last_release_ = use_counter_;
      return Say(NameReplyKind::kOk);
    case NameRequestKind::kUsage: {
      Reply reply = Say(NameReplyKind::kOk);
      rusage usage = {};
      if (getrusage(RUSAGE_SELF, &usage) != 0) return Say(NameReplyKind::kError);
      reply.header.values[0] = TimevalNs(usage.ru_utime);
      reply.header.values[1] = TimevalNs(usage.ru_stime);
      return reply;
    }
  }
  return Say(NameReplyKind::kError);
}

NameService::Reply NameService::OpenElf(uint32_t file, UniqueFd fd) {
  if (!fd) return Say(NameReplyKind::kError);
  ElfFile elf;
  elf.fd = std::move(fd);
  if (!Load(elf)) return Say(NameReplyKind::kError);
  const std::optional<DebugLink>& link = elf.table->debug_link();
  Reply reply = Say(NameReplyKind::kOk,
                    elf.table->build_id() + "\n" + (link ? link->file_name : std::string()));
  reply.header.values[0] = elf.table->size();
  reply.header.values[1] = elf.table->has_symtab() ? 1 : 0;
  reply.header.values[2] = link ? link->crc32 : 0;
  ElfFile& kept = elf_files_[file];
  Drop(kept);
  kept = std::move(elf);
  EnforceBudget(kept);
  return reply;
}

NameService::Reply NameService::AddDebugFile(uint32_t file, UniqueFd fd) {
  const auto found = elf_files_.find(file);
  if (found == elf_files_.end() || !fd || !Load(found->second)) return Say(NameReplyKind::kError);
  ElfFile& elf = found->second;
  memory_bytes_ -= elf.table->memory_bytes();
  const bool added = elf.table->AddDebugFile(UniqueFd(dup(fd.get())), kAnyName).has_value();
  memory_bytes_ += elf.table->memory_bytes();
  if (!added) return Say(NameReplyKind::kError);
  elf.debug_fd = std::move(fd);
  EnforceBudget(elf);
  Reply reply = Say(NameReplyKind::kOk);
  reply.header.values[0] = elf.table->size();
  return reply;
}

NameService::Reply NameService::FindFunction(uint32_t file, uint64_t file_offset) {
  const auto elf = elf_files_.find(file);
  if (elf == elf_files_.end() || !Load(elf->second)) return Say(NameReplyKind::kError);
  const auto name = elf->second.table->FindByFileOffset(file_offset);
  EnforceBudget(elf->second);
  if (!name) return Say(NameReplyKind::kNothing);
  return Say(NameReplyKind::kOk, *name);
}

NameService::Reply NameService::Code(const NameRequest& request) {
  const auto found = code_files_.find(request.file);
  if (found == code_files_.end()) return Say(NameReplyKind::kError);
  RuntimeCodeFile& code = found->second;
  Reply reply = Say(NameReplyKind::kOk);
  uint64_t* values = reply.header.values;
  if (request.kind == NameRequestKind::kFindCode) {
    auto entry = code.Find(request.a);
    if (!entry) return Say(NameReplyKind::kNothing);
    values[0] = entry->start;
    values[1] = entry->size_bytes;
    reply.text = std::move(entry->name);
    return reply;
  }
  if (request.kind == NameRequestKind::kRefreshCode) {
    values[0] = code.Refresh(request.a);
  } else {
    code.Drop();
  }
  values[1] = code.changes();
  values[2] = code.damaged() ? 1 : 0;
  values[3] = code.memory_bytes();
  return reply;
}

bool NameService::Load(ElfFile& elf) {
  elf.last_use = ++use_counter_;
  if (elf.table != nullptr) return true;
  Result<ElfSymbols> table = ElfSymbols::Read(UniqueFd(dup(elf.fd.get())), kAnyName);
  if (!table) return false;
  elf.table = std::make_unique<ElfSymbols>(std::move(table).value());
  if (elf.debug_fd) {
    // It was accepted before; if it is not any longer, its names are missing.
    static_cast<void>(elf.table->AddDebugFile(UniqueFd(dup(elf.debug_fd.get())), kAnyName));
  }
  memory_bytes_ += elf.table->memory_bytes();
  return true;
}

void NameService::Drop(ElfFile& elf) {
  if (elf.table == nullptr) return;
  memory_bytes_ -= elf.table->memory_bytes();
  elf.table.reset();
}

void NameService::EnforceBudget(const ElfFile& in_use) {
  while (memory_bytes_ > kBudgetBytes) {
    ElfFile* oldest = nullptr;
    for (auto& [file, elf] : elf_files_) {
      if (elf.table == nullptr || &elf == &in_use) continue;
      if (oldest == nullptr || elf.last_use < oldest->last_use) oldest = &elf;
    }
    if (oldest == nullptr) return;
    Drop(*oldest);
  }
}

int RunNameReader() {
  prctl(PR_SET_NAME, kNameReaderProgram, 0, 0, 0);
  RaiseFileLimit();
  NameService::Reply first = Say(NameReplyKind::kOk);
  if (!CloseAllButSocket()) {
    first = Say(NameReplyKind::kError, "cannot close descriptors: " + ErrnoText(errno));
  } else if (const Result<void> done = EnterSandbox(); !done) {
    first = Say(NameReplyKind::kError, done.error().what);
  }
  const bool is_safe = first.header.kind == NameReplyKind::kOk;
  if (!Send(kNameReaderSocket, first) || !is_safe) return 1;

  NameService service;
  while (true) {
    NameRequest request;
    UniqueFd fd;
    if (!Receive(kNameReaderSocket, request, fd)) return 0;
    NameService::Reply reply = service.Answer(request, std::move(fd));
    if (!Send(kNameReaderSocket, reply)) return 0;
  }
}

}  // namespace twofold
