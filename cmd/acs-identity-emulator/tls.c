#include "tls.h"

#include "core/file.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VALID_S = 30 * 24 * 60 * 60, BACKDATED_S = 60 * 60 };

static const char file_name[] = "acs-identity-emulator.crt";

static bool add_extension(X509 *certificate, int kind, const char *value)
{
    X509V3_CTX context;

    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    const bool ok = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

#define LOCAL_NAMES "DNS:localhost,IP:127.0.0.1,IP:::1"

static const struct recipe {
    const char *subject;
    const char *names;
    long from_s; /* from now */
    long until_s;
    bool is_authority; /* its own: else the good one is */
} recipes[CERTIFICATE_KINDS] = {
    /* An authority, so that clients that insist on one (Node, Go) take it as such. */
    [CERTIFICATE_GOOD] = {"acs-identity-emulator", LOCAL_NAMES, -BACKDATED_S, VALID_S, true},
    [CERTIFICATE_EXPIRED] = {"expired", LOCAL_NAMES, -2 * BACKDATED_S, -BACKDATED_S, false},
    [CERTIFICATE_OTHER_NAME] = {"other name", "DNS:elsewhere.invalid", -BACKDATED_S, VALID_S, false},
    [CERTIFICATE_SELF_SIGNED] = {"self-signed", LOCAL_NAMES, -BACKDATED_S, VALID_S, true},
};

static bool fill_certificate(X509 *certificate, const struct recipe *recipe, const X509 *authority, EVP_PKEY *key)
{
    uint64_t serial;
    X509_NAME *name = X509_get_subject_name(certificate);

    return RAND_bytes((unsigned char *)&serial, sizeof serial) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) == 1 &&
           X509_set_version(certificate, X509_VERSION_3) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), recipe->from_s) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), recipe->until_s) != NULL &&
           X509_set_pubkey(certificate, key) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)recipe->subject, -1, -1, 0) ==
               1 &&
           X509_set_issuer_name(certificate, recipe->is_authority ? name : X509_get_subject_name(authority)) == 1 &&
           add_extension(certificate, NID_basic_constraints,
                         recipe->is_authority ? "critical,CA:TRUE,pathlen:0" : "critical,CA:FALSE") &&
           add_extension(certificate, NID_key_usage,
                         recipe->is_authority ? "critical,digitalSignature,keyCertSign"
                                              : "critical,digitalSignature") &&
           add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
           add_extension(certificate, NID_subject_key_identifier, "hash") &&
           add_extension(certificate, NID_subject_alt_name, recipe->names) &&
           X509_sign(certificate, key, EVP_sha256()) > 0;
}

/* Copies what was written to a memory BIO. */
static char *text_of(BIO *bio)
{
    char *bytes;
    const long length = BIO_get_mem_data(bio, &bytes);

    return length > 0 ? strndup(bytes, (size_t)length) : NULL;
}

static char *key_text(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    char *text = NULL;

    if (bio != NULL && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1)
        text = text_of(bio);
    BIO_free(bio);
    return text;
}

static char *certificate_text(X509 *certificate)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;

    if (bio != NULL && PEM_write_bio_X509(bio, certificate) == 1)
        text = text_of(bio);
    BIO_free(bio);
    return text;
}

bool certificate_make(struct certificate *certificate, struct error *error)
{
    *certificate = (struct certificate){0};
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *made[CERTIFICATE_KINDS] = {NULL};
    bool ok = key != NULL && (certificate->key_pem = key_text(key)) != NULL;

    for (int kind = 0; kind < CERTIFICATE_KINDS; kind++) {
        made[kind] = X509_new();
        ok = ok && made[kind] != NULL && fill_certificate(made[kind], &recipes[kind], made[CERTIFICATE_GOOD], key) &&
             (certificate->pem[kind] = certificate_text(made[kind])) != NULL;
    }
    for (int kind = 0; kind < CERTIFICATE_KINDS; kind++)
        X509_free(made[kind]);
    EVP_PKEY_free(key);
    if (ok)
        return true;
    certificate_clear(certificate);
    return error_set(error, ERROR_SYSTEM, "cannot make a certificate");
}

static bool make_directory(struct certificate *certificate, struct error *error)
{
    const char *parent = getenv("TMPDIR");

    snprintf(certificate->directory, sizeof certificate->directory, "%s/acs-identity-emulator.XXXXXX",
             parent == NULL || parent[0] == '\0' ? "/tmp" : parent);
    if (mkdtemp(certificate->directory) != NULL)
        return true;
    error_errno(error, "cannot make the directory %s", certificate->directory);
    certificate->directory[0] = '\0';
    return error_hint(error, "name another with --tls-dir");
}

bool certificate_write(struct certificate *certificate, const char *directory, struct error *error)
{
    if (directory == NULL && !make_directory(certificate, error))
        return false;
    const int length = snprintf(certificate->path, sizeof certificate->path, "%s/%s",
                                directory == NULL ? certificate->directory : directory, file_name);
    struct atomic_file *file = NULL;
    if (length > 0 && (size_t)length < sizeof certificate->path)
        file = atomic_file_open(certificate->path, 0644, error);
    else
        error_set(error, ERROR_INPUT, "--tls-dir is too long");
    if (file == NULL) {
        certificate->path[0] = '\0';
        return false;
    }
    atomic_file_write(file, certificate->pem[CERTIFICATE_GOOD], strlen(certificate->pem[CERTIFICATE_GOOD]));
    return atomic_file_commit(file, error);
}

void certificate_clear(struct certificate *certificate)
{
    if (certificate->path[0] != '\0')
        unlink(certificate->path);
    if (certificate->directory[0] != '\0')
        rmdir(certificate->directory);
    if (certificate->key_pem != NULL)
        OPENSSL_cleanse(certificate->key_pem, strlen(certificate->key_pem));
    free(certificate->key_pem);
    for (int kind = 0; kind < CERTIFICATE_KINDS; kind++)
        free(certificate->pem[kind]);
    *certificate = (struct certificate){0};
}
