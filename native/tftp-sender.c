/*
 * The data path of one TFTP session on Linux: a connected UDP socket and a mapped file. Blocks go from the page cache to
 * the socket without a copy in user space, many in one system call: UDP_SEGMENT where the path takes it, else sendmmsg.
 * All decisions are made in core/tftp/server/send-session.ts; this only sends and waits, and while
 * nothing happens but the one expected ACK after the other (`stream`) it does so without asking.
 *
 * A file that shrinks while it is mapped gives EFAULT from the kernel's copy, never a SIGBUS, since no instruction of
 * ours reads the mapping.
 */
#define _GNU_SOURCE
#include <netinet/udp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "udp.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

enum {
  SEGMENTS_MAX = 64,       /* UDP_MAX_SEGMENTS of Linux before 6.9 */
  SEGMENT_BYTES_MAX = 9000, /* a jumbo frame; where the path's MTU is smaller the kernel refuses, and packets go one by one */
  FIRST_BATCH = 2,         /* packets of a window's first system call; the peer works on them while the others are made */
  REPORT_HEAD = 4,         /* numbers in `stream`'s report before the round trips */
  SPIN_PAUSE_MAX = 1023,   /* waits that sleep at once after some that spun for nothing */
  DATAGRAM_BYTES_MAX = 65507,
  SLICE_MS = 50,           /* longest sleep in one wait, so that the thread sees its mail */
  /* What `wait` returns besides the length of a datagram. */
  WAIT_NOTHING = -1,
  WAIT_PEER_GONE = -2,
  WAIT_FILE_CHANGED = -3,
};

typedef struct {
  int fd;
  int file_fd;
  const uint8_t *file;
  uint64_t offset; /* of the first byte that is sent, in the file */
  uint64_t size;   /* of what is sent */
  double modified_ms;
  uint32_t blksize;
  bool segmentation;
  unsigned spin_pause, spin_pause_left;
  uint8_t headers[SEGMENTS_MAX][HEADER_BYTES];
  struct iovec parts[SEGMENTS_MAX][2];
  struct mmsghdr messages[SEGMENTS_MAX];
} Sender;

static void release(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  Sender *sender = data;
  if (sender->fd >= 0) close(sender->fd);
  if (sender->file) munmap((void *)sender->file, sender->size);
  free(sender);
}

/* Whether the file is the one that was opened. Looked at before each window: nothing of a change goes out as content. */
static bool is_unchanged(const Sender *sender) {
  struct stat now;
  if (fstat(sender->file_fd, &now) != 0) return false;
  /* A part of a file that is still written elsewhere. */
  if (sender->modified_ms < 0) return (uint64_t)now.st_size >= sender->offset + sender->size;
  if ((uint64_t)now.st_size != sender->size) return false;
  /* Node's mtimeMs is the same sum. */
  return (double)now.st_mtim.tv_sec * 1e3 + (double)now.st_mtim.tv_nsec / 1e6 == sender->modified_ms;
}

