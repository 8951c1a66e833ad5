/* The thread of a fetch; See tftp-receiver.c. No N-API call but the one that tells the main thread. */
#define _GNU_SOURCE
#include <netinet/udp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "tftp-receiver.h"

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

static void tell(Receiver *receiver) {
  if (!atomic_exchange(&receiver->told, true)) napi_call_threadsafe_function(receiver->tell, NULL, napi_tsfn_nonblocking);
}

static struct iovec spill_of(Receiver *receiver, unsigned message) {
  return (struct iovec){.iov_base = receiver->spill + (size_t)message * DATAGRAM_ROOM, .iov_len = DATAGRAM_ROOM};
}

static void lay_out(Receiver *receiver, unsigned message, struct iovec *parts, size_t count) {
  receiver->messages[message].msg_hdr = (struct msghdr){
      .msg_name = &receiver->from[message],
      .msg_namelen = sizeof receiver->from[message],
      .msg_iov = parts,
      .msg_iovlen = count,
      .msg_control = receiver->control[message],
      .msg_controllen = sizeof receiver->control[message],
  };
}

/*
 * Datagrams that are there, or the first that comes; `silence_ms` < 0 = however late. 0: nothing came, or the turn has changed.
 * It may ask for a while without sleeping, as the sender does.
 */
static int receive(Receiver *receiver, unsigned count, double spin_ms, int silence_ms) {
  double until = 0;
  for (;;) {
    if (atomic_load_explicit(&receiver->interrupt, memory_order_relaxed)) return 0;
    const int got = recvmmsg(receiver->fd, receiver->messages, count, MSG_DONTWAIT, NULL);
    if (got > 0) {
      if (until > 0) receiver->spin_pause = 0;
      return got;
    }
    if (spin_ms > 0 && receiver->spin_pause_left > 0) {
      receiver->spin_pause_left--;
      spin_ms = 0;
    }
    if (spin_ms > 0) {
      const double now = now_ms();
      if (until == 0) until = now + spin_ms;
      if (now < until) continue;
      if (receiver->spin_pause < SPIN_PAUSE_MAX) receiver->spin_pause = 2 * receiver->spin_pause + 1;
      receiver->spin_pause_left = receiver->spin_pause;
      spin_ms = 0;
    }
    struct pollfd wake[2] = {{.fd = receiver->fd, .events = POLLIN}, {.fd = receiver->bell, .events = POLLIN}};
    if (poll(wake, 2, silence_ms) == 0) return 0;
  }
}

/* Length of the datagrams of a super-packet; 0 for a single datagram. */
static size_t segment_bytes(struct msghdr *message) {
  for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
    int bytes;
    if (part->cmsg_level != IPPROTO_UDP || part->cmsg_type != UDP_GRO || part->cmsg_len < CMSG_LEN(sizeof bytes)) continue;
    memcpy(&bytes, CMSG_DATA(part), sizeof bytes);
    return bytes > 0 ? (size_t)bytes : 0;
  }
  return 0;
}

/* Keeps a datagram, a part of what `message` brought, for the main thread. */
static void keep(Receiver *receiver, unsigned message, size_t offset, size_t length) {
  if (receiver->heard_count == HEARD_MAX) return;
  if (receiver->heard_room - receiver->heard_used < length) {
    const size_t room = 2 * receiver->heard_room + length;
    uint8_t *bytes = realloc(receiver->heard_bytes, room);
    if (!bytes) return;
    receiver->heard_bytes = bytes;
    receiver->heard_room = room;
  }
  receiver->heard[receiver->heard_count++] =
      (Heard){.offset = receiver->heard_used, .length = length, .from = receiver->from[message]};
  const struct msghdr *header = &receiver->messages[message].msg_hdr;
  for (size_t index = 0; index < header->msg_iovlen && length > 0; index++) {
    const struct iovec *part = &header->msg_iov[index];
    if (offset >= part->iov_len) {
      offset -= part->iov_len;
      continue;
    }
    const size_t bytes = part->iov_len - offset < length ? part->iov_len - offset : length;
    memcpy(receiver->heard_bytes + receiver->heard_used, (uint8_t *)part->iov_base + offset, bytes);
    receiver->heard_used += bytes;
    length -= bytes;
    offset = 0;
  }
}

