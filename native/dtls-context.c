/* What links of one role share: protocol version, cipher suites, keys, certificates and the cookie (RFC 5415 §2.4.4). */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "dtls.h"

/* Forward secrecy and AEAD first; the CBC suites of RFC 5415 §2.4.4 last, for foreign peers. */
static const char psk_suites[] =
    "ECDHE-PSK-CHACHA20-POLY1305:ECDHE-PSK-AES128-CBC-SHA256:DHE-PSK-AES128-GCM-SHA256:PSK-AES128-GCM-SHA256:"
    "DHE-PSK-AES128-CBC-SHA:PSK-AES128-CBC-SHA";
static const char certificate_suites[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "DHE-RSA-AES128-GCM-SHA256:AES128-GCM-SHA256:DHE-RSA-AES128-SHA:AES128-SHA";
/* id-kp-capwapAC and id-kp-capwapWTP (RFC 5415 §2.4.4.3). */
static const char usage_ac[] = "1.3.6.1.5.5.7.3.18", usage_wtp[] = "1.3.6.1.5.5.7.3.19";

static Link *link_of(SSL *ssl) { return SSL_get_app_data(ssl); }

/* ---- pre-shared keys */

static unsigned server_key(SSL *ssl, const char *identity, unsigned char *key, unsigned key_room) {
  Link *link = link_of(ssl);
  Context *context = link->context;
  if (!identity || strlen(identity) >= sizeof link->identity) return 0;
  strcpy(link->identity, identity);
  napi_env env = context->env;
  napi_handle_scope scope;
  napi_value function, receiver, argument, result;
  unsigned length = 0;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return 0;
  if (napi_get_reference_value(env, context->key_of, &function) == napi_ok && napi_get_undefined(env, &receiver) == napi_ok &&
      napi_create_string_latin1(env, identity, NAPI_AUTO_LENGTH, &argument) == napi_ok &&
      napi_call_function(env, receiver, function, 1, &argument, &result) == napi_ok) {
    void *bytes;
    size_t size;
    bool is_buffer = false;
    if (napi_is_buffer(env, result, &is_buffer) == napi_ok && is_buffer && napi_get_buffer_info(env, result, &bytes, &size) == napi_ok &&
        size <= key_room) {
      memcpy(key, bytes, size);
      length = (unsigned)size;
    }
  }
  napi_close_handle_scope(env, scope);
  return length;
}

static unsigned client_key(SSL *ssl, const char *hint, char *identity, unsigned identity_room, unsigned char *key, unsigned key_room) {
  (void)hint;
  const Context *context = link_of(ssl)->context;
  if (strlen(context->identity) + 1 > identity_room || context->key_length > key_room) return 0;
  strcpy(identity, context->identity);
  memcpy(key, context->key, context->key_length);
  return (unsigned)context->key_length;
}

/* ---- cookie */

static int make_cookie(SSL *ssl, unsigned char *cookie, unsigned *length) {
  const Context *context = link_of(ssl)->context;
  return HMAC(EVP_sha256(), context->cookie_secret, COOKIE_SECRET_BYTES, context->cookie_peer, context->cookie_peer_length, cookie, length) !=
         NULL;
}

static int check_cookie(SSL *ssl, const unsigned char *cookie, unsigned length) {
  unsigned char wanted[EVP_MAX_MD_SIZE];
  unsigned wanted_length;
  return make_cookie(ssl, wanted, &wanted_length) && length == wanted_length && CRYPTO_memcmp(cookie, wanted, length) == 0;
}

/* ---- certificates */

/* OpenSSL's own purposes do not know CAPWAP's key usages, so the purpose is "any" and the usage is checked here. */
static bool has_usage(X509 *certificate, const char *wanted) {
  EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(certificate, NID_ext_key_usage, NULL, NULL);
  bool found = false;
  for (int at = 0; usages && at < sk_ASN1_OBJECT_num(usages) && !found; at++) {
    char text[64];
    found = OBJ_obj2txt(text, sizeof text, sk_ASN1_OBJECT_value(usages, at), 1) > 0 && strcmp(text, wanted) == 0;
  }
  EXTENDED_KEY_USAGE_free(usages);
  return found;
}

static int check_certificate(int trusted, X509_STORE_CTX *store) {
  if (!trusted || X509_STORE_CTX_get_error_depth(store) > 0) return trusted;
  const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
  if (has_usage(X509_STORE_CTX_get_current_cert(store), link_of((SSL *)ssl)->context->peer_usage)) return 1;
  X509_STORE_CTX_set_error(store, X509_V_ERR_INVALID_PURPOSE);
  return 0;
}

static bool use_chain(SSL_CTX *ssl, const char *text) {
  BIO *bio = BIO_new_mem_buf(text, -1);
  X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
  bool good = certificate && SSL_CTX_use_certificate(ssl, certificate) == 1;
  X509_free(certificate);
  for (X509 *next; good && (next = PEM_read_bio_X509(bio, NULL, NULL, NULL));) {
    good = SSL_CTX_add_extra_chain_cert(ssl, next) == 1; /* takes it over */
    if (!good) X509_free(next);
  }
  BIO_free(bio);
  return good;
}

static int no_passphrase(char *into, int room, int writing, void *data) {
  (void)into, (void)room, (void)writing, (void)data;
  return -1;
}

static bool use_key(SSL_CTX *ssl, const char *text) {
  BIO *bio = BIO_new_mem_buf(text, -1);
  EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
  const bool good = key && SSL_CTX_use_PrivateKey(ssl, key) == 1 && SSL_CTX_check_private_key(ssl) == 1;
  EVP_PKEY_free(key);
  BIO_free(bio);
  return good;
}

static bool trust(SSL_CTX *ssl, const char *text) {
  X509_STORE *store = SSL_CTX_get_cert_store(ssl);
  BIO *bio = BIO_new_mem_buf(text, -1);
  unsigned count = 0;
  bool good = true;
  for (X509 *next; good && (next = PEM_read_bio_X509(bio, NULL, NULL, NULL)); count++) {
    good = X509_STORE_add_cert(store, next) == 1 && SSL_CTX_add_client_CA(ssl, next) == 1;
    X509_free(next);
  }
  BIO_free(bio);
  return good && count > 0;
}

static bool distrust(SSL_CTX *ssl, const char *text) {
  X509_STORE *store = SSL_CTX_get_cert_store(ssl);
  BIO *bio = BIO_new_mem_buf(text, -1);
  unsigned count = 0;
  bool good = true;
  for (X509_CRL *next; good && (next = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL)); count++) {
    good = X509_STORE_add_crl(store, next) == 1;
    X509_CRL_free(next);
  }
  BIO_free(bio);
  return good && count > 0 && X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK) == 1;
}

