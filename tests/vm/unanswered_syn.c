/* Asks for connections that nobody accepts: once the listener's queue is full the kernel drops what
 * asks for more, and asks again and again itself. Prints its process id, the port, and how often
 * the kernel says that it sent again. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void fail(const char* what) {
  perror(what);
  exit(1);
}

/* The counter RetransSegs of /proc/net/snmp: its name and its value stand at the same place of two
 * lines. */
static long retransmitted(void) {
  FILE* file = fopen("/proc/net/snmp", "r");
  char names[1024], values[1024];
  long found = -1;

  if (!file) fail("/proc/net/snmp");
  while (found < 0 && fgets(names, sizeof(names), file) && fgets(values, sizeof(values), file)) {
    char *name_end, *value_end, *name, *value;

    if (strncmp(names, "Tcp:", 4)) continue;
    name = strtok_r(names, " \n", &name_end);
    value = strtok_r(values, " \n", &value_end);
    while (name && value && strcmp(name, "RetransSegs")) {
      name = strtok_r(NULL, " \n", &name_end);
      value = strtok_r(NULL, " \n", &value_end);
    }
    if (value) found = atol(value);
  }
  fclose(file);
  if (found < 0) fail("RetransSegs");
  return found;
}

int main(int argc, char** argv) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof(address);
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  unsigned seconds = argc > 1 ? (unsigned)atoi(argv[1]) : 4;
  long before = retransmitted();

  if (listener < 0 || bind(listener, (struct sockaddr*)&address, sizeof(address)) ||
      listen(listener, 0) || getsockname(listener, (struct sockaddr*)&address, &length))
    fail("listen");
  for (int i = 0; i < 3; i++) {
    int client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    if (client < 0) fail("socket");
    (void)connect(client, (struct sockaddr*)&address, sizeof(address));
  }
  sleep(seconds);
  printf("pid=%d port=%d retransmitted=%ld\n", getpid(), ntohs(address.sin_port),
         retransmitted() - before);
  return 0;
}
