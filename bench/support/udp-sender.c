/*
 * What this machine can send at most without a protocol: one packet, made once, over a connected socket, `sendmmsg` of 64 at a time.
 *
 *     cc -O2 -o udp-sender udp-sender.c
 *     udp-sender ADDRESS PORT PACKET_BYTES PACKETS      prints the seconds that it took
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 64

static double now_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int count, char **words) {
  if (count != 5) {
    fprintf(stderr, "udp-sender ADDRESS PORT PACKET_BYTES PACKETS\n");
    return 2;
  }
  static uint8_t packet[65536];
  struct iovec part = {packet, (size_t)atoi(words[3])};
  struct mmsghdr messages[BATCH] = {0};
  for (int at = 0; at < BATCH; at++) messages[at].msg_hdr = (struct msghdr){.msg_iov = &part, .msg_iovlen = 1};
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[2]))};
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (inet_pton(AF_INET, words[1], &to.sin_addr) != 1 || fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0) {
    perror("udp-sender");
    return 1;
  }
  const double start = now_s();
  for (long left = atol(words[4]); left > 0;) {
    const int sent = sendmmsg(fd, messages, left < BATCH ? (unsigned)left : BATCH, 0);
    if (sent > 0) left -= sent;
    else if (errno != EINTR && errno != ENOBUFS) {
      perror("udp-sender: sendmmsg");
      return 1;
    }
  }
  printf("%.6f\n", now_s() - start);
  return 0;
}
