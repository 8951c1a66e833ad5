/* DTLS 1.2 endpoints over memory: datagrams in, datagrams and plaintext out. No socket, no thread, no timer of its own. */
#ifndef FLEXUP_DTLS_H
#define FLEXUP_DTLS_H

#include <node_api.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
  PSK_BYTES_MAX = 64,
  IDENTITY_BYTES_MAX = 64, /* with the terminating zero */
  COOKIE_SECRET_BYTES = 32,
  PEER_BYTES_MAX = 64, /* what a cookie is bound to: an address and port as text */
  PREFIX_BYTES_MAX = 4,
  HANDSHAKE_MTU = 1200,         /* octets of a datagram of a handshake: passes tunnels that carry IPv6 */
  OUTGOING_MAX = 64,            /* datagrams that one link may leave behind in one call */
  EARLY_RECORDS_MAX = 16,       /* records of the next epoch that a handshake may see: OpenSSL keeps those that come early, 17 kB each */
  HANDSHAKE_MESSAGE_MAX = 16384,
  FAILURE_BYTES = 160,
};

/* What a call on a link did; flags, see src/runtime/dtls/addon.ts. */
enum { DID_SEND = 1, DID_ESTABLISH = 2, DID_CLOSE = 4, DID_FAIL = 8 };

typedef struct Link Link;

/* One role with its credentials; shared by its links. */
typedef struct {
  SSL_CTX *ssl;
  bool is_server;
  /* Server: JS function (identity) => key or undefined, called during a handshake. */
  napi_env env;
  napi_ref key_of;
  /* Client. */
  char identity[IDENTITY_BYTES_MAX];
  uint8_t key[PSK_BYTES_MAX];
  size_t key_length;
  const char *peer_usage; /* OID of the extended key usage that a peer's certificate must name */
  uint8_t cookie_secret[COOKIE_SECRET_BYTES];
  const uint8_t *cookie_peer; /* the sender of the ClientHello that is being judged */
  size_t cookie_peer_length;
  Link *listener;
} Context;

typedef struct Datagram {
  struct Datagram *next;
  size_t length;
  uint8_t bytes[];
} Datagram;

struct Link {
  SSL *ssl; /* NULL after `close` */
  Context *context;
  napi_ref context_ref;
  /* The datagram that is being read, until OpenSSL has taken it. */
  const uint8_t *in;
  size_t in_length;
  bool peek;
  /* Where `seal` wants its record; NULL: datagrams queue up. */
  uint8_t *seal_into;
  size_t seal_room, seal_length;
  Datagram *first, *last;
  unsigned outgoing;
  unsigned early_records;
  bool established, ended;
  uint8_t prefix[PREFIX_BYTES_MAX];
  size_t prefix_length;
  char identity[IDENTITY_BYTES_MAX];
  char failure[FAILURE_BYTES];
};

/* dtls-context.c */
Context *context_new(bool is_server, char *failure, size_t failure_bytes);
bool context_use_psk(Context *context);
/* PEM texts; `revoked` (CRLs) may be NULL. */
bool context_use_certificate(Context *context, const char *certificate, const char *key, const char *authority, const char *revoked);
bool context_finish(Context *context);
/* Whether the certificate of an established peer would be taken by this context too. */
bool context_trusts(Context *context, SSL *peer);
void context_free(Context *context);

/* dtls-link.c */
Link *link_new(Context *context);
void link_free(Link *link);
void link_release(Link *link); /* frees OpenSSL's part */
void link_forget_outgoing(Link *link);
/* Drives handshake and reading; plaintexts go to `into` one after the other, their lengths to `lengths`. */
unsigned link_pump(Link *link, uint8_t *into, size_t room, uint32_t *lengths, size_t lengths_max, uint32_t *count);
size_t link_admits(Link *link, const uint8_t *datagram, size_t length);
void link_fail(Link *link, const char *what);

#endif
