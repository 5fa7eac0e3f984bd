/* Failures by cause, with what to do; creates in doubt. */
#include "core/text.h"
#include "output/report_internal.h"

#include <stdio.h>
#include <string.h>

enum { IN_DOUBT_OPEN = 10 }; /* a longer list is folded */

/* The first row that fits says what to do; NULL and 0 stand for any. The codes are the service's (acs/answer.c), or
 * ours where no readable answer came. */
static const struct advice {
    const char *outcome;
    const char *code;
    int from; /* status, both ends included */
    int to;
    const char *what;
    const char *text;
} advices[] = {
    {"gone", NULL, 0, 0, "The service does not know the identity",
     "It was deleted by somebody else, or belongs to another resource. With `lost: provision` under `rules` the next "
     "run makes a new one; without it these users stay as they are, and are listed as lost."},
    {"rejected", "tls_untrusted", 0, 0, "There was no safe way to the service",
     "Nothing was sent. The message says whether its certificate was refused, or its TLS. Check the endpoint, the "
     "machine's clock and its certificate authorities; a service with an authority of its own needs "
     "`resource.ca_file`."},
    {"rejected", "no_such_host", 0, 0, "The service's name is not known",
     "Nothing was sent. Check the endpoint in the connection string, and the machine's name server."},
    {"rejected", NULL, 401, 403, "The credential was rejected",
     "The run stopped and failed nobody. Check that the access key or credential is this resource's and has not been "
     "replaced, and the machine's clock; then run again."},
    {"rejected", NULL, 0, 0, "The requests as such were refused",
     "The run stopped and failed nobody. The message says what the service does not accept: correct the job spec and "
     "run again."},
    {"undelivered", NULL, 0, 0, "Tokens did not get where they go",
     "The message says why. Identities are recorded, and the next run issues these tokens again."},
    {NULL, "ValidationError", 0, 0, "The service finds the request not valid",
     "The message names what it does not accept. Correct it in the roster or the job spec, then run again."},
    {NULL, "IdentityNotOwned", 0, 0, "The identity belongs to another resource",
     "Check that job spec and ledger are of the same resource."},
    {NULL, "identity_of_another", 0, 0, "The identity is another user's",
     "The service made it for the same custom id, and the ledger knows it as that of the user whom the message names: "
     "by "
     "an import, perhaps. Give one of the two another key in the roster, and run again."},
    {NULL, "bad_answer", 0, 0, "The answers could not be read",
     "Something between this machine and the service may change them. When that is out of the way, run again."},
    {"transient", NULL, 0, 0, "No good answer in ten attempts",
     "The service or the network failed for these users while it worked for others. Run again; nothing is lost."},
    {"in_doubt", NULL, 0, 0, "No answer in ten attempts to create",
     "Each attempt may have made an identity that nobody knows: see below. Run again; `resource.custom_id: true` makes "
     "a repeated create return the same identity."},
    {"unconfirmed", NULL, 0, 0, "No answer in ten attempts to create",
     "There may be an identity for each of them, which the next run finds by its custom id. Run again."},
    {NULL, NULL, 0, 0, "The service refuses the request",
     "Its message says why. A case for its support needs a request id and, where there is one, the MS-CV."},
};

static const struct advice *advice_for(const struct report_cause *cause)
{
    const struct advice *advice = advices;

    while ((advice->outcome != NULL && strcmp(advice->outcome, cause->outcome) != 0) ||
           (advice->code != NULL && strcmp(advice->code, cause->code) != 0) ||
           (advice->to != 0 && (cause->status < advice->from || cause->status > advice->to)))
        advice++;
    return advice;
}

/* A text in which `this` is code. */
static void add_with_code(struct buffer *page, const char *text)
{
    bool code = false;

    for (const char *end; *text != '\0'; text = *end == '`' ? end + 1 : end) {
        char piece[256];
        end = text + strcspn(text, "`");
        snprintf(piece, sizeof piece, "%.*s", (int)(end - text), text);
        html_add(page, code ? "<code>{}</code>" : "{}", piece);
        code = !code;
    }
}

