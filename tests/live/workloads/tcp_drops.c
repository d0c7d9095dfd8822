// Sends data over loopback, in a network namespace of its own in which every tenth packet that
// arrives is dropped, for half of SECONDS from a client to a server's worker and then back. FAMILY
// is 4, 6, or mapped (IPv4 by sockets of IPv6).
//
// The server listens on port 5000 and forks a worker, which accepts. With "wait" everything up to
// there happens before the program prints "ready"; it then waits for SIGUSR1. With "syn" a
// connection to port 5001, where nothing arrives, is asked for at the beginning and given up at the
// end; on port 5002 requests arrive but answers do not. With "orphan" the client exits when its
// half is over, while nothing arrives any more that it sends.
//
// Truth: how often the kernel says that it sent a segment again in all of the namespace, and for
// the sockets of client and worker.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "workload.h"

static bool ipv6_socket;
static const char* address;

static void fail(const char* what) {
  perror(what);
  exit(1);
}

static void run(const char* command) {
  if (system(command) != 0) {
    fprintf(stderr, "tcp_drops: failed: %s\n", command);
    exit(1);
  }
}

static void make_namespace(void) {
  if (unshare(CLONE_NEWNET) != 0) fail("unshare");
  const int any = socket(AF_INET, SOCK_DGRAM, 0);
  struct ifreq interface;
  memset(&interface, 0, sizeof(interface));
  strcpy(interface.ifr_name, "lo");
  // As on an Ethernet, so that a packet holds many segments.
  interface.ifr_mtu = 1500;
  if (ioctl(any, SIOCSIFMTU, &interface) != 0) fail("mtu");
  interface.ifr_flags = IFF_UP;
  if (ioctl(any, SIOCSIFFLAGS, &interface) != 0) fail("lo");
  close(any);
}

// Segments that the kernel sent again in this network namespace.
static uint64_t segments_sent_again(void) {
  unsigned long long value = 0;
  char line[512];
  FILE* file = fopen("/proc/self/net/snmp", "re");
  if (file == NULL) fail("/proc/self/net/snmp");
  while (fgets(line, sizeof(line), file) != NULL) {
    if (strncmp(line, "Tcp: ", 5) != 0 || line[5] < '0' || line[5] > '9') continue;
    sscanf(line, "Tcp: %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu", &value);
  }
  fclose(file);
  return value;
}

static unsigned segments_of(int connection) {
  struct tcp_info info;
  socklen_t bytes = sizeof(info);
  if (getsockopt(connection, IPPROTO_TCP, TCP_INFO, &info, &bytes) != 0) fail("TCP_INFO");
  return info.tcpi_total_retrans;
}