/* The thread's turn while the main thread hears of every datagram. */
static void pass(Receiver *receiver) {
  for (unsigned at = 0; at < PASS_MAX; at++) {
    receiver->parts[at] = spill_of(receiver, at);
    lay_out(receiver, at, &receiver->parts[at], 1);
  }
  const int got = receive(receiver, PASS_MAX, 0, -1);
  for (int at = 0; at < got; at++) {
    const size_t length = receiver->messages[at].msg_len, segment = segment_bytes(&receiver->messages[at].msg_hdr);
    size_t offset = 0;
    do {
      const size_t left = length - offset, bytes = segment > 0 && segment < left ? segment : left;
      keep(receiver, (unsigned)at, offset, bytes);
      offset += bytes;
    } while (offset < length);
  }
}

static bool same_address(const struct sockaddr_storage *one, const struct sockaddr_storage *other) {
  if (one->ss_family != other->ss_family) return false;
  if (one->ss_family == AF_INET) {
    const struct sockaddr_in *a = (const void *)one, *b = (const void *)other;
    return a->sin_port == b->sin_port && a->sin_addr.s_addr == b->sin_addr.s_addr;
  }
  const struct sockaddr_in6 *a = (const void *)one, *b = (const void *)other;
  return a->sin6_port == b->sin6_port && a->sin6_scope_id == b->sin6_scope_id && memcmp(&a->sin6_addr, &b->sin6_addr, sizeof a->sin6_addr) == 0;
}

/*
 * Messages into the next `slots` places of the ring, and the header before each beside it: one message over all of them where super-packets
 * come, else one message for each. Returns how many messages.
 */
static unsigned lay_out_ring(Receiver *receiver, uint64_t received, unsigned slots) {
  const Grant *grant = &receiver->grant;
  struct iovec *part = receiver->parts;
  for (unsigned slot = 0; slot < slots; slot++) {
    struct iovec *const first = part;
    *part++ = (struct iovec){.iov_base = receiver->headers[slot], .iov_len = HEADER_BYTES};
    *part++ = (struct iovec){.iov_base = grant->ring + (received + (uint64_t)slot * grant->blksize) % grant->ring_bytes, .iov_len = grant->blksize};
    if (receiver->super) continue;
    *part++ = spill_of(receiver, slot);
    lay_out(receiver, slot, first, 3);
  }
  if (!receiver->super) return slots;
  *part++ = spill_of(receiver, 0);
  lay_out(receiver, 0, receiver->parts, (size_t)(part - receiver->parts));
  return 1;
}

/* How many of the `got` messages' blocks are the ones that are due, in their places; keeps all datagrams after them. */
static unsigned blocks_in_place(Receiver *receiver, int got, unsigned slots, uint16_t due, uint64_t blocks_max) {
  const Grant *grant = &receiver->grant;
  const size_t whole = HEADER_BYTES + grant->blksize;
  unsigned taken = 0;
  bool going = true;
  for (int at = 0; at < got; at++) {
    struct mmsghdr *message = &receiver->messages[at];
    const size_t length = message->msg_len, segment = segment_bytes(&message->msg_hdr);
    const bool ours = same_address(&receiver->from[at], &grant->peer);
    const unsigned places = receiver->super ? slots : (unsigned)at + 1;
    size_t offset = 0;
    do {
      const size_t left = length - offset, bytes = segment > 0 && segment < left ? segment : left;
      const uint8_t *header = receiver->headers[taken < slots ? taken : 0];
      going = going && ours && bytes == whole && (segment == 0 || segment == whole) && taken < places && taken < blocks_max &&
              header[0] == 0 && header[1] == 3 && (header[2] << 8 | header[3]) == (uint16_t)(due + taken);
      if (going) taken++;
      else keep(receiver, (unsigned)at, offset, bytes);
      offset += bytes;
    } while (offset < length);
    if (segment > 0 && !receiver->super) going = false; /* the places of the rest are laid out for single datagrams */
  }
  return taken;
}

