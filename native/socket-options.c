/*
 * Socket options that Node does not offer (Linux): whether to fragment, and the traffic class. A socket of this process is found by the
 * address that it is bound to, since Node does not give its descriptor.
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

static int domain_of(int fd) {
  int domain = AF_INET;
  socklen_t length = sizeof domain;
  getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length);
  return domain;
}

/* A dual-stack socket sends IPv4 too, so it takes both options; an IPv4 socket knows no IPv6 option. */
static bool set_both(int fd, int option4, int option6, int value4, int value6) {
  const bool set4 = setsockopt(fd, IPPROTO_IP, option4, &value4, sizeof value4) == 0;
  return domain_of(fd) == AF_INET ? set4 : setsockopt(fd, IPPROTO_IPV6, option6, &value6, sizeof value6) == 0;
}

/* Sets DF and ignores path MTUs that the kernel has learned: what is too large is dropped on the way, or fails with EMSGSIZE. */
static bool forbid_fragments(int fd, uint32_t unused) {
  (void)unused;
  return set_both(fd, IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, IP_PMTUDISC_PROBE, IPV6_PMTUDISC_PROBE);
}

/* Without DF: whoever comes to a narrow link may fragment. */
static bool allow_fragments(int fd, uint32_t unused) {
  (void)unused;
  return set_both(fd, IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, IP_PMTUDISC_DONT, IPV6_PMTUDISC_DONT);
}

static bool set_traffic_class(int fd, uint32_t class) { return set_both(fd, IP_TOS, IPV6_TCLASS, (int)class, (int)class); }

/* Whether every UDP socket of this process that is bound there, and at least one, took the option. */
static bool apply_to_bound(const char *address, uint16_t port, bool (*apply)(int fd, uint32_t value), uint32_t value) {
  DIR *folder = opendir("/proc/self/fd");
  if (folder == NULL) return false;
  bool found = false, all = true;
  for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
    if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
    const int fd = atoi(entry->d_name);
    if (!is_bound_to(fd, address, port)) continue;
    found = true;
    all = apply(fd, value) && all;
  }
  closedir(folder);
  return found && all;
}

/* Reads (address, port[, value]) and applies an option. */
static napi_value apply_option(napi_env env, napi_callback_info info, size_t wanted, const char *usage, uint32_t value_max,
                               bool (*apply)(int fd, uint32_t value)) {
  napi_value args[3], result;
  size_t count = 3, length = 0;
  char address[ADDRESS_TEXT_MAX];
  uint32_t port = 0, value = 0;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  if (count < wanted || napi_get_value_string_utf8(env, args[0], address, sizeof address, &length) != napi_ok ||
      napi_get_value_uint32(env, args[1], &port) != napi_ok || port == 0 || port > UINT16_MAX ||
      (wanted == 3 && (napi_get_value_uint32(env, args[2], &value) != napi_ok || value > value_max))) {
    napi_throw_type_error(env, NULL, usage);
    return NULL;
  }
  napi_get_boolean(env, apply_to_bound(address, (uint16_t)port, apply, value), &result);
  return result;
}

/* neverFragment(address, port) */
static napi_value never_fragment(napi_env env, napi_callback_info info) {
  return apply_option(env, info, 2, "neverFragment(address, port)", 0, forbid_fragments);
}

/* mayFragment(address, port) */
static napi_value may_fragment(napi_env env, napi_callback_info info) {
  return apply_option(env, info, 2, "mayFragment(address, port)", 0, allow_fragments);
}

/* setTrafficClass(address, port, octet): the DS field of RFC 2474. */
static napi_value traffic_class(napi_env env, napi_callback_info info) {
  return apply_option(env, info, 3, "setTrafficClass(address, port, octet)", UINT8_MAX, set_traffic_class);
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor methods[] = {
      {"neverFragment", NULL, never_fragment, NULL, NULL, NULL, napi_enumerable, NULL},
      {"mayFragment", NULL, may_fragment, NULL, NULL, NULL, napi_enumerable, NULL},
      {"setTrafficClass", NULL, traffic_class, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  napi_define_properties(env, exports, sizeof methods / sizeof *methods, methods);
  return exports;
}