static void add_examples(struct buffer *page, const struct report_example *examples, size_t listed, const char *caption)
{
    html_add(page,
             "<table class=\"stack\">\n<caption>{}</caption>\n<thead><tr><th scope=\"col\">user</th>"
             "<th scope=\"col\">time</th><th scope=\"col\">request id</th><th scope=\"col\">MS-CV</th></tr></thead>\n"
             "<tbody>\n",
             caption);
    for (size_t i = 0; i < listed; i++)
        html_add(page,
                 "<tr><th scope=\"row\"><bdi>{}</bdi></th><td>{}</td><td><code>{}</code></td><td><code>{}</code></td>"
                 "</tr>\n",
                 examples[i].key, html_time(examples[i].at_ms).text,
                 examples[i].request_id[0] != '\0' ? examples[i].request_id : "\u2013",
                 examples[i].ms_cv[0] != '\0' ? examples[i].ms_cv : "\u2013");
    buffer_append_text(page, "</tbody>\n</table>\n");
}

static void add_cause(struct buffer *page, const struct report_cause *cause, const char *failures)
{
    const struct advice *advice = advice_for(cause);
    const bool rejected = strcmp(cause->outcome, outcome_name(OUTCOME_REJECTED)) == 0;
    const bool undelivered = strcmp(cause->outcome, outcome_name(OUTCOME_UNDELIVERED)) == 0;
    char status[24] = "no answer";
    char caption[64];

    if (cause->status != 0)
        snprintf(status, sizeof status, "HTTP %d", cause->status);
    else if (undelivered)
        snprintf(status, sizeof status, "done");
    html_add(page, "<article class=\"cause\">\n<h3>{} <span class=\"count\">{} {}</span></h3>\n", advice->what,
             html_count(cause->users).text,
             rejected ? text_noun(cause->users, "request", "requests") : text_noun(cause->users, "user", "users"));
    html_add(page, "<p class=\"what\"><code>{}</code>: {}, <code>{}</code>", cause->action, status,
             cause->code[0] != '\0' ? cause->code : "no code");
    if (cause->message[0] != '\0')
        html_add(page, "<br><q><bdi>{}</bdi></q>", cause->message);
    buffer_append_text(page, "</p>\n<p><strong>What to do:</strong> ");
    add_with_code(page, advice->text);
    buffer_append_text(page, "</p>\n");
    if (cause->users > cause->example_count)
        snprintf(caption, sizeof caption, "The first %zu", cause->example_count);
    else
        snprintf(caption, sizeof caption, "All of them");
    html_add(page, "<details>\n<summary>Who</summary>\n");
    add_examples(page, cause->examples, cause->example_count, caption);
    if (cause->users > cause->example_count) {
        html_add(page, "<p>and {} more", html_count(cause->users - cause->example_count).text);
        if (failures != NULL && !rejected && !undelivered)
            html_add(page, ": all of them are in <code>{}</code>", failures);
        buffer_append_text(page, ".</p>\n");
    }
    buffer_append_text(page, "</details>\n</article>\n");
}

void report_failures(struct buffer *page, const struct report_facts *facts, const char *failures)
{
    buffer_append_text(page, "<section aria-labelledby=\"failures\">\n<h2 id=\"failures\">Failures by cause</h2>\n");
    if (facts->cause_count == 0)
        buffer_append_text(page, "<p>None: no user failed.</p>\n");
    for (size_t i = 0; i < facts->cause_count; i++)
        add_cause(page, &facts->causes[i], failures);
    if (facts->other_failures > 0)
        html_add(page, "<p>and {} more, for other causes.</p>\n", html_count(facts->other_failures).text);
    buffer_append_text(page, "</section>\n");
}

void report_in_doubt(struct buffer *page, const struct report_facts *facts)
{
    buffer_append_text(page, "<section aria-labelledby=\"doubt\">\n<h2 id=\"doubt\">In doubt</h2>\n");
    if (facts->in_doubt_count == 0) {
        buffer_append_text(page, "<p>Nothing: every create had its answer.</p>\n</section>\n");
        return;
    }
    html_add(
        page,
        "<p>{} creates whose answer was lost. The service may have made an identity each time; its id is not known, so "
        "it can be found by nobody but the service's support, with these ids and times.</p>\n",
        html_count(facts->in_doubt_count).text);
    html_add(page, "<details{}>\n<summary>Who and when</summary>\n",
             facts->in_doubt_count <= IN_DOUBT_OPEN ? " open" : "");
    add_examples(page, facts->in_doubt, facts->in_doubt_listed, "Creates in doubt");
    if (facts->in_doubt_count > facts->in_doubt_listed)
        html_add(page, "<p>and {} more; <code>rollcall status --json</code> lists all.</p>\n",
                 html_count(facts->in_doubt_count - facts->in_doubt_listed).text);
    buffer_append_text(page, "</details>\n");
    buffer_append_text(page, "</section>\n");
}
