#include "output/cms_out.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

enum { WRITE_BUFFER = 64 * 1024 };

struct cms_recipients {
    size_t count;
    X509 *certificates[];
};

struct cms_out {
    CMS_ContentInfo *message;
    BIO *file;
    BIO *chain; /* ends in `file` */
};

/* Says what OpenSSL said last; or the system, where a write has failed. */
static bool fail(struct error *error, const char *what)
{
    const int saved = errno;
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    ERR_clear_error();
    if (saved != 0) {
        errno = saved;
        return error_errno(error, "%s", what);
    }
    return error_set(error, ERROR_SYSTEM, "%s%s%s", what, reason != NULL ? ": " : "", reason != NULL ? reason : "");
}

/* RSA with OAEP: the older padding, which is the default, tells an attacker who can ask whether it was right. */
static bool add_recipient(CMS_ContentInfo *message, X509 *certificate)
{
    CMS_RecipientInfo *recipient = CMS_add1_recipient_cert(message, certificate, CMS_KEY_PARAM);

    if (recipient == NULL)
        return false;
    if (EVP_PKEY_get_base_id(X509_get0_pubkey(certificate)) != EVP_PKEY_RSA)
        return true;
    EVP_PKEY_CTX *key = CMS_RecipientInfo_get0_pkey_ctx(recipient);
    return EVP_PKEY_CTX_set_rsa_padding(key, RSA_PKCS1_OAEP_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_oaep_md(key, EVP_sha256()) > 0;
}

/* --- certificates --- */

static X509 *load(const char *path, struct error *error)
{
    BIO *file = BIO_new_file(path, "r");

    if (file == NULL) {
        ERR_clear_error();
        error_errno(error, "cannot open %s", path);
        error->code = ERROR_INPUT;
        return NULL;
    }
    X509 *certificate = PEM_read_bio_X509(file, NULL, NULL, NULL);
    ERR_clear_error();
    BIO_free(file);
    if (certificate == NULL) {
        error_set(error, ERROR_INPUT, "%s holds no certificate in PEM form", path);
        error_hint(error,
                   "it begins with -----BEGIN CERTIFICATE-----; "
                   "`openssl x509 -inform DER -in FILE -out %s` converts one",
                   path);
    }
    return certificate;
}

/* Whether something can be encrypted for its key. */
static bool try_certificate(X509 *certificate, const char *path, struct error *error)
{
    CMS_ContentInfo *message = CMS_encrypt(NULL, NULL, EVP_aes_256_gcm(), CMS_BINARY | CMS_STREAM | CMS_PARTIAL);
    const bool usable = message != NULL && add_recipient(message, certificate);

    CMS_ContentInfo_free(message);
    ERR_clear_error();
    if (usable)
        return true;
    error_set(error, ERROR_INPUT, "nothing can be encrypted for the key of %s", path);
    return error_hint(error, "take a certificate with an RSA key or one on an elliptic curve such as P-256");
}

struct cms_recipients *cms_recipients_load(const struct text_list *paths, struct error *error)
{
    struct cms_recipients *recipients = calloc(1, sizeof *recipients + paths->count * sizeof(X509 *));

    if (recipients == NULL) {
        error_no_memory(error);
        return NULL;
    }
    for (size_t i = 0; i < paths->count; i++) {
        recipients->certificates[i] = load(paths->items[i], error);
        recipients->count++;
        if (recipients->certificates[i] == NULL ||
            !try_certificate(recipients->certificates[i], paths->items[i], error)) {
            cms_recipients_free(recipients);
            return NULL;
        }
    }
    return recipients;
}

void cms_recipients_free(struct cms_recipients *recipients)
{
    if (recipients == NULL)
        return;
    for (size_t i = 0; i < recipients->count; i++)
        X509_free(recipients->certificates[i]);
    free(recipients);
}

/* --- the message --- */

static bool begin(struct cms_out *out, const struct cms_recipients *recipients, int fd)
{
    out->message = CMS_encrypt(NULL, NULL, EVP_aes_256_gcm(), CMS_BINARY | CMS_STREAM | CMS_PARTIAL);
    if (out->message == NULL)
        return false;
    for (size_t i = 0; i < recipients->count; i++)
        if (!add_recipient(out->message, recipients->certificates[i]))
            return false;
    BIO *descriptor = BIO_new_fd(fd, BIO_NOCLOSE);
    out->file = BIO_new(BIO_f_buffer());
    if (descriptor == NULL || out->file == NULL || BIO_set_write_buffer_size(out->file, WRITE_BUFFER) <= 0) {
        BIO_free(descriptor);
        return false;
    }
    BIO_push(out->file, descriptor);
    out->chain = BIO_new_CMS(out->file, out->message);
    return out->chain != NULL;
}

struct cms_out *cms_out_open(const struct cms_recipients *recipients, int fd, struct error *error)
{
    struct cms_out *out = calloc(1, sizeof *out);

    if (out == NULL) {
        error_no_memory(error);
        return NULL;
    }
    errno = 0;
    if (begin(out, recipients, fd))
        return out;
    fail(error, "cannot begin to encrypt");
    cms_out_discard(out);
    return NULL;
}

bool cms_out_write(struct cms_out *out, const void *bytes, size_t length, struct error *error)
{
    size_t written = 0;

    errno = 0;
    return length == 0 || (BIO_write_ex(out->chain, bytes, length, &written) == 1 && written == length) ||
           fail(error, "cannot encrypt");
}

bool cms_out_finish(struct cms_out *out, struct error *error)
{
    errno = 0;
    const bool ok = BIO_flush(out->chain) == 1 || fail(error, "cannot encrypt");

    cms_out_discard(out);
    return ok;
}

void cms_out_discard(struct cms_out *out)
{
    if (out == NULL)
        return;
    /* One after the other: the part that OpenSSL put in front must go before the message that it is about. */
    BIO_free_all(out->chain != NULL ? out->chain : out->file);
    CMS_ContentInfo_free(out->message);
    free(out);
}
