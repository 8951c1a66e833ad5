/* The add-on's face: src/runtime/dtls/addon.ts says what each function does. */
#include "dtls.h"

enum { RECORDS_MAX = 64 }; /* plaintexts that one datagram may bring */

static napi_value refuse(napi_env env, const char *what) {
  napi_throw_error(env, NULL, what);
  return NULL;
}

static napi_value undefined_of(napi_env env) {
  napi_value value;
  napi_get_undefined(env, &value);
  return value;
}

static napi_value number_of(napi_env env, int64_t number) {
  napi_value value;
  napi_create_int64(env, number, &value);
  return value;
}

static bool arguments(napi_env env, napi_callback_info info, size_t wanted, napi_value *args) {
  size_t count = wanted;
  return napi_get_cb_info(env, info, &count, args, NULL, NULL) == napi_ok && count == wanted;
}

static bool buffer_of(napi_env env, napi_value value, uint8_t **bytes, size_t *length) {
  void *data = NULL;
  if (napi_get_buffer_info(env, value, &data, length) != napi_ok) return false;
  *bytes = data;
  return true;
}

/* ---- contexts */

static void context_gone(napi_env env, void *data, void *hint) {
  (void)hint;
  Context *context = data;
  if (context->key_of) napi_delete_reference(env, context->key_of);
  context_free(context);
}

static const napi_type_tag context_tag = {0x6a1f0d2c94c54b17u, 0x8f3e1b7a5d90c2e4u}, link_tag = {0x1c7be02d53a94f60u, 0x9d04e6f1aa7c3b58u};

static void *external_of(napi_env env, napi_value value, const napi_type_tag *tag) {
  void *data = NULL;
  bool tagged = false;
  if (napi_check_object_type_tag(env, value, tag, &tagged) != napi_ok || !tagged) return NULL;
  return napi_get_value_external(env, value, &data) == napi_ok ? data : NULL;
}

/* A property's text, to be freed; NULL where there is none. */
static char *text_property(napi_env env, napi_value object, const char *name) {
  napi_value value;
  napi_valuetype type;
  size_t length;
  if (napi_get_named_property(env, object, name, &value) != napi_ok || napi_typeof(env, value, &type) != napi_ok || type != napi_string ||
      napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok)
    return NULL;
  char *text = malloc(length + 1);
  if (text) napi_get_value_string_utf8(env, value, text, length + 1, &length);
  return text;
}

static void forget_text(char *text) {
  if (text) OPENSSL_cleanse(text, strlen(text));
  free(text);
}

static bool take_psk(napi_env env, Context *context, napi_value options) {
  napi_value value;
  napi_valuetype type;
  if (context->is_server) {
    if (napi_get_named_property(env, options, "keyOf", &value) != napi_ok || napi_typeof(env, value, &type) != napi_ok) return false;
    if (type != napi_function) return true;
    context->env = env;
    return napi_create_reference(env, value, 1, &context->key_of) == napi_ok && context_use_psk(context);
  }
  size_t length;
  bool is_buffer = false;
  uint8_t *key;
  if (napi_get_named_property(env, options, "key", &value) != napi_ok || napi_is_buffer(env, value, &is_buffer) != napi_ok) return false;
  if (!is_buffer) return true;
  if (!buffer_of(env, value, &key, &length) || length == 0 || length > sizeof context->key) return false;
  memcpy(context->key, key, length);
  context->key_length = length;
  return napi_get_named_property(env, options, "identity", &value) == napi_ok &&
         napi_get_value_string_utf8(env, value, context->identity, sizeof context->identity, &length) == napi_ok && context_use_psk(context);
}

static bool take_certificate(napi_env env, Context *context, napi_value options) {
  char *certificate = text_property(env, options, "certificate"), *key = text_property(env, options, "privateKey");
  char *authority = text_property(env, options, "authority"), *revoked = text_property(env, options, "revoked");
  const bool good = !certificate || (key && authority && context_use_certificate(context, certificate, key, authority, revoked));
  free(certificate);
  forget_text(key);
  free(authority);
  free(revoked);
  return good;
}