bool context_use_certificate(Context *context, const char *certificate, const char *key, const char *authority, const char *revoked) {
  SSL_CTX *ssl = context->ssl;
  if (!use_chain(ssl, certificate) || !use_key(ssl, key) || !trust(ssl, authority) || (revoked && !distrust(ssl, revoked))) return false;
  SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, check_certificate);
  return SSL_CTX_set_purpose(ssl, X509_PURPOSE_ANY) == 1;
}

bool context_trusts(Context *context, SSL *peer) {
  X509 *certificate = SSL_get1_peer_certificate(peer);
  if (!certificate) return true;
  X509_STORE_CTX *check = X509_STORE_CTX_new();
  const bool good = check && X509_STORE_CTX_init(check, SSL_CTX_get_cert_store(context->ssl), certificate, SSL_get_peer_cert_chain(peer)) == 1 &&
                    X509_verify_cert(check) == 1;
  X509_STORE_CTX_free(check);
  X509_free(certificate);
  ERR_clear_error();
  return good;
}

bool context_use_psk(Context *context) {
  if (context->is_server) SSL_CTX_set_psk_server_callback(context->ssl, server_key);
  else SSL_CTX_set_psk_client_callback(context->ssl, client_key);
  return true;
}

/* ---- the context */

/* SSL_CTX_set_dh_auto picks a group that PSK clients refuse. */
static bool use_dh_group(SSL_CTX *ssl) {
  char group[] = "ffdhe2048";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0), OSSL_PARAM_construct_end()};
  EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
  EVP_PKEY *dh = NULL;
  const bool made = maker && EVP_PKEY_paramgen_init(maker) == 1 && EVP_PKEY_CTX_set_params(maker, parameters) == 1 &&
                    EVP_PKEY_paramgen(maker, &dh) == 1;
  EVP_PKEY_CTX_free(maker);
  if (made && SSL_CTX_set0_tmp_dh_pkey(ssl, dh) == 1) return true;
  EVP_PKEY_free(dh);
  return false;
}

static bool set_up(Context *context) {
  SSL_CTX *ssl = context->ssl = SSL_CTX_new(context->is_server ? DTLS_server_method() : DTLS_client_method());
  if (!ssl) return false;
  /* Encrypt-then-MAC: one forged record would end a CBC link (openssl issues 24972, 25389). */
  SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_ENCRYPT_THEN_MAC |
                               SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_QUERY_MTU | SSL_OP_COOKIE_EXCHANGE);
  SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_read_ahead(ssl, 1); /* a datagram may hold several records */
  SSL_CTX_set_max_cert_list(ssl, HANDSHAKE_MESSAGE_MAX);
  SSL_CTX_set_cookie_generate_cb(ssl, make_cookie);
  SSL_CTX_set_cookie_verify_cb(ssl, check_cookie);
  return SSL_CTX_set_min_proto_version(ssl, DTLS1_2_VERSION) == 1 && SSL_CTX_set_max_proto_version(ssl, DTLS1_2_VERSION) == 1 &&
         RAND_bytes(context->cookie_secret, COOKIE_SECRET_BYTES) == 1 && (!context->is_server || use_dh_group(ssl));
}

Context *context_new(bool is_server, char *failure, size_t failure_bytes) {
  ERR_clear_error();
  Context *context = calloc(1, sizeof *context);
  if (!context) return NULL;
  context->is_server = is_server;
  context->peer_usage = is_server ? usage_wtp : usage_ac;
  if (set_up(context)) return context;
  ERR_error_string_n(ERR_get_error(), failure, failure_bytes);
  context_free(context);
  return NULL;
}

/* Offers the suites for which there are credentials. */
bool context_finish(Context *context) {
  const bool has_certificate = SSL_CTX_get0_certificate(context->ssl) != NULL;
  const bool has_psk = context->is_server ? context->key_of != NULL : context->key_length > 0;
  char suites[sizeof psk_suites + sizeof certificate_suites + 1];
  strcpy(suites, has_psk ? psk_suites : "");
  if (has_psk && has_certificate) strcat(suites, ":");
  if (has_certificate) strcat(suites, certificate_suites);
  return SSL_CTX_set_cipher_list(context->ssl, suites) == 1;
}

void context_free(Context *context) {
  if (context->listener) link_free(context->listener);
  SSL_CTX_free(context->ssl);
  OPENSSL_cleanse(context->key, sizeof context->key);
  free(context);
}
