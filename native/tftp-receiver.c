/*
 * The data path of one TFTP fetch on Linux: a UDP socket and a thread that sleeps in the kernel. Payload goes from the socket to its place
 * in a ring of blocks without a further copy, many datagrams in one system call: UDP_GRO where the kernel hands over a sender's
 * super-packet whole, else recvmmsg.
 *
 * Everything that decides anything is in core/tftp/client/client.ts, in the main thread. The two take turns. With `pass` the thread reports what
 * arrives; with `stream` it takes full blocks in order from the one peer, and acknowledges each window, as long as nothing else arrives.
 * Its report ends its turn, and `pause` makes it report at once.
 *
 * The socket is never connected: the kernel would answer strangers by itself, with ICMP instead of TFTP's ERROR 5.
 */
#define _GNU_SOURCE
#include <netinet/udp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tftp-receiver.h"

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

/* With the lock. */
static void change_turn(Receiver *receiver, Turn turn) {
  const Turn before = receiver->turn;
  receiver->turn = turn;
  if (before == MAIN) {
    pthread_cond_signal(&receiver->go);
  } else if (!atomic_exchange(&receiver->interrupt, true)) {
    eventfd_write(receiver->bell, 1);
  }
}

static void shut_down(void *data) {
  Receiver *receiver = data;
  pthread_mutex_lock(&receiver->lock);
  change_turn(receiver, ENDING);
  pthread_cond_signal(&receiver->go);
  pthread_mutex_unlock(&receiver->lock);
  pthread_join(receiver->thread, NULL);
  close(receiver->fd);
  close(receiver->bell);
  receiver->fd = -1;
  napi_release_threadsafe_function(receiver->tell, napi_tsfn_abort);
}

static void release(napi_env env, void *data, void *hint) {
  (void)hint;
  Receiver *receiver = data;
  if (receiver->fd >= 0) {
    napi_remove_env_cleanup_hook(env, shut_down, receiver);
    shut_down(receiver);
  }
  free(receiver->heard_bytes);
  free(receiver->spill);
  free(receiver);
}

static bool start_thread(Receiver *receiver) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's */
  const int error = pthread_create(&receiver->thread, NULL, run_receiver, receiver);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  errno = error;
  return error == 0;
}