static napi_value new_context(napi_env env, napi_value options, bool is_server) {
  char failure[FAILURE_BYTES] = "";
  Context *context = context_new(is_server, failure, sizeof failure);
  if (!context) return refuse(env, failure);
  napi_value result;
  const char *wrong = NULL;
  if (!take_certificate(env, context, options)) wrong = "certificate, key or authority cannot be used";
  else if (!take_psk(env, context, options)) wrong = "pre-shared key cannot be used";
  else if (!context_finish(context)) wrong = "no credentials";
  else if (is_server && !(context->listener = link_new(context))) wrong = "no memory";
  if (wrong) {
    const unsigned long error = ERR_get_error();
    const char *reason = error ? ERR_reason_error_string(error) : NULL;
    char text[2 * FAILURE_BYTES];
    snprintf(text, sizeof text, "%s%s%s", wrong, reason ? ": " : "", reason ? reason : "");
    ERR_clear_error();
    context_gone(env, context, NULL);
    return refuse(env, text);
  }
  napi_create_external(env, context, context_gone, NULL, &result);
  napi_type_tag_object(env, result, &context_tag);
  return result;
}

static napi_value server(napi_env env, napi_callback_info info) {
  napi_value args[1];
  return arguments(env, info, 1, args) ? new_context(env, args[0], true) : refuse(env, "server(options)");
}

static napi_value client(napi_env env, napi_callback_info info) {
  napi_value args[1];
  return arguments(env, info, 1, args) ? new_context(env, args[0], false) : refuse(env, "client(options)");
}

/* ---- links */

static void link_gone(napi_env env, void *data, void *hint) {
  (void)hint;
  Link *link = data;
  if (link->context_ref) napi_delete_reference(env, link->context_ref);
  link_free(link);
}

/* The link keeps its context alive. */
static napi_value external_link(napi_env env, Link *link, napi_value context) {
  napi_value result;
  napi_create_reference(env, context, 1, &link->context_ref);
  napi_create_external(env, link, link_gone, NULL, &result);
  napi_type_tag_object(env, result, &link_tag);
  return result;
}

static Link *link_of(napi_env env, napi_value value) {
  Link *link = external_of(env, value, &link_tag);
  return link && link->ssl ? link : NULL;
}

static bool take_prefix(napi_env env, napi_value value, Link *link) {
  uint8_t *prefix;
  size_t length;
  if (!buffer_of(env, value, &prefix, &length) || length > sizeof link->prefix) return false;
  memcpy(link->prefix, prefix, length);
  link->prefix_length = length;
  return true;
}

static napi_value outgoing_of(napi_env env, Link *link) {
  napi_value list, bytes;
  napi_create_array_with_length(env, link->outgoing, &list);
  uint32_t at = 0;
  for (const Datagram *datagram = link->first; datagram; datagram = datagram->next) {
    if (napi_create_buffer_copy(env, datagram->length, datagram->bytes, NULL, &bytes) == napi_ok) napi_set_element(env, list, at++, bytes);
  }
  link_forget_outgoing(link);
  return list;
}

/* connect(context, prefix): Link; its first flight waits in `outgoing` */
static napi_value connect_link(napi_env env, napi_callback_info info) {
  napi_value args[2];
  Context *context;
  if (!arguments(env, info, 2, args) || !(context = external_of(env, args[0], &context_tag)) || context->is_server)
    return refuse(env, "connect(context, prefix)");
  Link *link = link_new(context);
  if (!link) return refuse(env, "no memory");
  if (!take_prefix(env, args[1], link)) {
    link_free(link);
    return refuse(env, "prefix");
  }
  uint32_t none;
  link_pump(link, NULL, 0, NULL, 0, &none);
  return external_link(env, link, args[0]);
}

