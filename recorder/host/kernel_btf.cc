#include "recorder/host/kernel_btf.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace twofold {

void KernelBtf::Free::operator()(btf* types) const { btf__free(types); }

Result<KernelBtf> KernelBtf::Load(const std::string& path) {
  if (access(path.c_str(), R_OK) != 0) {
    return Error{.what = "the kernel's type information (BTF) cannot be read: " + ErrnoText(errno),
                 .where = path,
                 .remedy =
                     "Use a kernel built with CONFIG_DEBUG_INFO_BTF=y (5.13 or later; the "
                     "distributions' kernels have it), and mount /sys"};
  }
  libbpf_set_print(nullptr);  // its words would come before our sentence
  btf* const types = btf__parse(path.c_str(), nullptr);
  if (types == nullptr) {
    return Error{
        .what = "the kernel's type information (BTF) cannot be parsed: " + ErrnoText(errno),
        .where = path,
        .remedy = "Report it with the output of `uname -r`"};
  }
  return KernelBtf(types);
}

int32_t KernelBtf::TracepointType(const std::string& tracepoint) const {
  return btf__find_by_name_kind(types_.get(), ("btf_trace_" + tracepoint).c_str(),
                                BTF_KIND_TYPEDEF);
}

int32_t KernelBtf::FunctionType(const std::string& function) const {
  return btf__find_by_name_kind(types_.get(), function.c_str(), BTF_KIND_FUNC);
}

// Of the function type behind `typedef void (*btf_trace_NAME)(void *, ...)`.
int KernelBtf::TracepointParameters(const std::string& tracepoint) const {
  const int32_t id = TracepointType(tracepoint);
  if (id < 0) return -1;
  const btf_type* type = btf__type_by_id(
      types_.get(), btf__type_by_id(types_.get(), uint32_t(id))->type);  // the pointer
  if (type == nullptr || !btf_is_ptr(type)) return -1;
  type = btf__type_by_id(types_.get(), type->type);
  return type != nullptr && btf_is_func_proto(type) ? btf_vlen(type) : -1;
}

bool KernelBtf::HasTaskStorage() const {
  return HasEnumValue("bpf_map_type", "BPF_MAP_TYPE_TASK_STORAGE");
}

bool KernelBtf::HasEnumValue(const char* enumeration, const char* name) const {
  const int32_t id = btf__find_by_name_kind(types_.get(), enumeration, BTF_KIND_ENUM);
  if (id < 0) return false;
  const btf_type* type = btf__type_by_id(types_.get(), uint32_t(id));
  const struct btf_enum* value = btf_enum(type);  // a function has the same name
  for (uint32_t i = 0; i < btf_vlen(type); ++i, ++value) {
    if (std::string_view(btf__name_by_offset(types_.get(), value->name_off)) == name) return true;
  }
  return false;
}

}  // namespace twofold
