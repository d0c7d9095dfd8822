// Containers, told from paths as their runtimes make them.
#include "analyzer/data/container_id.h"

#include <gtest/gtest.h>

namespace twofold::testing {
namespace {

const std::string kId = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

TEST(ContainerId, IsToldFromThePathOfEveryRuntime) {
  const std::string pod = "pod1b7f0a24_9d1c_4f6e_8a54_0c6c1e2d3f40";
  const std::pair<std::string, std::string> cases[] = {
      // Docker with systemd, and without.
      {"/system.slice/docker-" + kId + ".scope", kId},
      {"/docker/" + kId, kId},
      {"/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" + kId + ".scope", kId},
      // Kubernetes.
      {"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-" + pod +
           ".slice/cri-containerd-" + kId + ".scope",
       kId},
      {"/kubepods.slice/kubepods-" + pod + ".slice/crio-" + kId + ".scope", kId},
      {"/kubepods/besteffort/" + pod + "/" + kId, kId},
      {"/system.slice/containerd.service/kubepods-burstable-" + pod +
           ".slice:cri-containerd:" + kId,
       kId},
      // Podman.
      {"/machine.slice/libpod-" + kId + ".scope", kId},
      {"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + kId +
           ".scope/container",
       kId},
      // What runs below the container's own cgroup, and a container in a container.
      {"/docker/" + kId + "/init.scope", kId},
      {"/docker/" + std::string(64, 'f') + "/docker/" + kId, kId},
      // LXC and systemd-nspawn have names.
      {"/lxc.payload.web-1", "web-1"},
      {"/lxc.payload.web-1/system.slice/nginx.service", "web-1"},
      {"/machine.slice/machine-build.scope/payload", "build"},
      {"/machine.slice/machine-my\\x2dbox.scope", "my-box"},
      {"/machine.slice/machine-a\\x0ab.scope", "a\\x0ab"},
      {"/machine.slice/systemd-nspawn@build.service/payload/init.scope", "build"},
  };
  for (const auto& [cgroup, id] : cases) EXPECT_EQ(ContainerIdOf(cgroup), id) << cgroup;
}

TEST(ContainerId, IsNotToldFromOtherPaths) {
  for (const std::string& cgroup : std::initializer_list<std::string>{
           "", "/", "//", "docker", "/system.slice/ssh.service", "/init.scope",
           "/user.slice/user-1000.slice/session-3.scope", "/system.slice/docker.service",
           // Neither an id that is too short or too long, nor one with other letters.
           "/docker/" + kId.substr(1), "/docker/" + kId + "0", "/docker/" + std::string(64, 'g'),
           "/docker/" + std::string(64, 'A'), "/system.slice/docker-" + kId.substr(1) + ".scope",
           "/system.slice/docker-" + kId,
           // The monitor runs beside its container.
           "/machine.slice/libpod-conmon-" + kId + ".scope",
           "/system.slice/crio-conmon-" + kId + ".scope", "/lxc.payload.", "/lxc.monitor.web-1",
           "/machine.slice/machine-.scope", "/machine-x.scope",
           // A virtual machine.
           "/machine.slice/machine-qemu\\x2d1\\x2ddebian.scope/libvirt/vcpu0"}) {
    EXPECT_EQ(ContainerIdOf(cgroup), std::nullopt) << cgroup;
  }
}

}  // namespace
}  // namespace twofold::testing
