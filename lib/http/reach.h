/* reach.h - the way to a server: proxies of the environment, authorities to trust, addresses to connect to instead.
 *
 * Proxies are libcurl's own business: https_proxy, HTTPS_PROXY, all_proxy and ALL_PROXY name one, no_proxy and NO_PROXY
 * the hosts without.  What is here keeps plain HTTP off them, and their passwords out of messages.
 */
#ifndef ROLLCALL_HTTP_REACH_H
#define ROLLCALL_HTTP_REACH_H

#include "http/pool.h"

#include <curl/curl.h>

/* curl's list of the pool's connect_to. *list is NULL where there are none. False when out of memory. */
bool reach_connect_to(const struct http_options *options, struct curl_slist **list);
/* Whom to trust: ca_file alone, or SSL_CERT_FILE and SSL_CERT_DIR in place of the system's, as OpenSSL reads them. */
CURLcode reach_trust(CURL *easy, const char *ca_file);
/* The way of one request. Plain HTTP is for this machine: it takes neither a proxy nor another address; `direct` takes
 * no proxy in any case. */
CURLcode reach_route(CURL *easy, const char *url, bool direct, struct curl_slist *connect_to);
/* Takes the server's certificate by its SHA-1 thumbprint alone; the text is borrowed while requests are under way. */
CURLcode reach_pin(CURL *easy, const char *thumbprint);

/* Did the proxy stand in the way: unusable, unknown, or refusing to connect us? A gateway that cannot get through (5xx)
 * does not: that is the server's trouble. */
bool reach_proxy_refused(CURL *easy, CURLcode code, const char *detail);
/* Did one side refuse what the other has to offer in a TLS handshake? That will be so the next time. A handshake that
 * was cut off need not be, nor one that failed for a fault of the server's own. */
bool reach_tls_refused(CURLcode code, const char *detail);
/* libcurl's words for people. It quotes a proxy's address, which may hold a password, where it cannot read it. */
const char *reach_detail(const char *detail, CURLcode code);

#endif
