#include "recorder/names/remote_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <climits>
#include <string_view>
#include <utility>

namespace twofold {
namespace {

constexpr size_t kMaxBuildIdDigits = 128;

bool IsHex(const std::string& text) {
  return text.size() <= kMaxBuildIdDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

bool IsFileName(const std::string& name) {
  return !name.empty() && name.size() <= NAME_MAX && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\0", 2)) == std::string::npos;
}

uid_t OwnerOf(const UniqueFd& fd) {
  struct stat status {};
  return fstat(fd.get(), &status) == 0 ? status.st_uid : 0;
}

int64_t WrittenNs(const struct stat& status) {
  return status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec;
}

}  // namespace

RemoteFile::RemoteFile(NameReader& reader, UniqueFd fd, NameRequestKind open)
    : reader_(reader), fd_(std::move(fd)), open_(open), number_(reader.NewFile()) {
  struct stat status {};
  if (fstat(fd_.get(), &status) != 0) return;
  owner_ = status.st_uid;
  written_realtime_ns_ = WrittenNs(status);
  size_bytes_ = status.st_size;
}

bool RemoteFile::WasWrittenSince() const {
  struct stat status {};
  return fstat(fd_.get(), &status) == 0 &&
         (WrittenNs(status) != written_realtime_ns_ || status.st_size != size_bytes_);
}

RemoteFile::~RemoteFile() {
  if (IsOpen()) static_cast<void>(Ask(NameRequestKind::kClose));
}

NameReader::Reply RemoteFile::Settle(NameReader::Reply reply) {
  if (reply.outcome == NameReader::Outcome::kLost) {
    given_up_ = true;
    reader_.Blame(owner_);
  }
  return reply;
}

NameReader::Reply RemoteFile::Open() {
  given_up_ = given_up_ || reader_.IsBlamed(owner_);
  if (given_up_) return {};
  generation_ = 0;
  NameReader::Reply reply = Settle(reader_.Ask({.kind = open_, .file = number_}, fd_.get()));
  if (reply.outcome == NameReader::Outcome::kOk) generation_ = reader_.generation();
  return reply;
}

NameReader::Reply RemoteFile::Ask(NameRequestKind kind, uint64_t a) {
  if (!IsOpen()) return {};
  return Settle(reader_.Ask({.kind = kind, .file = number_, .a = a}));
}

NameReader::Reply RemoteFile::AskAbout(const UniqueFd& other, NameRequestKind kind) {
  const uid_t owner = OwnerOf(other);
  if (!IsOpen() || reader_.IsBlamed(owner)) return {};
  const uint64_t generation = reader_.generation();
  NameReader::Reply reply = reader_.Ask({.kind = kind, .file = number_}, other.get());
  if (reply.outcome == NameReader::Outcome::kLost) reader_.Blame(owner);
  // A process that was started for this question knows nothing of this file.
  if (generation != reader_.generation()) return {};
  return reply;
}

bool RemoteElf::Read() {
  const NameReader::Reply reply = Open();
  if (reply.outcome != NameReader::Outcome::kOk) return false;
  const size_t newline = std::min(reply.text.find('\n'), reply.text.size());
  std::string build_id = reply.text.substr(0, newline);
  if (!IsHex(build_id)) return false;
  build_id_ = std::move(build_id);
  functions_ = reply.values[0];
  has_symtab_ = reply.values[1] != 0;
  std::string link = reply.text.substr(std::min(newline + 1, reply.text.size()));
  if (IsFileName(link)) debug_link_ = DebugLink{std::move(link), uint32_t(reply.values[2])};
  if (debug_fd_) AddDebugFile(std::move(debug_fd_));
  return true;
}

bool RemoteElf::AddDebugFile(UniqueFd fd) {
  const auto reply = AskAbout(fd, NameRequestKind::kAddDebugFile);
  if (reply.outcome != NameReader::Outcome::kOk) return false;
  debug_fd_ = std::move(fd);
  functions_ = reply.values[0];
  return true;
}

std::optional<std::string> RemoteElf::FindByFileOffset(uint64_t file_offset) {
  NameReader::Reply reply;
  // Twice, as the reader may have died since the last question.
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (!IsOpen() && !Read()) return std::nullopt;
    reply = Ask(NameRequestKind::kFindFunction, file_offset);
    if (reply.outcome != NameReader::Outcome::kNoReader) break;
  }
  if (reply.outcome != NameReader::Outcome::kOk || reply.text.empty()) return std::nullopt;
  return std::move(reply.text);
}

RemoteCode::RemoteCode(NameReader& reader, UniqueFd fd, RuntimeCodeFile::Format format)
    : RemoteFile(reader, std::move(fd),
                 format == RuntimeCodeFile::Format::kPerfMap ? NameRequestKind::kOpenPerfMap
                                                             : NameRequestKind::kOpenJitDump) {
  struct stat status {};
  if (fstat(this->fd().get(), &status) != 0) return;
  device_ = status.st_dev;
  inode_ = status.st_ino;
}

void RemoteCode::Take(const NameReader::Reply& reply) {
  if (reply.outcome != NameReader::Outcome::kOk) {
    memory_bytes_ = 0;
    return;
  }
  if (std::exchange(changes_seen_, reply.values[1]) != reply.values[1]) ++changes_;
  damaged_ = damaged_ || reply.values[2] != 0;
  memory_bytes_ = size_t(reply.values[3]);
}

uint64_t RemoteCode::Refresh(uint64_t max_bytes) {
  if (!IsOpen()) {
    if (Open().outcome != NameReader::Outcome::kOk) return 0;
    changes_seen_ = 0;
    ++changes_;
  }
  const NameReader::Reply reply = Ask(NameRequestKind::kRefreshCode, max_bytes);
  Take(reply);
  return reply.outcome == NameReader::Outcome::kOk ? reply.values[0] : 0;
}

std::optional<CodeEntry> RemoteCode::Find(uint64_t address) {
  NameReader::Reply reply = Ask(NameRequestKind::kFindCode, address);
  if (reply.outcome != NameReader::Outcome::kOk || reply.text.empty()) return std::nullopt;
  CodeEntry entry{reply.values[0], reply.values[1], std::move(reply.text)};
  // Offsets count from the function's start.
  if (entry.start > address || entry.size_bytes <= address - entry.start) return std::nullopt;
  return entry;
}

void RemoteCode::Drop() { Take(Ask(NameRequestKind::kDropCode)); }

}  // namespace twofold
