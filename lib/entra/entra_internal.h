/* entra_internal.h - what the files of lib/entra share: a credential, its links, and what they are made of. */
#ifndef ROLLCALL_ENTRA_ENTRA_INTERNAL_H
#define ROLLCALL_ENTRA_ENTRA_INTERNAL_H

#include "entra/entra.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

/* What the token is for [S 1]: with two slashes, because the resource's name ends in one. */
#define ENTRA_RESOURCE "https://communication.azure.com/"
#define ENTRA_SCOPE ENTRA_RESOURCE "/.default"

enum {
    BODY_MAX = 64 * 1024,
    TARGET_MAX = 8 * 1024,
    HEADER_MAX = 8 * 1024,
    LINKS_MAX = 4,
    SAID_SIZE = 240, /* what a link of the chain said; four of them fit a message */
    FILE_MAX = 64 * 1024,
};

/* A variable that is set and not empty; else NULL. (settings.c) */
const char *value_of(const char *(*variable)(const char *name), const char *name);

/* --- certificates and assertions (certificate.c, assertion.c) --- */

struct certificate {
    EVP_PKEY *key;
    STACK_OF(X509) * chain; /* the certificate of the key first */
};

/* PEM or PKCS#12; a password that is not needed is ignored. ERROR_INPUT. */
bool certificate_load(struct certificate *certificate, const char *path, const struct secret *password,
                      struct error *error);
void certificate_clear(struct certificate *certificate);

struct assertion {
    const char *audience; /* the token endpoint */
    const char *client_id;
    const char *id; /* unique */
    int64_t now_s;
    bool for_adfs;    /* RS256 with x5t, which is what it takes */
    bool sends_chain; /* x5c */
};

/* A signed JWT, private_key_jwt of [S 4]. ERROR_SYSTEM when OpenSSL fails. */
bool assertion_append(struct buffer *buffer, const struct certificate *certificate, const struct assertion *assertion,
                      struct error *error);

/* --- where a managed identity's tokens come from (identity_source.c) --- */

enum entra_selector { SELECT_NONE, SELECT_CLIENT_ID, SELECT_OBJECT_ID, SELECT_RESOURCE_ID };
enum { SELECTORS = SELECT_RESOURCE_ID + 1 };

struct identity_source {
    const char *name;          /* "Azure Arc" */
    const char *endpoint;      /* of the variable, or the usual one */
    const char *path;          /* appended to the endpoint; "" where it has one itself */
    const char *version;       /* api-version; NULL: a form is posted */
    const char *secret_header; /* and its value, `secret`; NULL: Metadata: true */
    const char *secret;
    const char *thumbprint;           /* NULL: none */
    const char *selectors[SELECTORS]; /* the parameter for each way to name an identity; NULL: not possible */
    const char *usual;                /* the variable with the client id where no identity was named; NULL: none */
    bool is_imds;
    bool challenges; /* Azure Arc: reads a file to show that it may */
    bool retries_404;
};

/* The one that the variables, or the machine, speak of [S 6]. */
void identity_source_find(struct identity_source *source, const char *(*variable)(const char *name));

/* --- the credential --- */

enum phase {
    PHASE_ASK,       /* for the token */
    PHASE_PROBE,     /* whether there is anybody to ask */
    PHASE_CHALLENGE, /* for the token, with what the challenge wanted */
};

/* What came of an attempt of one link. */
enum link_end {
    GOT_TOKEN,
    NEXT_PHASE,
    NOT_THERE, /* this way in does not exist here: a chain goes on with the next */
    REFUSED,
    TROUBLE,
};

struct entra_credential {
    /* What it was given, or found; malloc'd, NULL for none. */
    char *tenant_id;
    char *client_id;
    char *token_file;
    char *authority; /* "https://login.microsoftonline.com" */
    char *identity;  /* of a user-assigned managed identity */
    enum entra_selector selector;
    bool identity_is_asked_for; /* by name, so that a host that knows no other than its own is an error */
    struct secret client_secret;
    struct certificate certificate;
    bool sends_chain;
    const char *(*variable)(const char *name);

