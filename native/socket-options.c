/*
 * What Node's sockets cannot be set (Linux): never to fragment. A socket of this process is found by the address that it is
 * bound to, since Node does not give its descriptor.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <node_api.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { ADDRESS_TEXT_MAX = 64 };

/* The fixed parts of both address families. */
typedef union {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
  struct sockaddr_storage room;
} Name;

static bool is_bound_to(int fd, const char *address, uint16_t port) {
  Name name;
  socklen_t length = sizeof name;
  int type = 0;
  socklen_t type_length = sizeof type;
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_length) != 0 || type != SOCK_DGRAM) return false;
  if (getsockname(fd, &name.any, &length) != 0) return false;
  char text[ADDRESS_TEXT_MAX];
  if (name.any.sa_family == AF_INET) {
    if (ntohs(name.v4.sin_port) != port) return false;
    inet_ntop(AF_INET, &name.v4.sin_addr, text, sizeof text);
  } else if (name.any.sa_family == AF_INET6) {
    if (ntohs(name.v6.sin6_port) != port) return false;
    inet_ntop(AF_INET6, &name.v6.sin6_addr, text, sizeof text);
  } else {
    return false;
  }
  return strcmp(text, address) == 0;
}

/* How a socket sends what is larger than a path's MTU. */
typedef struct {
  int ip4, ip6;
} PathMtu;

/* Sets DF and ignores path MTUs that the kernel has learned: what is too large is dropped on the way, or fails with EMSGSIZE. */
static const PathMtu never = {IP_PMTUDISC_PROBE, IPV6_PMTUDISC_PROBE};
/* Without DF: whoever comes to a narrow link may fragment. */
static const PathMtu may = {IP_PMTUDISC_DONT, IPV6_PMTUDISC_DONT};

static bool set_path_mtu(int fd, const PathMtu *path) {
  /* A dual-stack socket sends IPv4 too; an IPv4 socket knows no IPv6 option. */
  const bool ip4 = setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &path->ip4, sizeof path->ip4) == 0;
  int domain = AF_INET;
  socklen_t length = sizeof domain;
  getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length);
  if (domain == AF_INET) return ip4;
  return setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &path->ip6, sizeof path->ip6) == 0;
}

/* (address, port): whether every UDP socket of this process that is bound there, and at least one, could be set. */
static napi_value set_sockets(napi_env env, napi_callback_info info, const PathMtu *path) {
  napi_value args[2], result;
  size_t count = 2, length = 0;
  char address[ADDRESS_TEXT_MAX];
  uint32_t port = 0;
  bool set = false;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  if (napi_get_value_string_utf8(env, args[0], address, sizeof address, &length) != napi_ok ||
      napi_get_value_uint32(env, args[1], &port) != napi_ok || port == 0 || port > UINT16_MAX) {
    napi_throw_type_error(env, NULL, "expected (address, port)");
    return NULL;
  }
  DIR *folder = opendir("/proc/self/fd");
  if (folder != NULL) {
    bool all = true;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
      if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
      const int fd = atoi(entry->d_name);
      if (!is_bound_to(fd, address, (uint16_t)port)) continue;
      set = true;
      all = set_path_mtu(fd, path) && all;
    }
    closedir(folder);
    set = set && all;
  }
  napi_get_boolean(env, set, &result);
  return result;
}

static napi_value never_fragment(napi_env env, napi_callback_info info) { return set_sockets(env, info, &never); }

static napi_value may_fragment(napi_env env, napi_callback_info info) { return set_sockets(env, info, &may); }

NAPI_MODULE_INIT() {
  const napi_property_descriptor methods[] = {
      {"neverFragment", NULL, never_fragment, NULL, NULL, NULL, napi_enumerable, NULL},
      {"mayFragment", NULL, may_fragment, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  napi_define_properties(env, exports, sizeof methods / sizeof *methods, methods);
  return exports;
}
