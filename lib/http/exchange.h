/* exchange.h - one request and its answer, on one of libcurl's easy handles, which is kept for the next one. */
#ifndef ROLLCALL_HTTP_EXCHANGE_H
#define ROLLCALL_HTTP_EXCHANGE_H

#include "core/buffer.h"
#include "http/pool.h"

#include <curl/curl.h>

struct exchange {
    CURL *easy;
    unsigned sent; /* how often libcurl came to the point of sending; more than once is forbidden */
    struct buffer body;
    struct buffer answer_body;
    struct curl_slist headers[HTTP_HEADERS_MAX];
    struct buffer header_texts[HTTP_HEADERS_MAX];
    char curl_detail[CURL_ERROR_SIZE];
    struct http_answer answer;
};

/* The exchange must not move from here on: libcurl knows its place. When it failed it is to be closed as well. */
bool exchange_open(struct exchange *exchange, const struct http_options *options);
void exchange_close(struct exchange *exchange);

/* Prepares the handle for the request. */
bool exchange_begin(struct exchange *exchange, const struct http_options *options, struct curl_slist *connect_to,
                    const struct http_request *request, struct error *error);
/* Fills the answer; `code` is how it ended. */
void exchange_end(struct exchange *exchange, CURLcode code);
/* Wipes the answer's body. */
void exchange_forget(struct exchange *exchange);

#endif
