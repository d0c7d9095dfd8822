// Makes pprof profiles for tests, field by field.
#pragma once

#include <string>
#include <vector>

#include "analyzer/output/protobuf.h"

namespace twofold::testing {

// A profile in the making; fields as in profile.proto.
class ProfileMaker {
 public:
  uint64_t Text(const std::string& text) {
    for (size_t i = 0; i < strings_.size(); ++i) {
      if (strings_[i] == text) return i;
    }
    strings_.push_back(text);
    return strings_.size() - 1;
  }
  ProtobufMessage ValueType(const std::string& type, const std::string& unit) {
    ProtobufMessage message;
    message.Number(1, Text(type));
    message.Number(2, Text(unit));
    return message;
  }
  void SampleType(const std::string& type, const std::string& unit) {
    profile.Message(1, ValueType(type, unit));
  }
  void Period(const std::string& type, const std::string& unit, uint64_t period) {
    profile.Message(11, ValueType(type, unit));
    profile.Number(12, period);
  }
  void Mapping(uint64_t id, uint64_t start, uint64_t offset, const std::string& file,
               const std::string& build_id = "") {
    ProtobufMessage mapping;
    mapping.Number(1, id);
    mapping.Number(2, start);
    mapping.Number(3, start + 0x100000);
    mapping.Number(4, offset);
    mapping.Number(5, Text(file));
    mapping.Number(6, Text(build_id));
    profile.Message(3, mapping);
  }
  // A function that linkers know by another name.
  uint64_t Function(const std::string& name, const std::string& system_name,
                    const std::string& file) {
    ProtobufMessage function;
    function.Number(1, ++functions_);
    function.Number(2, Text(name));
    function.Number(3, Text(system_name));
    function.Number(4, Text(file));
    profile.Message(5, function);
    return functions_;
  }
  void LocationOf(uint64_t id, uint64_t mapping, uint64_t address, uint64_t function) {
    ProtobufMessage location;
    location.Number(1, id);
    location.Number(2, mapping);
    location.Number(3, address);
    ProtobufMessage line;
    line.Number(1, function);
    location.Message(4, line);
    profile.Message(4, location);
  }
  // A location with these functions, innermost first; "name@12" is on line 12 of name.c.
  void Location(uint64_t id, uint64_t mapping, uint64_t address,
                const std::vector<std::string>& functions) {
    ProtobufMessage location;
    location.Number(1, id);
    location.Number(2, mapping);
    location.Number(3, address);
    for (const std::string& text : functions) {
      size_t at = text.find('@');
      ProtobufMessage function;
      function.Number(1, ++functions_);
      function.Number(2, Text(text.substr(0, at)));
      if (at != std::string::npos) function.Number(4, Text(text.substr(0, at) + ".c"));
      profile.Message(5, function);
      ProtobufMessage line;
      line.Number(1, functions_);
      if (at != std::string::npos) line.Number(2, std::stoull(text.substr(at + 1)));
      location.Message(4, line);
    }
    profile.Message(4, location);
  }
  ProtobufMessage Label(const std::string& key, const std::string& text, uint64_t number = 0) {
    ProtobufMessage label;
    label.Number(1, Text(key));
    label.Number(2, Text(text));
    label.Number(3, number);
    return label;
  }
  void Sample(const std::vector<uint64_t>& locations, const std::vector<uint64_t>& values,
              const std::vector<ProtobufMessage>& labels = {}) {
    ProtobufMessage sample;
    sample.Numbers(1, locations);
    sample.Numbers(2, values);
    for (const ProtobufMessage& label : labels) sample.Message(3, label);
    profile.Message(2, sample);
  }
  std::string Bytes() const {
    ProtobufMessage whole = profile;
    for (const std::string& text : strings_) whole.Bytes(6, text);
    return whole.bytes();
  }

  ProtobufMessage profile;

 private:
  std::vector<std::string> strings_ = {""};
  uint64_t functions_ = 0;
};

}  // namespace twofold::testing
