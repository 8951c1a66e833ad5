/* A fetch's socket and thread, as its two files see them: tftp-receiver-thread.c and the main thread's tftp-receiver.c. */
#ifndef FLEXUP_TFTP_RECEIVER_H
#define FLEXUP_TFTP_RECEIVER_H

#include <pthread.h>
#include <stdatomic.h>

#include "udp.h"

enum {
  BATCH_MAX = 64,        /* blocks or datagrams of one system call */
  PASS_MAX = 16,         /* the same while the main thread hears of each */
  HEARD_MAX = 256,       /* datagrams of one report; more are lost, as on any network */
  DATAGRAM_ROOM = 65536, /* no datagram or super-packet is longer */
  SILENCE_MS = 50,       /* longest sleep of `stream` */
  SPIN_PAUSE_MAX = 1023, /* waits that sleep at once after some that spun for nothing */
  REPORT_HEAD = 5,       /* numbers in a report before the round trips */
  TRIPS_MAX = 512,
  ADDRESS_TEXT_MAX = INET6_ADDRSTRLEN + 1 + IF_NAMESIZE,
};

typedef enum { MAIN, PASS, STREAM, REPORTED, ENDING } Turn;

/* What `stream` was allowed; see `ClientStreamable`. */
typedef struct {
  struct sockaddr_storage peer;
  socklen_t peer_length;
  uint8_t *ring;
  uint64_t ring_bytes; /* of whole blocks */
  uint64_t backlog_max;
  uint64_t blocks_max;
  uint64_t tell_bytes; /* so many are worth the main thread's while */
  uint32_t blksize, windowsize, unacknowledged;
  uint16_t due;
  double acked_at; /* negative where the next block measures no round trip */
  double spin_ms;
} Grant;

typedef struct {
  size_t offset, length; /* in heard_bytes */
  struct sockaddr_storage from;
} Heard;

typedef struct {
  int fd, bell; /* the bell ends a sleep */
  pthread_t thread;
  napi_env env;
  napi_threadsafe_function tell;
  napi_ref ring_reference;

  pthread_mutex_t lock; /* over `turn`, and over everything of the thread's while it has no turn */
  pthread_cond_t go, parked;
  Turn turn;
  atomic_bool interrupt; /* the turn has changed */
  atomic_bool told;      /* the main thread knows that there is something to see */
  _Atomic uint64_t received, written; /* octets since the first block */
  Grant grant;

  uint64_t blocks; /* from here to trips: of the report */
  uint32_t unacknowledged;
  double taken_at, trips[TRIPS_MAX];
  unsigned trip_count, heard_count;
  Heard heard[HEARD_MAX];
  uint8_t *heard_bytes;
  size_t heard_used, heard_room;

  bool super; /* this peer sends super-packets */
  unsigned spin_pause, spin_pause_left;
  uint8_t headers[BATCH_MAX][HEADER_BYTES];
  uint8_t *spill; /* for what does not fit its place, DATAGRAM_ROOM for each message */
  struct iovec parts[3 * BATCH_MAX];
  struct sockaddr_storage from[BATCH_MAX];
  uint8_t control[BATCH_MAX][CMSG_SPACE(sizeof(int))];
  struct mmsghdr messages[BATCH_MAX];
} Receiver;

/* The thread: `data` is its Receiver, whose turn is not yet the thread's. Ends with the turn ENDING. */
void *run_receiver(void *data);

#endif
