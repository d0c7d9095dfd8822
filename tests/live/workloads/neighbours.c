// Two processes of one host that talk over IP: "asker" sends a request, "answerer" an answer, and
// each waits for the other meanwhile. So they wake each other, in turns. Arguments: tcp, udp or
// veth, and seconds.
//
// veth: TCP between two network namespaces. In the other modes both are in one, of the program's
// own. After every 50th request the answerer works for 3 ms.
//
// paced: the asker hands over more than it may send at once, and a timer of the kernel sends the
// rest, bit by bit: it is the timer that wakes the answerer, whatever runs meanwhile. A third
// process, "bystander", works on the CPU of the asker and sends datagrams to itself.
//
// Truth: how often the asker and the answerer waited.
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "workload.h"

#define PORT 5000
#define MESSAGE_BYTES 64

static void fail(const char* what) {
  perror(what);
  exit(1);
}

static void run(const char* command) {
  if (system(command) != 0) {
    fprintf(stderr, "neighbours: failed: %s\n", command);
    exit(1);
  }
}

static void on_cpu(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof(set), &set);
}

static void make_namespace(int mtu_bytes) {
  if (unshare(CLONE_NEWNET) != 0) fail("unshare");
  const int any = socket(AF_INET, SOCK_DGRAM, 0);
  struct ifreq interface;
  memset(&interface, 0, sizeof(interface));
  strcpy(interface.ifr_name, "lo");
  interface.ifr_mtu = mtu_bytes;
  if (ioctl(any, SIOCSIFMTU, &interface) != 0) fail("mtu");
  interface.ifr_flags = IFF_UP;
  if (ioctl(any, SIOCSIFFLAGS, &interface) != 0) fail("lo");
  close(any);
}

static struct sockaddr_in address_of(const char* text, int port) {
  struct sockaddr_in address;
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_port = htons((uint16_t)port);
  inet_pton(AF_INET, text, &address.sin_addr);
  return address;
}