// Nothing more is sent again: all has arrived, the end too, or nobody is there any more.
static void wait_until_sent(int connection) {
  struct tcp_info info;
  socklen_t size = sizeof(info);
  int bytes = 1;
  while (ioctl(connection, SIOCOUTQ, &bytes) == 0 && bytes > 0) {
    if (getsockopt(connection, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) fail("TCP_INFO");
    if (info.tcpi_state == TCP_CLOSE) return;
    sleep_off_cpu_ns(1000000);
  }
}

static socklen_t fill_address(struct sockaddr_storage* storage, uint16_t port) {
  memset(storage, 0, sizeof(*storage));
  if (ipv6_socket) {
    struct sockaddr_in6* in6 = (struct sockaddr_in6*)storage;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(port);
    inet_pton(AF_INET6, address, &in6->sin6_addr);
    return sizeof(*in6);
  }
  struct sockaddr_in* in = (struct sockaddr_in*)storage;
  in->sin_family = AF_INET;
  in->sin_port = htons(port);
  inet_pton(AF_INET, address, &in->sin_addr);
  return sizeof(*in);
}

static int listen_on(uint16_t port) {
  struct sockaddr_storage storage;
  const socklen_t bytes = fill_address(&storage, port);
  const int listener = socket(ipv6_socket ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(listener, (struct sockaddr*)&storage, bytes) != 0) fail("bind");
  if (listen(listener, 8) != 0) fail("listen");
  return listener;
}

static int connect_to(uint16_t port, int flags) {
  struct sockaddr_storage storage;
  const socklen_t bytes = fill_address(&storage, port);
  const int connection =
      socket(ipv6_socket ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
  if (connect(connection, (struct sockaddr*)&storage, bytes) != 0 && errno != EINPROGRESS)
    fail("connect");
  return connection;
}

static unsigned own_port(int connection) {
  struct sockaddr_storage storage;
  socklen_t bytes = sizeof(storage);
  if (getsockname(connection, (struct sockaddr*)&storage, &bytes) != 0) fail("getsockname");
  // At the same place in both families.
  return ntohs(((struct sockaddr_in*)&storage)->sin_port);
}

static void send_for(int connection, uint64_t duration_ns) {
  static char data[16384];
  const uint64_t end_ns = now_ns() + duration_ns;
  while (now_ns() < end_ns) {
    if (send(connection, data, sizeof(data), MSG_NOSIGNAL) < 0) return;
  }
}

static void receive_until_end(int connection) {
  static char data[16384];
  ssize_t got = 0;
  while ((got = recv(connection, data, sizeof(data), 0)) > 0) continue;
}

int main(int argc, char** argv) {
  const uint64_t duration_ns = parse_duration_ns(argc, argv, "SECONDS FAMILY [wait|syn|orphan]");
  const char* family = argc > 2 ? argv[2] : "4";
  const char* how = argc > 3 ? argv[3] : "";
  const bool waits = strcmp(how, "wait") == 0;
  const bool orphan = strcmp(how, "orphan") == 0;
  ipv6_socket = strcmp(family, "4") != 0;
  address = strcmp(family, "4") == 0   ? "127.0.0.1"
            : strcmp(family, "6") == 0 ? "::1"
                                       : "::ffff:127.0.0.1";
  make_namespace();
  const int listener = listen_on(5000);
  const int silent = listen_on(5002);
  const pid_t worker = fork();
  if (worker == 0) {
    const int accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    close(listener);
    close(silent);
    receive_until_end(accepted);
    send_for(accepted, duration_ns / 2);
    shutdown(accepted, SHUT_WR);
    wait_until_sent(accepted);
    printf("worker_segments=%u ", segments_of(accepted));
    fflush(stdout);
    _exit(0);
  }
  int told[2];
  if (pipe(told) != 0) fail("pipe");
  const pid_t client = fork();
  if (client == 0) {
    sigset_t go;
    sigemptyset(&go);
    sigaddset(&go, SIGUSR1);
    sigprocmask(SIG_BLOCK, &go, NULL);
    const int connection = connect_to(5000, 0);
    const unsigned port = own_port(connection);
    if (write(told[1], &port, sizeof(port)) != sizeof(port)) fail("write");
    int number = 0;
    sigwait(&go, &number);
    send_for(connection, duration_ns / 2);
    if (orphan) {
      run("nft flush chain inet drops input && nft add rule inet drops input tcp dport 5000 drop");
      char last[1000] = {0};
      (void)!send(connection, last, sizeof(last), MSG_DONTWAIT);
      _exit(0);
    }
    shutdown(connection, SHUT_WR);
    receive_until_end(connection);
    wait_until_sent(connection);
    printf("client_segments=%u ", segments_of(connection));
    fflush(stdout);
    _exit(0);
  }
  unsigned port = 0;
  if (read(told[0], &port, sizeof(port)) != sizeof(port)) fail("read");
  sigset_t go;
  sigemptyset(&go);
  sigaddset(&go, SIGUSR1);
  sigprocmask(SIG_BLOCK, &go, NULL);
  if (waits) {
    printf("ready pid=%d client=%d worker=%d\n", (int)getpid(), (int)client, (int)worker);
    fflush(stdout);
    int number = 0;
    sigwait(&go, &number);
  }
  run("nft add table inet drops && nft 'add chain inet drops input { type filter hook input "
      "priority 0; }'");
  int nobody = -1;
  int unanswered = -1;
  unsigned syn_port = 0;
  if (strcmp(how, "syn") == 0) {
    run("nft add rule inet drops input tcp dport 5001 drop && "
        "nft add rule inet drops input tcp sport 5002 drop");
    nobody = connect_to(5001, SOCK_NONBLOCK);
    unanswered = connect_to(5002, SOCK_NONBLOCK);
    syn_port = own_port(nobody);
  }
  run("nft add rule inet drops input tcp dport 5000 numgen inc mod 10 == 0 drop && "
      "nft add rule inet drops input tcp sport 5000 numgen inc mod 10 == 0 drop");
  const uint64_t before = segments_sent_again();
  if (kill(client, SIGUSR1) != 0) fail("kill");
  int status = 0;
  if (waitpid(client, &status, 0) != client || status != 0) return 1;
  if (orphan) {
    sleep_off_cpu_ns(1500000000);
    run("nft flush chain inet drops input");
  }
  if (waitpid(worker, &status, 0) != worker || status != 0) return 1;
  unsigned nobody_segments = 0;
  if (nobody >= 0) {
    while (now_ns() && (nobody_segments = segments_of(nobody)) < 2) sleep_off_cpu_ns(10000000);
    close(nobody);
    close(unanswered);
  }
  run("nft flush ruleset");
  sleep_off_cpu_ns(300000000);
  printf("pid=%d client=%d worker=%d port=%u syn_port=%u nobody_segments=%u segments=%llu\n",
         (int)getpid(), (int)client, (int)worker, port, syn_port, nobody_segments,
         (unsigned long long)(segments_sent_again() - before));
  return 0;
}
