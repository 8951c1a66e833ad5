/* One DTLS association. OpenSSL reads from and writes to the link itself through a BIO of our own: one write is one datagram. */
#include <pthread.h>
#include <stdio.h>

#include "dtls.h"

enum { RECORD_HEADER_BYTES = 13, RECORD_EPOCH_AT = 3, RECORD_LENGTH_AT = 11 };
/* Waits of a handshake. OpenSSL's own, from 1 s doubling to 60 s, leave 1 % of handshakes undone for 38 s where 20 % is lost. */
enum { FIRST_WAIT_US = 500 * 1000, LONGEST_WAIT_US = 4 * 1000 * 1000 };

/* ---- BIO */

static int take_datagram(BIO *bio, char *into, int room) {
  Link *link = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  if (!link->in || room < 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const size_t length = link->in_length < (size_t)room ? link->in_length : (size_t)room;
  memcpy(into, link->in, length);
  if (!link->peek) link->in = NULL;
  return (int)length;
}

/* A datagram that finds no room is lost, as it may be on its way; the handshake repeats it. */
static int give_datagram(BIO *bio, const char *bytes, int length) {
  Link *link = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  if (length < 0) return -1;
  const size_t whole = link->prefix_length + (size_t)length;
  if (link->seal_into) {
    if (link->seal_length + whole > link->seal_room) return length;
    memcpy(link->seal_into + link->seal_length, link->prefix, link->prefix_length);
    memcpy(link->seal_into + link->seal_length + link->prefix_length, bytes, (size_t)length);
    link->seal_length += whole;
    return length;
  }
  Datagram *datagram = link->outgoing < OUTGOING_MAX ? malloc(sizeof *datagram + whole) : NULL;
  if (!datagram) return length;
  datagram->next = NULL;
  datagram->length = whole;
  memcpy(datagram->bytes, link->prefix, link->prefix_length);
  memcpy(datagram->bytes + link->prefix_length, bytes, (size_t)length);
  if (link->last) link->last->next = datagram;
  else link->first = datagram;
  link->last = datagram;
  link->outgoing++;
  return length;
}

static long control(BIO *bio, int command, long number, void *pointer) {
  (void)pointer;
  Link *link = BIO_get_data(bio);
  switch (command) {
    case BIO_CTRL_DGRAM_SET_PEEK_MODE:
      link->peek = number != 0;
      return 1;
    case BIO_CTRL_FLUSH:
      return 1;
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
      return HANDSHAKE_MTU;
    default:
      return 0;
  }
}

static BIO_METHOD *method;
static void make_method(void) {
  method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "flexup datagrams");
  if (!method) return;
  BIO_meth_set_read(method, take_datagram);
  BIO_meth_set_write(method, give_datagram);
  BIO_meth_set_ctrl(method, control);
}

/* ---- the link */

static unsigned next_wait(SSL *ssl, unsigned wait_us) {
  (void)ssl;
  if (wait_us == 0) return FIRST_WAIT_US;
  return wait_us >= LONGEST_WAIT_US / 2 ? LONGEST_WAIT_US : 2 * wait_us;
}

Link *link_new(Context *context) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, make_method);
  Link *link = calloc(1, sizeof *link);
  if (!link) return NULL;
  link->context = context;
  link->ssl = method ? SSL_new(context->ssl) : NULL;
  BIO *bio = link->ssl ? BIO_new(method) : NULL;
  if (!bio) {
    SSL_free(link->ssl);
    free(link);
    return NULL;
  }
  BIO_set_data(bio, link);
  BIO_set_init(bio, 1);
  SSL_set_bio(link->ssl, bio, bio);
  SSL_set_app_data(link->ssl, link);
  SSL_set_mtu(link->ssl, HANDSHAKE_MTU - PREFIX_BYTES_MAX);
  DTLS_set_timer_cb(link->ssl, next_wait);
  if (context->is_server) SSL_set_accept_state(link->ssl);
  else SSL_set_connect_state(link->ssl);
  return link;
}

void link_forget_outgoing(Link *link) {
  for (Datagram *next = link->first; next;) {
    Datagram *datagram = next;
    next = datagram->next;
    free(datagram);
  }
  link->first = link->last = NULL;
  link->outgoing = 0;
}

void link_release(Link *link) {
  SSL_free(link->ssl);
  link->ssl = NULL;
  link->ended = true;
}

void link_free(Link *link) {
  link_release(link);
  link_forget_outgoing(link);
  free(link);
}

/* Records OpenSSL's first reason as readable text. */
void link_fail(Link *link, const char *what) {
  const unsigned long error = ERR_get_error();
  const char *reason = error ? ERR_reason_error_string(error) : NULL;
  const long verdict = SSL_get_verify_result(link->ssl);
  if (verdict != X509_V_OK) snprintf(link->failure, sizeof link->failure, "%s: certificate: %s", what, X509_verify_cert_error_string(verdict));
  else snprintf(link->failure, sizeof link->failure, "%s: %s", what, reason ? reason : "no reason given");
  ERR_clear_error();
  link->ended = true;
}

/*
 * How much of a datagram OpenSSL may see. Before the handshake completes, OpenSSL would keep up to 100 records of the next epoch, 17 kB
 * each, for anyone who echoed a cookie.
 */
size_t link_admits(Link *link, const uint8_t *datagram, size_t length) {
  if (link->established) return length;
  for (size_t at = 0; at + RECORD_HEADER_BYTES <= length;) {
    const uint8_t *record = datagram + at;
    if ((record[RECORD_EPOCH_AT] != 0 || record[RECORD_EPOCH_AT + 1] != 0) && ++link->early_records > EARLY_RECORDS_MAX) return at;
    at += RECORD_HEADER_BYTES + ((size_t)record[RECORD_LENGTH_AT] << 8 | record[RECORD_LENGTH_AT + 1]);
  }
  return length;
}

static unsigned outcome(Link *link, int result, const char *what) {
  const int error = SSL_get_error(link->ssl, result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return 0;
  if (error == SSL_ERROR_ZERO_RETURN) {
    link->ended = true;
    return DID_CLOSE;
  }
  link_fail(link, what);
  return DID_FAIL;
}

unsigned link_pump(Link *link, uint8_t *into, size_t room, uint32_t *lengths, size_t lengths_max, uint32_t *count) {
  unsigned did = 0;
  size_t used = 0;
  *count = 0;
  ERR_clear_error();
  if (!link->established) {
    const int result = SSL_do_handshake(link->ssl);
    if (result == 1) {
      link->established = true;
      did |= DID_ESTABLISH;
    } else did |= outcome(link, result, "handshake");
  }
  while (link->established && !link->ended && *count < lengths_max && used < room) {
    const int length = SSL_read(link->ssl, into + used, (int)(room - used));
    if (length <= 0) {
      did |= outcome(link, length, "record");
      break;
    }
    lengths[(*count)++] = (uint32_t)length;
    used += (size_t)length;
  }
  link->in = NULL;
  if (link->first) did |= DID_SEND;
  return did;
}
