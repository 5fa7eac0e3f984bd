#include "output/postgres_peer.h"

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>

static bool is_of_this_machine(int socket)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    switch (getpeername(socket, (struct sockaddr *)&peer, &length) == 0 ? peer.ss_family : AF_UNSPEC) {
    case AF_UNIX: return true;
    case AF_INET: memcpy(&v4, &peer, sizeof v4); return ntohl(v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    case AF_INET6: memcpy(&v6, &peer, sizeof v6); return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
    default: return false;
    }
}

bool postgres_peer_check(PGconn *connection, const char *table, struct error *error)
{
    const SSL *tls = PQsslStruct(connection, "OpenSSL");
    /* Whether it was verified, not what sslmode says: with a sslrootcert, `require` verifies as well. */
    const bool is_verified = tls != NULL && (SSL_get_verify_mode(tls) & SSL_VERIFY_PEER) != 0;

    if (is_of_this_machine(PQsocket(connection)) || is_verified || PQgssEncInUse(connection) != 0)
        return true;
    error_set(error, ERROR_INPUT, "the database of table %s is on another machine, and %s", table,
              tls == NULL ? "tokens would travel to it in the clear" : "its certificate is not verified");
    return error_hint(error, "add sslmode=verify-full and sslrootcert=FILE to its connection string");
}