    /* The ways to a token, in their order; only default has more than one. */
    bool is_default;
    enum entra_kind links[LINKS_MAX];   /* ENTRA_ENVIRONMENT and ENTRA_DEFAULT are none */
    enum entra_kind names[LINKS_MAX];   /* what each is called */
    char missing[LINKS_MAX][SAID_SIZE]; /* why it cannot be tried; "" */
    size_t link_count;
    bool probes; /* whether there is a managed identity at all, before it is asked for */

    /* Of the sign-in at hand. */
    size_t link;
    enum phase phase;
    unsigned tries;
    enum entra_step step;
    struct entra_request request;
    const char *command[10]; /* NULL at the end */
    int64_t wait_ms;
    struct identity_source source;
    char challenge_file[256];
    struct entra_token token;
    enum entra_failure failure;
    struct error error;
    int64_t retry_after_ms;
    char said[LINKS_MAX][SAID_SIZE];
    bool has_succeeded; /* ever: then the link that did is used alone */
};

void request_init(struct entra_request *request);
/* Begins it anew. */
void request_start(struct entra_request *request, const char *method, enum entra_route route);
void request_add_header(struct entra_request *request, const char *name, const char *value);
void request_clear(struct entra_request *request);

/* --- the links: each builds what is to be done, and reads what came of it --- */

/* False: it cannot be asked; the error says why. */
bool application_ask(struct entra_credential *credential, int64_t now_s, struct error *error);
enum link_end application_read(struct entra_credential *credential, const struct entra_answer *answer, int64_t now_s);
/* After how long the next try; -1: no more of them. */
int64_t application_retry_ms(const struct entra_credential *credential, const struct entra_answer *answer);

bool identity_ask(struct entra_credential *credential, struct error *error);
enum link_end identity_read(struct entra_credential *credential, const struct entra_answer *answer, int64_t now_s);
int64_t identity_retry_ms(const struct entra_credential *credential, const struct entra_answer *answer);

/* False: it is none that Azure Arc makes, or of a file that is none of its keys. */
bool arc_read_challenge(struct entra_credential *credential, const char *challenge);
bool arc_add_proof(struct entra_credential *credential, struct error *error);

void cli_ask(struct entra_credential *credential);
enum link_end cli_read(struct entra_credential *credential, const struct entra_run *run, int64_t now_s);

/* --- answers (answer.c, advice.c) --- */

/* Who wrote the answer decides how its end is told. */
enum token_form { FORM_ENTRA, FORM_IDENTITY, FORM_CLI };

/* False when it is not one; the error says what is wrong with it. */
bool token_read(enum token_form form, const char *body, size_t length, int64_t date_s, struct entra_token *token,
                struct error *error);

enum { COMPLAINT_CODE_SIZE = 64, COMPLAINT_TEXT_SIZE = 384 };

/* What an error's body says, in whichever form; "" where it says nothing. */
struct complaint {
    char code[COMPLAINT_CODE_SIZE]; /* "invalid_client" */
    char text[COMPLAINT_TEXT_SIZE]; /* without what is for nobody's eyes */
    char trace[COMPLAINT_CODE_SIZE];
};

void complaint_read(const char *bytes, size_t length, struct complaint *complaint);
/* What to do about an AADSTS code in the text; NULL where nothing better is known. */
const char *advice_for(const char *text);

/* --- texts --- */

/* Percent-encodes all but what RFC 3986 calls unreserved. */
void append_encoded(struct buffer *buffer, const char *text);
/* RFC 4648's URL alphabet without padding, and the standard one with it. */
void append_base64url(struct buffer *buffer, const void *bytes, size_t length);
void append_base64(struct buffer *buffer, const void *bytes, size_t length);
/* Splits "https://host:port/path" into "https://host:port", which is checked for size, and "/path". */
bool split_url(const char *url, char origin[ENTRA_ORIGIN_SIZE], const char **path);
/* Plain HTTP may go to this machine and to what surrounds it (link-local and private addresses), where the endpoints of
 * managed identities are. */
bool is_near_address(const char *url);

#endif
