#include "tests/recorder/binutils.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <sstream>

namespace twofold {
namespace {

uint64_t FromHex(const std::string& text) { return std::stoull(text, nullptr, 16); }

}  // namespace

std::string RunCommand(const std::string& command) {
  std::string output;
  FILE* pipe = popen(command.c_str(), "r");
  EXPECT_NE(pipe, nullptr);
  if (pipe == nullptr) return output;
  char buffer[4096];
  while (const size_t got = fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, got);
  EXPECT_EQ(pclose(pipe), 0) << command;
  return output;
}

std::multimap<std::string, NmSymbol> NmFunctions(const std::string& path, bool dynamic) {
  std::multimap<std::string, NmSymbol> functions;
  std::istringstream lines(
      RunCommand("nm -S --defined-only " + std::string(dynamic ? "-D " : "") + path +
                 " 2> /dev/null"));  // it has a word for a file without symbols
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    std::string address;
    std::string size;
    std::string type;
    std::string name;
    fields >> address >> size >> type >> name;
    if (name.empty() || std::string("TtWwi").find(type) == std::string::npos) continue;
    name = name.substr(0, name.find('@'));
    functions.insert({name, {FromHex(address), FromHex(size), type[0]}});
  }
  return functions;
}

std::vector<PltLabel> ObjdumpPlt(const std::string& path) {
  std::vector<PltLabel> labels;
  std::istringstream lines(RunCommand("objdump -d --insn-width=16 " + path));
  std::string line;
  bool is_inside = false;
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    std::string address;
    std::string rest;
    fields >> address >> rest;
    if (rest.size() > 3 && rest.front() == '<' && line.ends_with(">:")) {
      const std::string name = rest.substr(1, rest.size() - 3);
      is_inside = name.ends_with("@plt");
      if (is_inside) labels.push_back({FromHex(address), FromHex(address), name});
    } else if (is_inside && address.ends_with(':')) {
      // "ADDRESS: 12 34 56 <tab> instruction": three columns, with tabs between them.
      const std::string bytes = line.substr(line.find('\t') + 1);
      const std::string columns = bytes.substr(0, bytes.find('\t'));
      std::istringstream pairs(columns);
      std::string pair;
      uint64_t count = 0;
      while (pairs >> pair) ++count;
      if (count != 0) labels.back().last = FromHex(address) + count - 1;
    }
  }
  return labels;
}

std::map<uint64_t, std::string> ReadelfSlots(const std::string& path) {
  std::map<uint64_t, std::string> slots;
  std::istringstream lines(RunCommand("readelf -rW " + path));
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    std::string offset;
    std::string info;
    std::string type;
    std::string value;
    std::string name;
    fields >> offset >> info >> type >> value >> name;
    if (type.find("IRELATIV") != std::string::npos) {
      if (!value.empty()) slots[FromHex(offset)] = "0x" + value;
    } else if (!name.empty() && (type.find("JUMP_SLO") != std::string::npos ||
                                 type.find("GLOB_DAT") != std::string::npos)) {
      slots[FromHex(offset)] = name.substr(0, name.find('@'));
    }
  }
  return slots;
}

SectionPlace ReadelfSection(const std::string& path, const std::string& name) {
  std::istringstream lines(RunCommand("readelf -SW " + path));
  std::string line;
  while (std::getline(lines, line)) {
    const size_t end = line.find(']');
    if (end == std::string::npos) continue;
    std::istringstream fields(line.substr(end + 1));
    std::string found;
    std::string type;
    std::string address;
    std::string offset;
    std::string size;
    fields >> found >> type >> address >> offset >> size;
    if (found == name) return {FromHex(address), FromHex(offset), FromHex(size)};
  }
  return {};
}

}  // namespace twofold
