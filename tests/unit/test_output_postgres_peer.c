/* Who counts as this machine: tokens go there in the clear. What is encrypted is in cli/sinks_postgres. */
#include "scratch.h"

#include "output/postgres_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

static struct sockaddr_storage address;
static PGconn *connection;

/* A server that says nothing: to connect is enough for having a peer. */
static int listen_at(const void *at, socklen_t length)
{
    memcpy(&address, at, length);
    const int server = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (server < 0 || bind(server, (struct sockaddr *)&address, length) != 0) {
        if (server >= 0)
            close(server);
        return -1;
    }
    assert_int_equal(listen(server, 1), 0);
    assert_int_equal(getsockname(server, (struct sockaddr *)&address, &length), 0);
    return server;
}

static bool may_carry_tokens(const char *host, in_port_t port)
{
    char where[160];

    snprintf(where, sizeof where, "host=%s port=%u", host, (unsigned)ntohs(port));
    connection = PQconnectStart(where);
    assert_non_null(connection);
    struct pollfd ready = {.fd = PQsocket(connection), .events = POLLOUT};
    if (ready.fd >= 0)
        assert_int_equal(poll(&ready, 1, 10000), 1);
    const bool may = postgres_peer_check(connection, "t", &error);
    PQfinish(connection);
    return may;
}

static void the_loopback_of_ipv4_is_this_machine(void **state)
{
    const struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    (void)state;
    const int server = listen_at(&at, sizeof at);
    assert_true(server >= 0);
    works(may_carry_tokens("127.0.0.1", ((struct sockaddr_in *)&address)->sin_port));
    close(server);
}

static void the_loopback_of_ipv6_is_this_machine(void **state)
{
    const struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};

    (void)state;
    const int server = listen_at(&at, sizeof at);
    if (server < 0)
        skip(); /* a system without IPv6 */
    works(may_carry_tokens("::1", ((struct sockaddr_in6 *)&address)->sin6_port));
    close(server);
}

static void whom_nobody_can_tell_is_not_this_machine(void **state)
{
    (void)state;
    assert_false(may_carry_tokens("/nowhere", htons(1)));
    assert_int_equal(error.code, ERROR_INPUT);
    says("the database of table t is on another machine, and tokens would travel to it in the clear");
    hints("sslmode=verify-full");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_loopback_of_ipv4_is_this_machine),
        cmocka_unit_test(the_loopback_of_ipv6_is_this_machine),
        cmocka_unit_test(whom_nobody_can_tell_is_not_this_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
