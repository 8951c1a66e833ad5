/* What both ends of the TFTP data path share. */
#ifndef FLEXUP_UDP_H
#define FLEXUP_UDP_H

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <node_api.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { HEADER_BYTES = 4 }; /* opcode and block number of a DATA packet */

/* Throws `what` with the system's reason. */
static inline napi_value fail(napi_env env, const char *what, int error) {
  char text[160];
  snprintf(text, sizeof text, "%s: %s", what, strerror(error));
  napi_throw_error(env, NULL, text);
  return NULL;
}

static inline bool parse_address(const char *text, uint16_t port, struct sockaddr_storage *out, socklen_t *length) {
  memset(out, 0, sizeof *out);
  struct sockaddr_in *v4 = (struct sockaddr_in *)out;
  if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    *length = sizeof *v4;
    return true;
  }
  char plain[INET6_ADDRSTRLEN + 1] = {0};
  const char *scope = strchr(text, '%');
  size_t digits = scope ? (size_t)(scope - text) : strlen(text);
  if (digits >= sizeof plain) return false;
  memcpy(plain, text, digits);
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
  if (inet_pton(AF_INET6, plain, &v6->sin6_addr) != 1) return false;
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(port);
  if (scope) v6->sin6_scope_id = if_nametoindex(scope + 1);
  *length = sizeof *v6;
  return true;
}

static inline double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

#endif