static int bound_socket(int type, const char* text, int port) {
  const struct sockaddr_in address = address_of(text, port);
  const int one = 1;
  const int bound = socket(AF_INET, type, 0);
  setsockopt(bound, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  if (bind(bound, (const struct sockaddr*)&address, sizeof(address)) != 0) fail("bind");
  return bound;
}

static void connect_to(int from, const char* text, int port) {
  const struct sockaddr_in address = address_of(text, port);
  if (connect(from, (const struct sockaddr*)&address, sizeof(address)) != 0) fail("connect");
}

OWN_FRAME long wait_for_request(int connection, char* message, long bytes) {
  return raw_syscall4(SYS_read, connection, (long)message, bytes, 0);
}

OWN_FRAME long wait_for_answer(int connection, char* message) {
  return raw_syscall4(SYS_read, connection, (long)message, MESSAGE_BYTES, 0);
}

OWN_FRAME long send_request(int connection, const char* message, long bytes) {
  return raw_syscall4(SYS_write, connection, (long)message, bytes, 0);
}

OWN_FRAME long send_answer(int connection, const char* message) {
  return raw_syscall4(SYS_write, connection, (long)message, MESSAGE_BYTES, 0);
}

static uint64_t ask(int connection, uint64_t end_ns) {
  char message[MESSAGE_BYTES] = "request";
  uint64_t rounds = 0;
  while (now_ns() < end_ns) {
    if (send_request(connection, message, MESSAGE_BYTES) <= 0) break;
    if (wait_for_answer(connection, message) <= 0) break;
    rounds++;
  }
  message[0] = 'E';
  send_request(connection, message, MESSAGE_BYTES);
  return rounds;
}

static void answer(int connection) {
  char message[MESSAGE_BYTES];
  for (uint64_t rounds = 1;; rounds++) {
    if (wait_for_request(connection, message, MESSAGE_BYTES) <= 0 || message[0] == 'E') return;
    if (rounds % 50 == 0) burn_cpu_ns(3000000);
    if (send_answer(connection, message) <= 0) return;
  }
}

// Twenty megabytes a second.
static void hand_over(int connection, uint64_t end_ns) {
  static char data[100000];
  const unsigned rate = 20000000;
  if (setsockopt(connection, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof(rate)) != 0) {
    fail("pacing");
  }
  while (now_ns() < end_ns) send_request(connection, data, sizeof(data));
}

static uint64_t take(int connection) {
  static char data[100000];
  uint64_t reads = 0;
  while (wait_for_request(connection, data, sizeof(data)) > 0) reads++;
  return reads;
}

static void stand_by(void) {
  const int own = bound_socket(SOCK_DGRAM, "127.0.0.1", PORT + 1);
  char data[16] = "";
  connect_to(own, "127.0.0.1", PORT + 1);
  for (;;) {
    raw_syscall4(SYS_write, own, (long)data, sizeof(data), 0);
    raw_syscall4(SYS_read, own, (long)data, sizeof(data), 0);
    burn_cpu_ns(200000);
  }
}

int main(int count, char** arguments) {
  const char* mode = count > 1 ? arguments[1] : "tcp";
  const uint64_t length_ns = (uint64_t)((count > 2 ? atof(arguments[2]) : 2) * 1e9);
  const bool veth = strcmp(mode, "veth") == 0;
  const bool udp = strcmp(mode, "udp") == 0;
  const bool paced = strcmp(mode, "paced") == 0;
  const char* server = veth ? "192.0.2.2" : "127.0.0.1";
  const char* client = veth ? "192.0.2.1" : "127.0.0.1";
  int to_child[2], to_parent[2], counts[2];
  char token = 0;
  pid_t bystander = 0;

  if (pipe(to_child) != 0 || pipe(to_parent) != 0 || pipe(counts) != 0) fail("pipe");
  make_namespace(paced ? 1500 : 65536);
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_NAME, "answerer");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (veth) make_namespace(65536);
    if (write(to_parent[1], &token, 1) != 1 || read(to_child[0], &token, 1) != 1) fail("start");
    if (veth) run("ip address add 192.0.2.2/30 dev veth_b && ip link set veth_b up");
    int connection = bound_socket(udp ? SOCK_DGRAM : SOCK_STREAM, server, PORT);
    if (udp) {
      connect_to(connection, client, PORT + 2);
    } else if (listen(connection, 1) != 0) {
      fail("listen");
    }
    if (write(to_parent[1], &token, 1) != 1) fail("ready");
    if (!udp) connection = accept(connection, NULL, NULL);
    if (connection < 0) fail("accept");
    if (paced) {
      const uint64_t reads = take(connection);
      if (write(counts[1], &reads, sizeof(reads)) != sizeof(reads)) fail("reads");
    } else {
      answer(connection);
    }
    return 0;
  }
  if (read(to_parent[0], &token, 1) != 1) fail("child");
  if (veth) {
    char command[200];
    snprintf(command, sizeof(command),
             "ip link add veth_a type veth peer name veth_b netns %d && "
             "ip address add 192.0.2.1/30 dev veth_a && ip link set veth_a up",
             (int)child);
    run(command);
  }
  if (write(to_child[1], &token, 1) != 1 || read(to_parent[0], &token, 1) != 1) fail("child");
  prctl(PR_SET_NAME, "asker");
  const int connection = bound_socket(udp ? SOCK_DGRAM : SOCK_STREAM, client, PORT + 2);
  connect_to(connection, server, PORT);
  if (paced) {
    on_cpu(0);
    bystander = fork();
    if (bystander == 0) {
      prctl(PR_SET_NAME, "bystander");
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      stand_by();
    }
  }
  const uint64_t end_ns = now_ns() + length_ns;
  uint64_t rounds = 0;
  if (paced) {
    hand_over(connection, end_ns);
    kill(bystander, SIGKILL);
    shutdown(connection, SHUT_RDWR);
    if (read(counts[0], &rounds, sizeof(rounds)) != sizeof(rounds)) fail("reads");
  } else {
    rounds = ask(connection, end_ns);
  }
  while (wait(NULL) > 0) {
  }
  printf("rounds=%llu\n", (unsigned long long)rounds);
  return 0;
}