/* open(localAddress, localPort, bufferBytes, facts, tell): Receiver. facts: [port, what the kernel made of `bufferBytes`] */
static napi_value open_receiver(napi_env env, napi_callback_info info) {
  napi_value args[5], name, result;
  size_t count = 5, facts_length;
  char local[80];
  uint32_t port;
  int32_t buffer;
  napi_typedarray_type kind;
  void *facts;
  if (napi_get_cb_info(env, info, &count, args, NULL, NULL) != napi_ok || count != 5 ||
      napi_get_value_string_utf8(env, args[0], local, sizeof local, NULL) != napi_ok || napi_get_value_uint32(env, args[1], &port) != napi_ok ||
      napi_get_value_int32(env, args[2], &buffer) != napi_ok ||
      napi_get_typedarray_info(env, args[3], &kind, &facts_length, &facts, NULL, NULL) != napi_ok || kind != napi_float64_array || facts_length < 2)
    return fail(env, "open", EINVAL);
  struct sockaddr_storage bound;
  socklen_t length, option = sizeof buffer;
  if (!parse_address(local, (uint16_t)port, &bound, &length)) return fail(env, "address", EINVAL);

  Receiver *receiver = calloc(1, sizeof *receiver);
  if (!receiver) return fail(env, "memory", ENOMEM);
  receiver->env = env;
  pthread_mutex_init(&receiver->lock, NULL);
  pthread_cond_init(&receiver->go, NULL);
  pthread_cond_init(&receiver->parked, NULL);
  receiver->spill = malloc((size_t)BATCH_MAX * DATAGRAM_ROOM); /* pages that nothing spills into are never there */
  receiver->fd = socket(bound.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  receiver->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  const int on = 1;
  const char *what = NULL;
  if (!receiver->spill) what = "memory";
  else if (receiver->fd < 0) what = "socket";
  else if (receiver->bell < 0) what = "eventfd";
  else if (bind(receiver->fd, (struct sockaddr *)&bound, length) < 0) what = "bind";
  else if (getsockname(receiver->fd, (struct sockaddr *)&bound, &length) < 0) what = "getsockname";
  if (!what) {
    setsockopt(receiver->fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer); /* as much as the host allows */
    setsockopt(receiver->fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on);
    if (getsockopt(receiver->fd, SOL_SOCKET, SO_RCVBUF, &buffer, &option) < 0) what = "SO_RCVBUF";
  }
  if (!what) {
    napi_create_string_utf8(env, "tftp-receiver", NAPI_AUTO_LENGTH, &name);
    if (napi_create_threadsafe_function(env, args[4], NULL, name, 0, 1, NULL, NULL, NULL, NULL, &receiver->tell) != napi_ok) {
      what = "function";
    } else if (!start_thread(receiver)) {
      what = "thread";
      napi_release_threadsafe_function(receiver->tell, napi_tsfn_abort);
    }
  }
  if (what) {
    const int error = errno;
    if (receiver->fd >= 0) close(receiver->fd);
    if (receiver->bell >= 0) close(receiver->bell);
    receiver->fd = -1;
    release(env, receiver, NULL);
    return fail(env, what, error);
  }
  /* Before the function's own hook: hooks run last first. */
  napi_add_env_cleanup_hook(env, shut_down, receiver);
  ((double *)facts)[0] = ntohs(((struct sockaddr_in *)&bound)->sin_port); /* at the same place in both families */
  ((double *)facts)[1] = buffer;
  napi_create_external(env, receiver, release, NULL, &result);
  return result;
}

static Receiver *receiver_of(napi_env env, napi_value value) {
  void *data = NULL;
  return napi_get_value_external(env, value, &data) == napi_ok && ((Receiver *)data)->fd >= 0 ? data : NULL;
}

static bool address_of(napi_env env, napi_value address, napi_value port, struct sockaddr_storage *out, socklen_t *length) {
  char text[80];
  uint32_t number;
  return napi_get_value_string_utf8(env, address, text, sizeof text, NULL) == napi_ok && napi_get_value_uint32(env, port, &number) == napi_ok &&
         parse_address(text, (uint16_t)number, out, length);
}

/* send(receiver, bytes, address, port) */
static napi_value send_bytes(napi_env env, napi_callback_info info) {
  napi_value args[4];
  size_t count = 4, length;
  void *bytes;
  struct sockaddr_storage to;
  socklen_t to_length;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  Receiver *receiver = receiver_of(env, args[0]);
  if (!receiver || napi_get_buffer_info(env, args[1], &bytes, &length) != napi_ok || !address_of(env, args[2], args[3], &to, &to_length))
    return fail(env, "send", EINVAL);
  while (sendto(receiver->fd, bytes, length, 0, (struct sockaddr *)&to, to_length) < 0 && errno == EINTR) {
  }
  return NULL;
}

/* pass(receiver) */
static napi_value pass_datagrams(napi_env env, napi_callback_info info) {
  napi_value args[1];
  size_t count = 1;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  Receiver *receiver = receiver_of(env, args[0]);
  if (!receiver) return fail(env, "pass", EINVAL);
  pthread_mutex_lock(&receiver->lock);
  if (receiver->turn == MAIN) change_turn(receiver, PASS);
  pthread_mutex_unlock(&receiver->lock);
  return NULL;
}

/*
 * stream(receiver, address, port, ring, numbers): whether the thread has its turn, from `pass` too; not while a report waits to be seen.
 * numbers: [received, due, blksize, windowsize, unacknowledged, blocksMax, ms since the ACK or negative, backlogBytesMax, tellBytes, spinMs]
 */
static napi_value stream_blocks(napi_env env, napi_callback_info info) {
  napi_value args[5];
  size_t count = 5, ring_bytes, numbers_length;
  napi_typedarray_type kind;
  napi_value result;
  void *ring, *data;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  Receiver *receiver = receiver_of(env, args[0]);
  Grant grant = {0};
  if (!receiver || !address_of(env, args[1], args[2], &grant.peer, &grant.peer_length) ||
      napi_get_buffer_info(env, args[3], &ring, &ring_bytes) != napi_ok ||
      napi_get_typedarray_info(env, args[4], &kind, &numbers_length, &data, NULL, NULL) != napi_ok || kind != napi_float64_array || numbers_length < 10)
    return fail(env, "stream", EINVAL);
  const double *numbers = data;
  const uint64_t received = (uint64_t)numbers[0];
  grant.ring = ring;
  grant.ring_bytes = ring_bytes;
  grant.due = (uint16_t)numbers[1];
  grant.blksize = (uint32_t)numbers[2];
  grant.windowsize = (uint32_t)numbers[3];
  grant.unacknowledged = (uint32_t)numbers[4];
  grant.blocks_max = (uint64_t)numbers[5];
  grant.acked_at = numbers[6] < 0 ? -1 : now_ms() - numbers[6];
  grant.backlog_max = (uint64_t)numbers[7];
  grant.tell_bytes = (uint64_t)numbers[8];
  grant.spin_ms = numbers[9];
  const uint64_t written = atomic_load(&receiver->written);
  if (grant.blksize == 0 || grant.blksize > UINT16_MAX || ring_bytes == 0 || ring_bytes % grant.blksize != 0 || received % grant.blksize != 0 ||
      received < written || received - written > ring_bytes || grant.unacknowledged >= grant.windowsize)
    return fail(env, "stream", EINVAL);

  pthread_mutex_lock(&receiver->lock);
  const bool granted = receiver->turn == MAIN || receiver->turn == PASS;
  if (granted) {
    /* In `pass` the thread reads nothing of this. */
    if (receiver->grant.ring != grant.ring || !receiver->ring_reference) {
      if (receiver->ring_reference) napi_delete_reference(env, receiver->ring_reference);
      napi_create_reference(env, args[3], 1, &receiver->ring_reference);
    }
    receiver->grant = grant;
    atomic_store(&receiver->received, received);
    change_turn(receiver, STREAM);
  }
  pthread_mutex_unlock(&receiver->lock);
  napi_get_boolean(env, granted, &result);
  return result;
}

/* written(receiver, bytesWritten): cumulative */
static napi_value bytes_written(napi_env env, napi_callback_info info) {
  napi_value args[2];
  size_t count = 2;
  int64_t bytes;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  Receiver *receiver = receiver_of(env, args[0]);
  if (!receiver || napi_get_value_int64(env, args[1], &bytes) != napi_ok || bytes < 0) return fail(env, "written", EINVAL);
  atomic_store(&receiver->written, (uint64_t)bytes);
  return NULL;
}

/* pause(receiver): the thread has no turn, or has reported, when this returns; `pass` is not ended */
static napi_value pause_stream(napi_env env, napi_callback_info info) {
  napi_value args[1];
  size_t count = 1;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  Receiver *receiver = receiver_of(env, args[0]);
  if (!receiver) return fail(env, "pause", EINVAL);
  pthread_mutex_lock(&receiver->lock);
  if (receiver->turn == STREAM) change_turn(receiver, STREAM);
  while (receiver->turn == STREAM) pthread_cond_wait(&receiver->parked, &receiver->lock);
  pthread_mutex_unlock(&receiver->lock);
  return NULL;
}

static napi_value heard_value(napi_env env, Receiver *receiver, const Heard *heard) {
  char text[ADDRESS_TEXT_MAX];
  uint16_t port;
  if (heard->from.ss_family == AF_INET) {
    const struct sockaddr_in *v4 = (const void *)&heard->from;
    inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
    port = ntohs(v4->sin_port);
  } else {
    const struct sockaddr_in6 *v6 = (const void *)&heard->from;
    inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
    port = ntohs(v6->sin6_port);
    char name[IF_NAMESIZE];
    if (v6->sin6_scope_id != 0 && if_indextoname(v6->sin6_scope_id, name)) {
      strcat(text, "%");
      strcat(text, name);
    }
  }
  napi_value result, value;
  napi_create_array_with_length(env, 3, &result);
  napi_create_buffer_copy(env, heard->length, receiver->heard_bytes + heard->offset, NULL, &value);
  napi_set_element(env, result, 0, value);
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
  napi_set_element(env, result, 1, value);
  napi_create_uint32(env, port, &value);
  napi_set_element(env, result, 2, value);
  return result;
}

/*
 * report(receiver, report): what was heard, [bytes, address, port] each, where the thread has ended its turn, else undefined.
 * report: [received, blocks, unacknowledged, ms since the last was taken, n, n round trips in ms]; only the first without a report
 */
static napi_value take_report(napi_env env, napi_callback_info info) {
  napi_value args[2], result = NULL;
  size_t count = 2, length;
  napi_typedarray_type kind;
  void *data;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  Receiver *receiver = receiver_of(env, args[0]);
  if (!receiver || napi_get_typedarray_info(env, args[1], &kind, &length, &data, NULL, NULL) != napi_ok || kind != napi_float64_array ||
      length < REPORT_HEAD + TRIPS_MAX)
    return fail(env, "report", EINVAL);
  double *report = data;
  atomic_store(&receiver->told, false); /* before the look: what comes after it rings again */
  report[0] = (double)atomic_load(&receiver->received);
  pthread_mutex_lock(&receiver->lock);
  if (receiver->turn == REPORTED) {
    report[0] = (double)atomic_load(&receiver->received);
    report[1] = (double)receiver->blocks;
    report[2] = receiver->unacknowledged;
    report[3] = receiver->blocks > 0 ? now_ms() - receiver->taken_at : 0;
    report[4] = receiver->trip_count;
    memcpy(report + REPORT_HEAD, receiver->trips, receiver->trip_count * sizeof *receiver->trips);
    napi_create_array_with_length(env, receiver->heard_count, &result);
    for (unsigned at = 0; at < receiver->heard_count; at++) napi_set_element(env, result, at, heard_value(env, receiver, &receiver->heard[at]));
    receiver->blocks = receiver->unacknowledged = receiver->trip_count = receiver->heard_count = 0;
    receiver->heard_used = 0;
    receiver->turn = MAIN;
  }
  pthread_mutex_unlock(&receiver->lock);
  return result;
}

/* close(receiver) */
static napi_value close_receiver(napi_env env, napi_callback_info info) {
  napi_value args[1];
  size_t count = 1;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  Receiver *receiver = receiver_of(env, args[0]);
  if (!receiver) return NULL;
  napi_remove_env_cleanup_hook(env, shut_down, receiver);
  shut_down(receiver);
  if (receiver->ring_reference) napi_delete_reference(env, receiver->ring_reference);
  return NULL;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor methods[] = {
      {"open", NULL, open_receiver, NULL, NULL, NULL, napi_enumerable, NULL},
      {"send", NULL, send_bytes, NULL, NULL, NULL, napi_enumerable, NULL},
      {"pass", NULL, pass_datagrams, NULL, NULL, NULL, napi_enumerable, NULL},
      {"stream", NULL, stream_blocks, NULL, NULL, NULL, napi_enumerable, NULL},
      {"written", NULL, bytes_written, NULL, NULL, NULL, napi_enumerable, NULL},
      {"pause", NULL, pause_stream, NULL, NULL, NULL, napi_enumerable, NULL},
      {"report", NULL, take_report, NULL, NULL, NULL, napi_enumerable, NULL},
      {"close", NULL, close_receiver, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  napi_define_properties(env, exports, sizeof methods / sizeof *methods, methods);
  return exports;
}
