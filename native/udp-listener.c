/*
 * A listening UDP socket on all addresses of the host (Linux): each datagram comes with the address that it was sent to, and an answer
 * leaves from there (IP_PKTINFO), which Node's sockets cannot do. That holds for addresses that have just come and for those that are local
 * by a route alone. What was sent to a broadcast or multicast address is dropped: RFC 1123 §4.2.3.5.
 *
 * A thread receives and hands over; sending is the main thread's.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "udp.h"

enum {
  DATAGRAM_ROOM = 1024, /* more is not read: a request has 512 octets */
  WAITING_MAX = 2048,   /* datagrams that the main thread has not seen; more are lost, as on any network */
  ADDRESS_TEXT_MAX = INET6_ADDRSTRLEN + 1 + IF_NAMESIZE,
};

typedef struct {
  int fd, bell; /* the bell ends the thread */
  pthread_t thread;
  napi_threadsafe_function deliver;
} Listener;

typedef struct {
  struct sockaddr_storage from;
  char local[ADDRESS_TEXT_MAX];
  size_t length;
  uint8_t bytes[];
} Datagram;

static void write_v6(char *text, const struct in6_addr *address, unsigned scope) {
  inet_ntop(AF_INET6, address, text, INET6_ADDRSTRLEN);
  char name[IF_NAMESIZE];
  if (scope != 0 && if_indextoname(scope, name)) {
    strcat(text, "%");
    strcat(text, name);
  }
}

/* The unicast address that a datagram was sent to; false where it was sent to many, or nobody knows. */
static bool read_local(struct msghdr *message, char *text) {
  for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
    if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
      struct in_pktinfo info;
      memcpy(&info, CMSG_DATA(part), sizeof info);
      if (info.ipi_addr.s_addr != info.ipi_spec_dst.s_addr) return false;
      inet_ntop(AF_INET, &info.ipi_addr, text, ADDRESS_TEXT_MAX);
      return true;
    }
  }
  for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
    if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
      struct in6_pktinfo info;
      memcpy(&info, CMSG_DATA(part), sizeof info);
      if (IN6_IS_ADDR_MULTICAST(&info.ipi6_addr)) return false;
      write_v6(text, &info.ipi6_addr, IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr) ? info.ipi6_ifindex : 0);
      return true;
    }
  }
  return false;
}

static void receive_all(Listener *listener) {
  uint8_t bytes[DATAGRAM_ROOM];
  uint8_t control[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct in_pktinfo))];
  for (;;) {
    struct sockaddr_storage from;
    struct iovec part = {.iov_base = bytes, .iov_len = sizeof bytes};
    struct msghdr message = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    const ssize_t length = recvmsg(listener->fd, &message, MSG_DONTWAIT);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return;
    char local[ADDRESS_TEXT_MAX];
    if (!read_local(&message, local)) continue;
    Datagram *datagram = malloc(sizeof *datagram + (size_t)length);
    if (!datagram) continue;
    datagram->from = from;
    memcpy(datagram->local, local, sizeof local);
    datagram->length = (size_t)length;
    memcpy(datagram->bytes, bytes, (size_t)length);
    if (napi_call_threadsafe_function(listener->deliver, datagram, napi_tsfn_nonblocking) != napi_ok) free(datagram);
  }
}

static void *run_listener(void *data) {
  Listener *listener = data;
  for (;;) {
    struct pollfd wake[2] = {{.fd = listener->fd, .events = POLLIN}, {.fd = listener->bell, .events = POLLIN}};
    if (poll(wake, 2, -1) < 0) continue;
    if (wake[1].revents != 0) return NULL;
    receive_all(listener);
  }
}

/* onDatagram(bytes, address, port, local) */
static void hand_over(napi_env env, napi_value on_datagram, void *context, void *data) {
  (void)context;
  Datagram *datagram = data;
  if (env && on_datagram) {
    char text[ADDRESS_TEXT_MAX];
    uint16_t port;
    if (datagram->from.ss_family == AF_INET) {
      const struct sockaddr_in *v4 = (const void *)&datagram->from;
      inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
      port = ntohs(v4->sin_port);
    } else {
      const struct sockaddr_in6 *v6 = (const void *)&datagram->from;
      write_v6(text, &v6->sin6_addr, v6->sin6_scope_id);
      port = ntohs(v6->sin6_port);
    }
    napi_value args[4], receiver, ignored;
    napi_create_buffer_copy(env, datagram->length, datagram->bytes, NULL, &args[0]);
    napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &args[1]);
    napi_create_uint32(env, port, &args[2]);
    napi_create_string_utf8(env, datagram->local, NAPI_AUTO_LENGTH, &args[3]);
    napi_get_undefined(env, &receiver);
    napi_call_function(env, receiver, on_datagram, 4, args, &ignored);
  }
  free(datagram);
}

static void shut_down(void *data) {
  Listener *listener = data;
  eventfd_write(listener->bell, 1);
  pthread_join(listener->thread, NULL);
  close(listener->fd);
  close(listener->bell);
  listener->fd = -1;
  napi_release_threadsafe_function(listener->deliver, napi_tsfn_abort);
}

static void release(napi_env env, void *data, void *hint) {
  (void)hint;
  Listener *listener = data;
  if (listener->fd >= 0) {
    napi_remove_env_cleanup_hook(env, shut_down, listener);
    shut_down(listener);
  }
  free(listener);
}

static bool start_thread(Listener *listener) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's */
  const int error = pthread_create(&listener->thread, NULL, run_listener, listener);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  errno = error;
  return error == 0;
}

