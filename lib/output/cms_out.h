/* cms_out.h - encryption of a stream for the holders of certificates: CMS AuthEnvelopedData with AES-256-GCM, in DER,
 * of any length and in bounded memory (RFC 5083, RFC 5084).
 *
 * `openssl cms -decrypt -inform DER` reads it back, with the key of any of the recipients.  That program takes all of
 * it into its memory, and not more than 2 GiB.
 */
#ifndef ROLLCALL_OUTPUT_CMS_OUT_H
#define ROLLCALL_OUTPUT_CMS_OUT_H

#include "core/error.h"
#include "spec/spec.h"

#include <stddef.h>

struct cms_recipients;
struct cms_out;

/* Loads the first certificate of each file, and refuses (ERROR_INPUT) what nothing can be encrypted for. */
struct cms_recipients *cms_recipients_load(const struct text_list *paths, struct error *error);
void cms_recipients_free(struct cms_recipients *recipients);

/* Begins a message that is written to `fd`, which stays the caller's. */
struct cms_out *cms_out_open(const struct cms_recipients *recipients, int fd, struct error *error);
/* After a failure only cms_out_discard() makes sense. */
bool cms_out_write(struct cms_out *out, const void *bytes, size_t length, struct error *error);
/* Takes it: writes the end. The caller syncs. */
bool cms_out_finish(struct cms_out *out, struct error *error);
/* Takes it: what was written is of no use. NULL is allowed. */
void cms_out_discard(struct cms_out *out);

#endif
