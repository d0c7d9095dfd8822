// Merged files: several whole captures in one file, byte for byte as they were (FORMAT.md, "Merged
// files"). A file with a single capture is read through the same calls, as a list of one.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "format/base/byte_sink.h"
#include "format/base/result.h"
#include "format/capture_reader.h"

namespace twofold {

struct Member {
  std::string name;                // of the file that the capture came from, without its folders
  std::span<const uint8_t> bytes;  // the capture; as many of its bytes as are there
  std::vector<Damage> damages;     // of the merged file, at this member; offsets are the member's
};

struct CaptureList {
  bool is_merged = false;
  std::vector<Member> members;  // of a single capture: one, with the name that was given
};

// The captures in a file: where they are, without reading them. The members refer to `bytes`.
// Error: neither a capture nor a merged file, or the list of a merged file cannot be read.
Result<CaptureList> ListCaptures(std::span<const uint8_t> bytes, const std::string& name);

// Reads one capture of a list. One that cannot be read at all is an error where it is alone; in a
// merged file it becomes a capture without content whose damage says why, so that the others can be
// read. `file_name` is what errors call the file.
Result<Capture> ReadMember(const CaptureList& list, size_t index, const std::string& file_name,
                           const ReadLimits& limits = {});

// Whether nothing of a capture could be read: what ReadMember gives of a member without its first
// block.
bool IsUnreadable(const Capture& capture);

// Writes a merged file. Names are cut to the limits of the format. Error: none or too many members,
// or the sink cannot be written.
Result<void> WriteMerged(std::span<const Member> members, ByteSink& sink);

}  // namespace twofold