/* listen(context, datagram, peer, prefix): Link once the peer has echoed its cookie, else the datagrams to answer with */
static napi_value listen_for(napi_env env, napi_callback_info info) {
  napi_value args[4];
  uint8_t *bytes, *peer;
  size_t length, peer_length;
  Context *context;
  if (!arguments(env, info, 4, args) || !(context = external_of(env, args[0], &context_tag)) || !context->listener ||
      !buffer_of(env, args[1], &bytes, &length) || !buffer_of(env, args[2], &peer, &peer_length) || peer_length > PEER_BYTES_MAX)
    return refuse(env, "listen(context, datagram, peer, prefix)");
  Link *link = context->listener;
  if (!take_prefix(env, args[3], link)) return refuse(env, "prefix");
  BIO_ADDR *address = BIO_ADDR_new();
  link->in = bytes;
  link->in_length = length;
  context->cookie_peer = peer;
  context->cookie_peer_length = peer_length;
  ERR_clear_error();
  const int heard = address ? DTLSv1_listen(link->ssl, address) : -1;
  BIO_ADDR_free(address);
  napi_value result;
  if (heard <= 0) {
    link->in = NULL;
    link->peek = false;
    ERR_clear_error();
    result = outgoing_of(env, link);
    if (heard < 0) { /* a listener that failed is not trusted to start clean */
      Link *fresh = link_new(context);
      if (fresh) {
        link_free(link);
        context->listener = fresh;
      }
    }
  } else {
    Link *fresh = link_new(context);
    if (!fresh) {
      link->in = NULL;
      return refuse(env, "no memory");
    }
    context->listener = fresh;
    uint32_t none;
    link->early_records = 0;
    link_pump(link, NULL, 0, NULL, 0, &none);
    result = external_link(env, link, args[0]);
  }
  context->cookie_peer = NULL;
  return result;
}

/* receive(link, datagram, report): flags; plaintexts take the datagram's place, report = [count, lengths …] */
static napi_value receive(napi_env env, napi_callback_info info) {
  napi_value args[3];
  uint8_t *bytes;
  size_t length, report_length;
  void *report;
  napi_typedarray_type type;
  if (!arguments(env, info, 3, args) || !buffer_of(env, args[1], &bytes, &length) ||
      napi_get_typedarray_info(env, args[2], &type, &report_length, &report, NULL, NULL) != napi_ok || type != napi_uint32_array ||
      report_length < RECORDS_MAX + 1)
    return refuse(env, "receive(link, datagram, report)");
  uint32_t *counts = report;
  counts[0] = 0;
  Link *link = link_of(env, args[0]);
  if (!link || link->ended || (length = link_admits(link, bytes, length)) == 0) return number_of(env, 0);
  link->in = bytes;
  link->in_length = length;
  return number_of(env, link_pump(link, bytes, length, counts + 1, RECORDS_MAX, counts));
}

/* wake(link): flags; repeats the last flight if its time has come */
static napi_value wake(napi_env env, napi_callback_info info) {
  napi_value args[1];
  if (!arguments(env, info, 1, args)) return refuse(env, "wake(link)");
  Link *link = link_of(env, args[0]);
  if (!link || link->ended) return number_of(env, 0);
  ERR_clear_error();
  unsigned did = 0;
  if (DTLSv1_handle_timeout(link->ssl) < 0) {
    link_fail(link, "no answer");
    did |= DID_FAIL;
  }
  if (link->first) did |= DID_SEND;
  return number_of(env, did);
}

/* wakeInMs(link): until `wake` has something to do; -1: never */
static napi_value wake_in(napi_env env, napi_callback_info info) {
  napi_value args[1];
  if (!arguments(env, info, 1, args)) return refuse(env, "wakeInMs(link)");
  Link *link = link_of(env, args[0]);
  struct timeval left;
  if (!link || link->ended || DTLSv1_get_timeout(link->ssl, &left) != 1) return number_of(env, -1);
  return number_of(env, (int64_t)left.tv_sec * 1000 + (left.tv_usec + 999) / 1000);
}

static napi_value outgoing(napi_env env, napi_callback_info info) {
  napi_value args[1];
  if (!arguments(env, info, 1, args)) return refuse(env, "outgoing(link)");
  Link *link = external_of(env, args[0], &link_tag);
  return link ? outgoing_of(env, link) : refuse(env, "outgoing(link)");
}

