// Loaded into every process of a test: notes each name that is looked up and each address beyond loopback that is
// connected to, and refuses both.
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void note(const char* kind, const char* what) {
  const char* path = getenv("RESOLVER_LOG");
  FILE* file = path ? fopen(path, "a") : nullptr;
  if (!file) return;
  fprintf(file, "%s %s\n", kind, what ? what : "");
  fclose(file);
}

static bool is_number(const char* name) {
  unsigned char address[16];
  return name && (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1);
}

static bool local(const char* name) {
  return !name || !*name || !strcmp(name, "localhost") || !strncmp(name, "127.", 4) || !strcmp(name, "::1") ||
         !strncmp(name, "::ffff:127.", 11) || !strcmp(name, "0.0.0.0") || !strcmp(name, "::");
}

extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** found) {
  using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static Function real = (Function)dlsym(RTLD_NEXT, "getaddrinfo");
  if (local(name) || is_number(name)) return real(name, service, hints, found);
  note("name", name);
  return EAI_NONAME;
}

extern "C" hostent* gethostbyname(const char* name) {
  if (!local(name)) note("name", name);
  h_errno = HOST_NOT_FOUND;
  return nullptr;
}

extern "C" int connect(int socket, const sockaddr* address, socklen_t length) {
  using Function = int (*)(int, const sockaddr*, socklen_t);
  static Function real = (Function)dlsym(RTLD_NEXT, "connect");
  char text[INET6_ADDRSTRLEN] = "";
  if (address->sa_family == AF_INET) inet_ntop(AF_INET, &((const sockaddr_in*)address)->sin_addr, text, sizeof text);
  if (address->sa_family == AF_INET6) inet_ntop(AF_INET6, &((const sockaddr_in6*)address)->sin6_addr, text, sizeof text);
  if (local(text)) return real(socket, address, length);
  note("address", text);
  errno = ENETUNREACH;
  return -1;
}
