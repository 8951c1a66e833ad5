/*
 * Delays and drops the packets of one NFQUEUE: what tc-netem does, for kernels without it.
 *
 *     cc -O2 -o net-delay net-delay.c -lnetfilter_queue
 *     net-delay QUEUE DELAY_MS LOSS SEED        LOSS is a probability, 0 to 1
 *
 * All packets wait equally long, so a ring is enough: the first in is the first due.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>

#define RING 65536

struct waiting {
  uint64_t due_ns;
  uint32_t id;
};

static struct waiting ring[RING];
static unsigned head, tail; /* packets head … tail − 1 wait; both run on and are taken modulo RING */
static uint64_t delay_ns;
static double loss;
static struct nfq_q_handle *queue;

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int on_packet(struct nfq_q_handle *q, struct nfgenmsg *message, struct nfq_data *data, void *unused) {
  (void)message;
  (void)unused;
  uint32_t id = ntohl(nfq_get_msg_packet_hdr(data)->packet_id);
  if (drand48() < loss || tail - head == RING) return nfq_set_verdict(q, id, NF_DROP, 0, NULL);
  ring[tail++ % RING] = (struct waiting){now_ns() + delay_ns, id};
  return 0;
}

static void release_due(int timer) {
  uint64_t now = now_ns();
  while (head != tail && ring[head % RING].due_ns <= now) nfq_set_verdict(queue, ring[head++ % RING].id, NF_ACCEPT, 0, NULL);
  struct itimerspec wake = {0};
  if (head != tail) {
    wake.it_value.tv_sec = (time_t)(ring[head % RING].due_ns / 1000000000u);
    wake.it_value.tv_nsec = (long)(ring[head % RING].due_ns % 1000000000u);
  }
  timerfd_settime(timer, TFD_TIMER_ABSTIME, &wake, NULL);
}

int main(int count, char **words) {
  if (count != 5) {
    fprintf(stderr, "net-delay QUEUE DELAY_MS LOSS SEED\n");
    return 2;
  }
  delay_ns = (uint64_t)(atof(words[2]) * 1e6);
  loss = atof(words[3]);
  srand48(atol(words[4]));
  struct nfq_handle *handle = nfq_open();
  if (handle == NULL || (queue = nfq_create_queue(handle, (uint16_t)atoi(words[1]), on_packet, NULL)) == NULL) {
    perror("net-delay: NFQUEUE");
    return 1;
  }
  nfq_set_mode(queue, NFQNL_COPY_META, 0);
  nfq_set_queue_maxlen(queue, RING);
  int socket = nfq_fd(handle), timer = timerfd_create(CLOCK_MONOTONIC, 0), buffer_bytes = 8 << 20;
  setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof buffer_bytes);
  printf("ready\n");
  fflush(stdout);
  static char buffer[1 << 16];
  for (;;) {
    struct pollfd files[2] = {{socket, POLLIN, 0}, {timer, POLLIN, 0}};
    if (poll(files, 2, -1) < 0 && errno != EINTR) return 1;
    ssize_t length;
    while ((length = recv(socket, buffer, sizeof buffer, MSG_DONTWAIT)) > 0) nfq_handle_packet(handle, buffer, (int)length);
    release_due(timer);
  }
}
