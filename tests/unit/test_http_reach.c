#include "http/reach.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* As libcurl 7.88 to 8.14 with OpenSSL 3 have put them. */
static const struct {
    CURLcode code;
    bool refused;
    const char *detail;
} ends[] = {
    {CURLE_SSL_CONNECT_ERROR, true, "OpenSSL/3.0.19: error:0A00042E:SSL routines::tlsv1 alert protocol version"},
    {CURLE_SSL_CONNECT_ERROR, true, "OpenSSL/3.0.19: error:0A000410:SSL routines::sslv3 alert handshake failure"},
    {CURLE_SSL_CONNECT_ERROR, true, "OpenSSL/3.0.19: error:0A000458:SSL routines::tlsv1 unrecognized name"},
    {CURLE_SSL_CONNECT_ERROR, true, "OpenSSL/3.0.19: error:0A00010B:SSL routines::wrong version number"},
    {CURLE_SSL_CONNECT_ERROR, true, "TLS connect error: error:0A000102:SSL routines::unsupported protocol"},
    {CURLE_SSL_CONNECT_ERROR, false, "OpenSSL/3.0.19: error:0A000126:SSL routines::unexpected eof while reading"},
    {CURLE_SSL_CONNECT_ERROR, false, "OpenSSL/3.0.19: error:0A000438:SSL routines::tlsv1 alert internal error"},
    {CURLE_SSL_CONNECT_ERROR, false,
     "OpenSSL/3.0.19: error:0A000119:SSL routines::decryption failed or bad record mac"},
    {CURLE_SSL_CONNECT_ERROR, false, "OpenSSL SSL_connect: SSL_ERROR_SYSCALL in connection to localhost:443 "},
    {CURLE_SSL_CONNECT_ERROR, false, "Recv failure: Connection reset by peer"},
    {CURLE_SSL_CONNECT_ERROR, false, ""},
    {CURLE_RECV_ERROR, false, "OpenSSL SSL_read: error:0A000410:SSL routines::sslv3 alert handshake failure, errno 0"},
};

static void a_handshake_is_refused_by_what_one_side_has_to_offer_and_by_nothing_that_passes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        print_message("%s\n", ends[i].detail);
        assert_int_equal(reach_tls_refused(ends[i].code, ends[i].detail), ends[i].refused);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_handshake_is_refused_by_what_one_side_has_to_offer_and_by_nothing_that_passes),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