static const char *prepare(int fd, const struct sockaddr_storage *bound, socklen_t length, int buffer) {
  const int on = 1, off = 0, fragments = IP_PMTUDISC_DONT, fragments6 = IPV6_PMTUDISC_DONT;
  if (setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) < 0) return "IP_PKTINFO";
  if (bound->ss_family == AF_INET6) {
    if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) < 0) return "IPV6_V6ONLY";
    if (setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on) < 0) return "IPV6_RECVPKTINFO";
    setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &fragments6, sizeof fragments6);
  }
  setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &fragments, sizeof fragments);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer); /* as much as the host allows */
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
  return bind(fd, (const struct sockaddr *)bound, length) < 0 ? "bind" : NULL;
}

/* open(address, port, bufferBytes, onDatagram): Listener */
static napi_value open_listener(napi_env env, napi_callback_info info) {
  napi_value args[4], name, result;
  size_t count = 4;
  char address[ADDRESS_TEXT_MAX];
  uint32_t port;
  int32_t buffer;
  struct sockaddr_storage bound;
  socklen_t length;
  if (napi_get_cb_info(env, info, &count, args, NULL, NULL) != napi_ok || count != 4 ||
      napi_get_value_string_utf8(env, args[0], address, sizeof address, NULL) != napi_ok || napi_get_value_uint32(env, args[1], &port) != napi_ok ||
      napi_get_value_int32(env, args[2], &buffer) != napi_ok || !parse_address(address, (uint16_t)port, &bound, &length))
    return fail(env, "open", EINVAL);
  Listener *listener = calloc(1, sizeof *listener);
  if (!listener) return fail(env, "memory", ENOMEM);
  listener->fd = socket(bound.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  listener->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  const char *what = NULL;
  if (listener->fd < 0) what = "socket";
  else if (listener->bell < 0) what = "eventfd";
  else what = prepare(listener->fd, &bound, length, buffer);
  if (!what) {
    napi_create_string_utf8(env, "udp-listener", NAPI_AUTO_LENGTH, &name);
    if (napi_create_threadsafe_function(env, args[3], NULL, name, WAITING_MAX, 1, NULL, NULL, NULL, hand_over, &listener->deliver) != napi_ok) {
      what = "function";
    } else if (!start_thread(listener)) {
      what = "thread";
      napi_release_threadsafe_function(listener->deliver, napi_tsfn_abort);
    }
  }
  if (what) {
    const int error = errno;
    if (listener->fd >= 0) close(listener->fd);
    if (listener->bell >= 0) close(listener->bell);
    free(listener);
    return fail(env, what, error);
  }
  /* Before the function's own hook: hooks run last first. */
  napi_add_env_cleanup_hook(env, shut_down, listener);
  napi_create_external(env, listener, release, NULL, &result);
  return result;
}

static Listener *listener_of(napi_env env, napi_value value) {
  void *data = NULL;
  return napi_get_value_external(env, value, &data) == napi_ok && ((Listener *)data)->fd >= 0 ? data : NULL;
}

/* send(listener, bytes, address, port, local): from `local`. What the host cannot send is lost, as on any network. */
static napi_value send_bytes(napi_env env, napi_callback_info info) {
  napi_value args[5];
  size_t count = 5, length;
  void *bytes;
  char address[ADDRESS_TEXT_MAX], local_text[ADDRESS_TEXT_MAX];
  uint32_t port;
  struct sockaddr_storage to, local;
  socklen_t to_length, local_length;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  Listener *listener = listener_of(env, args[0]);
  if (!listener || napi_get_buffer_info(env, args[1], &bytes, &length) != napi_ok ||
      napi_get_value_string_utf8(env, args[2], address, sizeof address, NULL) != napi_ok || napi_get_value_uint32(env, args[3], &port) != napi_ok ||
      napi_get_value_string_utf8(env, args[4], local_text, sizeof local_text, NULL) != napi_ok ||
      !parse_address(address, (uint16_t)port, &to, &to_length) || !parse_address(local_text, 0, &local, &local_length))
    return fail(env, "send", EINVAL);
  uint8_t control[CMSG_SPACE(sizeof(struct in6_pktinfo))] = {0};
  struct iovec part = {.iov_base = bytes, .iov_len = length};
  struct msghdr message = {.msg_name = &to, .msg_namelen = to_length, .msg_iov = &part, .msg_iovlen = 1, .msg_control = control};
  if (local.ss_family == AF_INET) {
    const struct in_pktinfo source = {.ipi_spec_dst = ((struct sockaddr_in *)&local)->sin_addr};
    message.msg_controllen = CMSG_SPACE(sizeof source);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){.cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO, .cmsg_len = CMSG_LEN(sizeof source)};
    memcpy(CMSG_DATA(header), &source, sizeof source);
  } else {
    const struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&local;
    const struct in6_pktinfo source = {.ipi6_addr = v6->sin6_addr, .ipi6_ifindex = v6->sin6_scope_id};
    message.msg_controllen = CMSG_SPACE(sizeof source);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){.cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_PKTINFO, .cmsg_len = CMSG_LEN(sizeof source)};
    memcpy(CMSG_DATA(header), &source, sizeof source);
  }
  while (sendmsg(listener->fd, &message, MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
  return NULL;
}

/* close(listener) */
static napi_value close_listener(napi_env env, napi_callback_info info) {
  napi_value args[1];
  size_t count = 1;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  Listener *listener = listener_of(env, args[0]);
  if (!listener) return NULL;
  napi_remove_env_cleanup_hook(env, shut_down, listener);
  shut_down(listener);
  return NULL;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor methods[] = {
      {"open", NULL, open_listener, NULL, NULL, NULL, napi_enumerable, NULL},
      {"send", NULL, send_bytes, NULL, NULL, NULL, napi_enumerable, NULL},
      {"close", NULL, close_listener, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  napi_define_properties(env, exports, sizeof methods / sizeof *methods, methods);
  return exports;
}