/* open(localAddress, localPort, peerAddress, peerPort, fileDescriptor, sizeBytes, modifiedMs, blksize, offset): Sender */
static napi_value open_sender(napi_env env, napi_callback_info info) {
  napi_value args[9], result;
  size_t count = 9;
  char local[80], peer[80];
  uint32_t local_port, peer_port, blksize;
  int32_t file;
  int64_t size, offset;
  double modified;
  if (napi_get_cb_info(env, info, &count, args, NULL, NULL) != napi_ok || count != 9 ||
      napi_get_value_string_utf8(env, args[0], local, sizeof local, NULL) != napi_ok ||
      napi_get_value_uint32(env, args[1], &local_port) != napi_ok ||
      napi_get_value_string_utf8(env, args[2], peer, sizeof peer, NULL) != napi_ok ||
      napi_get_value_uint32(env, args[3], &peer_port) != napi_ok || napi_get_value_int32(env, args[4], &file) != napi_ok ||
      napi_get_value_int64(env, args[5], &size) != napi_ok || napi_get_value_double(env, args[6], &modified) != napi_ok ||
      napi_get_value_uint32(env, args[7], &blksize) != napi_ok || napi_get_value_int64(env, args[8], &offset) != napi_ok ||
      offset < 0 || offset % sysconf(_SC_PAGESIZE) != 0)
    return fail(env, "open", EINVAL);

  struct sockaddr_storage from, to;
  socklen_t from_length, to_length;
  if (!parse_address(local, (uint16_t)local_port, &from, &from_length) || !parse_address(peer, (uint16_t)peer_port, &to, &to_length))
    return fail(env, "address", EINVAL);
  if (from.ss_family == AF_INET6 && to.ss_family == AF_INET) { /* a dual-stack wildcard: answer the IPv4 peer as such */
    parse_address("0.0.0.0", (uint16_t)local_port, &from, &from_length);
  }

  Sender *sender = calloc(1, sizeof *sender);
  if (!sender) return fail(env, "memory", ENOMEM);
  sender->file_fd = file;
  sender->offset = (uint64_t)offset;
  sender->size = (uint64_t)size;
  sender->modified_ms = modified;
  sender->blksize = blksize;
  sender->segmentation = blksize + HEADER_BYTES <= SEGMENT_BYTES_MAX;
  sender->fd = socket(from.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int on = 1, buffer = 2 * 1024 * 1024;
  const struct timeval slice = {.tv_sec = 0, .tv_usec = SLICE_MS * 1000};
  const char *what = NULL;
  if (sender->fd < 0) what = "socket";
  else if (setsockopt(sender->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0) what = "SO_REUSEADDR";
  else if (setsockopt(sender->fd, SOL_SOCKET, SO_RCVTIMEO, &slice, sizeof slice) < 0) what = "SO_RCVTIMEO";
  else if (bind(sender->fd, (struct sockaddr *)&from, from_length) < 0) what = "bind";
  else if (connect(sender->fd, (struct sockaddr *)&to, to_length) < 0) what = "connect";
  if (!what && size > 0) {
    void *mapped = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, file, (off_t)offset);
    if (mapped == MAP_FAILED) what = "mmap";
    else sender->file = mapped;
  }
  if (what) {
    const int error = errno;
    release(env, sender, NULL);
    return fail(env, what, error);
  }
  setsockopt(sender->fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer); /* as much as the host allows */
  /* Without DF: a router before a narrow link may fragment, and what it reports might be filtered. */
  const int fragments = IP_PMTUDISC_DONT, fragments6 = IPV6_PMTUDISC_DONT;
  setsockopt(sender->fd, IPPROTO_IP, IP_MTU_DISCOVER, &fragments, sizeof fragments);
  if (from.ss_family == AF_INET6) setsockopt(sender->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &fragments6, sizeof fragments6);
  if (sender->file) madvise((void *)sender->file, sender->size, MADV_SEQUENTIAL);
  for (int at = 0; at < SEGMENTS_MAX; at++) {
    sender->headers[at][1] = 3; /* DATA */
    sender->parts[at][0].iov_base = sender->headers[at];
    sender->parts[at][0].iov_len = HEADER_BYTES;
    sender->messages[at].msg_hdr.msg_iov = sender->parts[at];
    sender->messages[at].msg_hdr.msg_iovlen = 2;
  }
  napi_create_external(env, sender, release, NULL, &result);
  return result;
}

static Sender *sender_of(napi_env env, napi_value value) {
  void *data = NULL;
  return napi_get_value_external(env, value, &data) == napi_ok && ((Sender *)data)->fd >= 0 ? data : NULL;
}

/* wait(sender, into, timeoutMs): length of the peer's datagram, cut to `into`, or one of the WAIT_ codes */
static napi_value wait_datagram(napi_env env, napi_callback_info info) {
  napi_value args[3], result;
  size_t count = 3, room;
  void *into;
  double timeout;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  Sender *sender = sender_of(env, args[0]);
  if (!sender || napi_get_buffer_info(env, args[1], &into, &room) != napi_ok || napi_get_value_double(env, args[2], &timeout) != napi_ok)
    return fail(env, "wait", EINVAL);
  int flags = 0;
  if (timeout < SLICE_MS) {
    struct pollfd one = {.fd = sender->fd, .events = POLLIN};
    const struct timespec span = {.tv_sec = 0, .tv_nsec = timeout > 0 ? (long)(timeout * 1e6) : 0};
    ppoll(&one, 1, &span, NULL);
    flags = MSG_DONTWAIT;
  }
  ssize_t length = recv(sender->fd, into, room, flags);
  if (length < 0) length = errno == ECONNREFUSED ? WAIT_PEER_GONE : WAIT_NOTHING;
  napi_create_int32(env, (int32_t)length, &result);
  return result;
}

static ssize_t retried(ssize_t (*call)(int, const struct msghdr *, int), int fd, const struct msghdr *message) {
  for (;;) {
    ssize_t sent = call(fd, message, 0);
    /* ECONNREFUSED belongs to an earlier datagram; `wait` will see it again if the peer is really gone. */
    if (sent >= 0 || (errno != EINTR && errno != ECONNREFUSED)) return sent;
    if (errno == ECONNREFUSED) return 0;
  }
}

/* One window or a part of it as one super-packet; false where this path does not segment. */
static bool send_segmented(Sender *sender, unsigned packets) {
  uint8_t control[CMSG_SPACE(sizeof(uint16_t))] = {0};
  struct msghdr message = {
      .msg_iov = &sender->parts[0][0], .msg_iovlen = 2 * packets, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *segment = CMSG_FIRSTHDR(&message);
  segment->cmsg_level = IPPROTO_UDP;
  segment->cmsg_type = UDP_SEGMENT;
  segment->cmsg_len = CMSG_LEN(sizeof(uint16_t));
  const uint16_t bytes = (uint16_t)(HEADER_BYTES + sender->blksize);
  memcpy(CMSG_DATA(segment), &bytes, sizeof bytes);
  if (retried(sendmsg, sender->fd, &message) >= 0) return true;
  if (errno == EINVAL || errno == EIO || errno == EOPNOTSUPP || errno == EMSGSIZE) sender->segmentation = false;
  return false;
}

static void send_each(Sender *sender, unsigned packets) {
  for (unsigned done = 0; done < packets;) {
    const int sent = sendmmsg(sender->fd, sender->messages + done, packets - done, 0);
    if (sent > 0) done += (unsigned)sent;
    else if (errno == ECONNREFUSED) continue; /* reported once, for an earlier datagram */
    else if (errno != EINTR) return;          /* a datagram that the host cannot send is a lost one: the session repeats it */
  }
}

/* Blocks counted from 1 without wrap. */
static void transmit(Sender *sender, int64_t block, uint32_t left) {
  const uint32_t segments_max = DATAGRAM_BYTES_MAX / (HEADER_BYTES + sender->blksize);
  for (uint32_t wanted = FIRST_BATCH; left > 0; wanted *= 2) {
    /* Segments arrive together when the last is made; sendmmsg hands over each at once and needs no first few. */
    if (!sender->segmentation || wanted > SEGMENTS_MAX) wanted = SEGMENTS_MAX;
    if (sender->segmentation && wanted > segments_max) wanted = segments_max;
    const unsigned batch = left < wanted ? left : wanted;
    for (unsigned at = 0; at < batch; at++, block++) {
      const uint64_t offset = (uint64_t)(block - 1) * sender->blksize;
      const uint64_t rest = offset < sender->size ? sender->size - offset : 0;
      sender->headers[at][2] = (uint8_t)(block >> 8);
      sender->headers[at][3] = (uint8_t)block;
      sender->parts[at][1].iov_base = (void *)(sender->file + (rest > 0 ? offset : 0));
      sender->parts[at][1].iov_len = rest < sender->blksize ? rest : sender->blksize;
    }
    if (batch == 1 || !sender->segmentation || !send_segmented(sender, batch)) send_each(sender, batch);
    left -= batch;
  }
}

/* sendBlocks(sender, firstBlock, count): false, and nothing is sent, where the file has changed */
static napi_value send_blocks(napi_env env, napi_callback_info info) {
  napi_value args[3], result;
  size_t count = 3;
  int64_t block;
  uint32_t left;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  Sender *sender = sender_of(env, args[0]);
  if (!sender || napi_get_value_int64(env, args[1], &block) != napi_ok || napi_get_value_uint32(env, args[2], &left) != napi_ok)
    return fail(env, "sendBlocks", EINVAL);
  const bool unchanged = is_unchanged(sender);
  if (unchanged) transmit(sender, block, left);
  napi_get_boolean(env, unchanged, &result);
  return result;
}

/*
 * recv that first asks for `spin_ms` without sleeping: on a fast link the answer is there before a sleeping thread would be
 * awake. Where it was not, the next waits sleep at once, twice as many each time, so that a slow peer costs next to no CPU.
 */
static ssize_t receive(Sender *sender, void *into, size_t room, double spin_ms) {
  if (sender->spin_pause_left > 0) {
    sender->spin_pause_left--;
  } else if (spin_ms > 0) {
    const double until = now_ms() + spin_ms;
    do {
      const ssize_t length = recv(sender->fd, into, room, MSG_DONTWAIT);
      if (length >= 0) sender->spin_pause = 0;
      if (length >= 0 || (errno != EAGAIN && errno != EINTR)) return length;
    } while (now_ms() < until);
    if (sender->spin_pause < SPIN_PAUSE_MAX) sender->spin_pause = 2 * sender->spin_pause + 1;
    sender->spin_pause_left = sender->spin_pause;
  }
  return recv(sender->fd, into, room, 0);
}

/*
 * stream(sender, into, report, next, windowsize, end, outMs, spinMs): while the peer's next datagram is the ACK of block
 * `next` - 1 and there are blocks before `end`, sends the next window; for about SLICE_MS, and for as many windows as `report`
 * has room for their round trips. `outMs` = how long ago the window that is out was sent, negative if its ACK measures no round
 * trip. Returns like `wait`: the datagram that is anything else.
 * report: [first block of the window that is out, block after it, ms since it was sent, n, n round trips in ms]
 */
static napi_value stream_windows(napi_env env, napi_callback_info info) {
  napi_value args[8], result;
  size_t count = 8, room, report_length;
  napi_typedarray_type kind;
  void *into, *report_data;
  int64_t next, end;
  uint32_t windowsize;
  double out, spin;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  Sender *sender = sender_of(env, args[0]);
  if (!sender || napi_get_buffer_info(env, args[1], &into, &room) != napi_ok || room < 4 ||
      napi_get_typedarray_info(env, args[2], &kind, &report_length, &report_data, NULL, NULL) != napi_ok || kind != napi_float64_array ||
      report_length <= REPORT_HEAD || napi_get_value_int64(env, args[3], &next) != napi_ok || napi_get_value_uint32(env, args[4], &windowsize) != napi_ok ||
      napi_get_value_int64(env, args[5], &end) != napi_ok || napi_get_value_double(env, args[6], &out) != napi_ok ||
      napi_get_value_double(env, args[7], &spin) != napi_ok || windowsize == 0)
    return fail(env, "stream", EINVAL);
  double *report = report_data;
  size_t trips = 0;
  const uint8_t *bytes = into;
  const double start = now_ms();
  double now = start, sent = out < 0 ? -1 : start - out;
  int64_t base = next;
  ssize_t length;
  for (;;) {
    length = receive(sender, into, room, spin);
    if (length < 0) length = errno == ECONNREFUSED ? WAIT_PEER_GONE : WAIT_NOTHING;
    if (length < 4 || bytes[0] != 0 || bytes[1] != 4 || (bytes[2] << 8 | bytes[3]) != ((next - 1) & 0xffff) || next >= end) break;
    if (!is_unchanged(sender)) {
      length = WAIT_FILE_CHANGED;
      break;
    }
    now = now_ms();
    if (sent >= 0) report[REPORT_HEAD + trips++] = now - sent;
    sent = now;
    base = next;
    next += end - next < windowsize ? end - next : windowsize;
    transmit(sender, base, (uint32_t)(next - base));
    /* The session's listener wants to know when the last block is out. */
    if (next >= end || now - start >= SLICE_MS || REPORT_HEAD + trips == report_length) {
      length = WAIT_NOTHING;
      break;
    }
  }
  report[0] = (double)base;
  report[1] = (double)next;
  report[2] = sent < 0 ? 0 : now_ms() - sent;
  report[3] = (double)trips;
  napi_create_int32(env, (int32_t)length, &result);
  return result;
}

/* send(sender, bytes) */
static napi_value send_bytes(napi_env env, napi_callback_info info) {
  napi_value args[2];
  size_t count = 2, length;
  void *bytes;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  Sender *sender = sender_of(env, args[0]);
  if (!sender || napi_get_buffer_info(env, args[1], &bytes, &length) != napi_ok) return fail(env, "send", EINVAL);
  struct iovec part = {.iov_base = bytes, .iov_len = length};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  retried(sendmsg, sender->fd, &message);
  return NULL;
}

/* close(sender) */
static napi_value close_sender(napi_env env, napi_callback_info info) {
  napi_value args[1];
  size_t count = 1;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  Sender *sender = sender_of(env, args[0]);
  if (!sender) return NULL;
  close(sender->fd);
  sender->fd = -1;
  return NULL;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor methods[] = {
      {"open", NULL, open_sender, NULL, NULL, NULL, napi_enumerable, NULL},
      {"wait", NULL, wait_datagram, NULL, NULL, NULL, napi_enumerable, NULL},
      {"sendBlocks", NULL, send_blocks, NULL, NULL, NULL, napi_enumerable, NULL},
      {"stream", NULL, stream_windows, NULL, NULL, NULL, napi_enumerable, NULL},
      {"send", NULL, send_bytes, NULL, NULL, NULL, napi_enumerable, NULL},
      {"close", NULL, close_sender, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  napi_define_properties(env, exports, sizeof methods / sizeof *methods, methods);
  return exports;
}
