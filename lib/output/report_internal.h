/* report_internal.h - the parts of the page. Each appends one section. */
#ifndef ROLLCALL_OUTPUT_REPORT_INTERNAL_H
#define ROLLCALL_OUTPUT_REPORT_INTERNAL_H

#include "output/html.h"
#include "output/report_facts.h"

/* The style sheet, in pieces; the last one is NULL. */
extern const char *const report_style[];

void report_rate(struct buffer *page, const struct report_facts *facts);
void report_latency(struct buffer *page, const struct report_facts *facts);
void report_tokens(struct buffer *page, const struct report_facts *facts);
void report_failures(struct buffer *page, const struct report_facts *facts, const char *failures);
void report_in_doubt(struct buffer *page, const struct report_facts *facts);

#endif
