/* header.h - a line of an answer's header, as it came from the network. Private to lib/http.
 */
#ifndef ROLLCALL_HTTP_HEADER_H
#define ROLLCALL_HTTP_HEADER_H

#include "http/pool.h"

/* Takes one line of the header block, with or without its line end, in the order of arrival. A header that matters
 * (see struct http_answer) is kept when its value is visible ASCII and has room; one that is not counts as one that is
 * not there: half a number would be another delay, and what is kept is shown on terminals. The last one of a name
 * counts. A status line forgets what came before it: that was an interim answer (100, 103). */
void http_header_take(struct http_answer *answer, const char *line, size_t length);

#endif
