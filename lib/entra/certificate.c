/* An application's certificate and its private key, from PEM or PKCS#12. */
#include "entra/entra_internal.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <string.h>
#include <time.h>

/* OpenSSL asks for a password by this; without one, the answer is that there is none. */
static int give_password(char *text, int size, int is_writing, void *context)
{
    const struct secret *password = context;

    (void)is_writing;
    if (!secret_is_set(password) || password->length > (size_t)size)
        return -1;
    memcpy(text, secret_reveal(password), password->length);
    return (int)password->length;
}

static bool load_pem(struct certificate *certificate, const struct secret *content, const struct secret *password)
{
    BIO *bio = BIO_new_mem_buf(content->bytes, (int)content->length);
    X509 *one;

    if (bio == NULL)
        return false;
    certificate->key = PEM_read_bio_PrivateKey(bio, NULL, give_password, (void *)password);
    if (BIO_reset(bio) != 1) {
        BIO_free(bio);
        return false;
    }
    while ((one = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
        if (sk_X509_push(certificate->chain, one) == 0)
            X509_free(one);
    BIO_free(bio);
    return certificate->key != NULL;
}

static bool load_pkcs12(struct certificate *certificate, const struct secret *content, const struct secret *password)
{
    const unsigned char *bytes = (const unsigned char *)content->bytes;
    PKCS12 *store = d2i_PKCS12(NULL, &bytes, (long)content->length);
    X509 *own = NULL;

    if (store == NULL)
        return false;
    const bool ok = PKCS12_parse(store, secret_reveal(password), &certificate->key, &own, &certificate->chain) == 1;
    PKCS12_free(store);
    if (own != NULL && sk_X509_insert(certificate->chain, own, 0) == 0)
        X509_free(own);
    return ok && certificate->key != NULL;
}

/* The certificate of the key is the first of the chain, wherever it stood. */
static bool put_own_first(struct certificate *certificate)
{
    for (int i = 0; i < sk_X509_num(certificate->chain); i++) {
        if (X509_check_private_key(sk_X509_value(certificate->chain, i), certificate->key) != 1)
            continue;
        X509 *own = sk_X509_delete(certificate->chain, i);
        return sk_X509_insert(certificate->chain, own, 0) > 0;
    }
    return false;
}

static bool fault_unreadable(const char *path, bool is_pem, const struct secret *content, const struct secret *password,
                             struct error *error)
{
    const bool is_encrypted = !is_pem || memmem(content->bytes, content->length, "ENCRYPTED", 9) != NULL;

    error_set(error, ERROR_INPUT, "the private key in %s cannot be read", path);
    if (!is_encrypted)
        return error_hint(error, "the file must hold the private key and the certificate, as PEM or PKCS#12");
    if (!secret_is_set(password))
        return error_hint(error, "if it is encrypted, give its password: certificate_password, or "
                                 "AZURE_CLIENT_CERTIFICATE_PASSWORD");
    return error_hint(error, "check its password; a PKCS#12 file of an old tool is converted with `openssl pkcs12 "
                             "-legacy -in FILE -out app.pem -nodes`");
}

static bool check(const struct certificate *certificate, const char *path, struct error *error)
{
    char curve[32] = "";

    if (EVP_PKEY_is_a(certificate->key, "RSA"))
        return true;
    if (EVP_PKEY_is_a(certificate->key, "EC") &&
        EVP_PKEY_get_group_name(certificate->key, curve, sizeof curve, NULL) == 1 && strcmp(curve, "prime256v1") == 0)
        return true;
    error_set(error, ERROR_INPUT, "the private key in %s is of a kind that cannot sign for Entra ID", path);
    return error_hint(error, "use an RSA key, or an EC key on P-256");
}

bool certificate_load(struct certificate *certificate, const char *path, const struct secret *password,
                      struct error *error)
{
    static const char begin[] = "-----BEGIN ";
    struct secret content = {0};
    bool ok = false;

    *certificate = (struct certificate){.chain = sk_X509_new_null()};
    if (certificate->chain == NULL)
        return error_no_memory(error);
    if (!secret_read_mounted(&content, path, FILE_MAX, error))
        goto out;
    const bool is_pem = memmem(secret_reveal(&content), content.length, begin, sizeof begin - 1) != NULL;
    if (!(is_pem ? load_pem(certificate, &content, password) : load_pkcs12(certificate, &content, password))) {
        fault_unreadable(path, is_pem, &content, password, error);
    } else if (!put_own_first(certificate)) {
        error_set(error, ERROR_INPUT, "%s has no certificate that belongs to its private key", path);
        error_hint(error, "put the certificate that was uploaded to the application into the same file");
    } else {
        ok = check(certificate, path, error);
    }
out:
    ERR_clear_error();
    secret_clear(&content);
    if (!ok)
        certificate_clear(certificate);
    return ok;
}

void certificate_clear(struct certificate *certificate)
{
    EVP_PKEY_free(certificate->key);
    sk_X509_pop_free(certificate->chain, X509_free);
    *certificate = (struct certificate){0};
}

int64_t entra_certificate_end_s(const struct entra_credential *credential)
{
    const X509 *own = sk_X509_value(credential->certificate.chain, 0);
    struct tm end;

    return own != NULL && ASN1_TIME_to_tm(X509_get0_notAfter(own), &end) == 1 ? (int64_t)timegm(&end) : 0;
}