/* seal(link, plaintext, into): octets of the datagram in `into`; 0 where the link takes none */
static napi_value seal(napi_env env, napi_callback_info info) {
  napi_value args[3];
  uint8_t *plain, *into;
  size_t length, room;
  if (!arguments(env, info, 3, args) || !buffer_of(env, args[1], &plain, &length) || !buffer_of(env, args[2], &into, &room))
    return refuse(env, "seal(link, plaintext, into)");
  Link *link = link_of(env, args[0]);
  if (!link || !link->established || link->ended || length == 0 || length > SSL3_RT_MAX_PLAIN_LENGTH) return number_of(env, 0);
  link->seal_into = into;
  link->seal_room = room;
  link->seal_length = 0;
  ERR_clear_error();
  const int written = SSL_write(link->ssl, plain, (int)length);
  link->seal_into = NULL;
  ERR_clear_error();
  return number_of(env, written > 0 ? (int64_t)link->seal_length : 0);
}

/* close(link): the close_notify to send */
static napi_value close_link(napi_env env, napi_callback_info info) {
  napi_value args[1];
  if (!arguments(env, info, 1, args)) return refuse(env, "close(link)");
  Link *link = external_of(env, args[0], &link_tag);
  if (!link) return refuse(env, "close(link)");
  if (link->ssl && link->established && !link->ended) SSL_shutdown(link->ssl);
  ERR_clear_error();
  link_release(link);
  return outgoing_of(env, link);
}

/*
 * trusts(context, link): whether the certificate of the link's peer verifies under the context's authorities and revocation lists, now; true
 * for a peer that came with a key.
 */
static napi_value trusts(napi_env env, napi_callback_info info) {
  napi_value args[2], result;
  Context *context;
  if (!arguments(env, info, 2, args) || !(context = external_of(env, args[0], &context_tag))) return refuse(env, "trusts(context, link)");
  Link *link = link_of(env, args[1]);
  napi_get_boolean(env, link && context_trusts(context, link->ssl), &result);
  return result;
}

static void set_text(napi_env env, napi_value object, const char *name, const char *text) {
  napi_value value = undefined_of(env);
  if (text && *text) napi_create_string_latin1(env, text, NAPI_AUTO_LENGTH, &value);
  napi_set_named_property(env, object, name, value);
}

/* describe(link): { identity, commonName, suite, failure } */
static napi_value describe(napi_env env, napi_callback_info info) {
  napi_value args[1], result;
  if (!arguments(env, info, 1, args)) return refuse(env, "describe(link)");
  Link *link = external_of(env, args[0], &link_tag);
  if (!link) return refuse(env, "describe(link)");
  char name[IDENTITY_BYTES_MAX] = "";
  X509 *certificate = link->ssl ? SSL_get1_peer_certificate(link->ssl) : NULL;
  if (certificate) X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
  X509_free(certificate);
  napi_create_object(env, &result);
  set_text(env, result, "identity", link->identity);
  set_text(env, result, "commonName", name);
  set_text(env, result, "suite", link->ssl && link->established ? SSL_get_cipher_name(link->ssl) : NULL);
  set_text(env, result, "failure", link->failure);
  return result;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor methods[] = {
      {"server", NULL, server, NULL, NULL, NULL, napi_enumerable, NULL},
      {"client", NULL, client, NULL, NULL, NULL, napi_enumerable, NULL},
      {"connect", NULL, connect_link, NULL, NULL, NULL, napi_enumerable, NULL},
      {"listen", NULL, listen_for, NULL, NULL, NULL, napi_enumerable, NULL},
      {"receive", NULL, receive, NULL, NULL, NULL, napi_enumerable, NULL},
      {"wake", NULL, wake, NULL, NULL, NULL, napi_enumerable, NULL},
      {"wakeInMs", NULL, wake_in, NULL, NULL, NULL, napi_enumerable, NULL},
      {"outgoing", NULL, outgoing, NULL, NULL, NULL, napi_enumerable, NULL},
      {"seal", NULL, seal, NULL, NULL, NULL, napi_enumerable, NULL},
      {"close", NULL, close_link, NULL, NULL, NULL, napi_enumerable, NULL},
      {"trusts", NULL, trusts, NULL, NULL, NULL, napi_enumerable, NULL},
      {"describe", NULL, describe, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  napi_define_properties(env, exports, sizeof methods / sizeof *methods, methods);
  return exports;
}