static void acknowledge(Receiver *receiver, uint16_t block) {
  const uint8_t bytes[] = {0, 4, (uint8_t)(block >> 8), (uint8_t)block};
  /* What the host cannot send is lost, as on any network. */
  while (sendto(receiver->fd, bytes, sizeof bytes, 0, (struct sockaddr *)&receiver->grant.peer, receiver->grant.peer_length) < 0 && errno == EINTR) {
  }
}

/* Octets that wait for the disk. */
static uint64_t unwritten(Receiver *receiver, uint64_t received) {
  const uint64_t written = atomic_load(&receiver->written);
  return received > written ? received - written : 0;
}

/* The thread's turn while block follows block. */
static void stream(Receiver *receiver) {
  const Grant *grant = &receiver->grant;
  uint64_t received = atomic_load(&receiver->received), told_bytes = received;
  double acked_at = grant->acked_at, told_at = now_ms();
  uint32_t unacknowledged = grant->unacknowledged;
  uint16_t due = grant->due;
  while (receiver->heard_count == 0 && receiver->trip_count < TRIPS_MAX) {
    const uint64_t waiting = unwritten(receiver, received), room = (grant->ring_bytes - waiting) / grant->blksize;
    unsigned slots = grant->windowsize - unacknowledged < BATCH_MAX ? grant->windowsize - unacknowledged : BATCH_MAX;
    if (slots > room) slots = (unsigned)room;
    if (slots == 0) break;
    const unsigned messages = lay_out_ring(receiver, received, slots);
    /* While the main thread has bytes to digest and write, the core is its. */
    const int got = receive(receiver, messages, waiting > received - told_bytes ? 0 : grant->spin_ms, SILENCE_MS);
    if (got == 0) break;
    const unsigned taken = blocks_in_place(receiver, got, slots, due, grant->blocks_max - receiver->blocks);
    for (int at = 0; at < got && !receiver->super; at++) receiver->super = segment_bytes(&receiver->messages[at].msg_hdr) > 0;
    if (taken == 0) break;
    const double now = now_ms();
    if (unacknowledged == 0 && acked_at >= 0) receiver->trips[receiver->trip_count++] = now - acked_at;
    received += (uint64_t)taken * grant->blksize;
    receiver->blocks += taken;
    receiver->taken_at = now;
    unacknowledged += taken;
    due = (uint16_t)(due + taken);
    atomic_store(&receiver->received, received);
    if (unacknowledged == grant->windowsize) {
      if (unwritten(receiver, received) > grant->backlog_max) break; /* the ACK must wait for the disk */
      acknowledge(receiver, (uint16_t)(due - 1));
      unacknowledged = 0;
      acked_at = now;
    }
    if (received - told_bytes >= grant->tell_bytes || now - told_at >= SILENCE_MS) {
      told_bytes = received;
      told_at = now;
      tell(receiver);
    }
  }
  receiver->unacknowledged = unacknowledged;
}

void *run_receiver(void *data) {
  Receiver *receiver = data;
  pthread_mutex_lock(&receiver->lock);
  for (;;) {
    while (receiver->turn == MAIN || receiver->turn == REPORTED) pthread_cond_wait(&receiver->go, &receiver->lock);
    if (receiver->turn == ENDING) break;
    const Turn turn = receiver->turn;
    eventfd_t rung;
    if (atomic_exchange(&receiver->interrupt, false)) eventfd_read(receiver->bell, &rung);
    pthread_mutex_unlock(&receiver->lock);
    if (turn == STREAM) stream(receiver);
    else pass(receiver);
    pthread_mutex_lock(&receiver->lock);
    if (receiver->turn == ENDING) break;
    if (turn == PASS && receiver->heard_count == 0) continue; /* another turn came */
    receiver->turn = REPORTED;
    pthread_cond_signal(&receiver->parked);
    tell(receiver);
  }
  pthread_mutex_unlock(&receiver->lock);
  return NULL;
}
