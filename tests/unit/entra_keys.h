/* entra_keys.h - keys and certificates that were made for the tests alone, with openssl req. */
#ifndef ROLLCALL_TESTS_ENTRA_KEYS_H
#define ROLLCALL_TESTS_ENTRA_KEYS_H

static const char rsa_key[] = "-----BEGIN PRIVATE KEY-----\n"
                              "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDV7VlNEosTSjwa\n"
                              "7q8lBUB/mAQrqachJKIZKpSB9ZTKdqJIOygAGJAw2ZBpPa5e+c5WB0xS+y37TFxb\n"
                              "/8gj8RYhbdeUkY2vxI4Z1HQLrx7NIkzbDiWORdVuNL9yTZ6jpDdMUeh+62GdiHds\n"
                              "IMv1EnF+ibzshvylJJHm+yzGa01XwPgzOS/4UAMOZNtBg3JkBGp1XEPMgUH9YLjI\n"
                              "aiTLdGHxhZS+DJDFAm9TJ6lju5NHV65hrKCj/T8OjrbQuP6SviSW/U1dN6MQ+alL\n"
                              "MG/LbIk53W4/PdqZe0cSW0C2N1BqIQiw54LYcwwFqrgcROCPTENJENHktOMnGx7f\n"
                              "pfgYrXPZAgMBAAECggEAB/QJiGSCmCZ/4o5yI4G0+qlnqknl5UUL47yiBczgCcDs\n"
                              "Wpwcahh/r9k+1bLN20kVQzyFOWaOOJQHsQHq6m8pn/eJ9sOMjXbUw6AS6mZJ0l2O\n"
                              "luxJOCdffnfmkDTTi4js52D6MFHG8Mjki7gSbRuQ7Z/oTrDcDrWz2O8IpJ3To8n+\n"
                              "5KLPGN6aS1L4DP1H+2liXQQ0MzRNg8X4yPDpTH+Akjf03XnV5v5lOHJJuNZADqee\n"
                              "YE5FUw2Rc6bcKaL1gElfNXSA0QFuUNZfJmnHUK9A/ZztLY3E7+h8H4+c+8F+pmQw\n"
                              "vOwoeM+WL4xL7I5E7aDTwFvJI/CZeFORdcBYkjw1gwKBgQD1ZyxJmtThxYQZ3l5W\n"
                              "V/rj3ZFIWxByFP5ja4YBOc396r7QjkTRWz6aAeJUiLAjGKXwKNH1f8IGMF8jCkwY\n"
                              "Q3lUH1fNxgo6aX3Tm55EjIMO9QnP07e/Y4DJdNSmY6YFcEi+bBzWVSKXe9ATeKeH\n"
                              "+dyyjgluMMHIGHWa1N1CQpUSgwKBgQDfKjkpbsvbry/wGD+kdWH2+XJ919RyY3k7\n"
                              "ePn30TzKE9rF7WiEA8O0qF82lS1IDl4AAMjYf0jhbXeELDlmyG0pRMVbtWlDpE/d\n"
                              "YOHJe6/hq6Ul2w9TuB1D4A/e11L/O71hARX3e5Xn8T5bNipMJNPrLN3woQMV6qgP\n"
                              "VGeyrPvhcwKBgB7hf9I3WKiciVYUBH0LDzhTbm/TfctNVwG9yxwmYQSd4Ksv6/sI\n"
                              "Z2VL7WZD2R5hgKgrCtjA3fKXbbFkH1VCUGdElnD/hdP56GqTf6QSpn9gWH69nrbH\n"
                              "17ICMKxLh93RVmYYBrz186dqXjHFEhfrWllhxFAIdKowYcQ9Gya2aDnvAoGBAJxr\n"
                              "jAVuk5U4BfHUDUfIvxHNZmKulUpYTvFQqmT5VBKQOBfjgA6IVPSbz6ECjuqip2B5\n"
                              "LE4TaZIYmF0cYl+YvGrguTS+wzmWQiR5c8k12OHk3azbDrMvqdOZiYY4hwQ/a05C\n"
                              "5JLDHR+mCH8GSD920NNWb3nqYa9K+uFD2Ct09FfhAoGAa7U4IgmNlNxblZAwYMOZ\n"
                              "BPJZnzDM9LFeGs0QRY2mzYXZFxtpliQyjPZwO/v7g9vNpYXKt+Iyte+JeUBfyJoL\n"
                              "UhbScJdTicVKs1LrLjPy37B6UD37ypoSf6I3t3GLGCu6r1nzP7k1HmCg/H/Eb0r9\n"
                              "U+7+xAOwZhX8shVr9dc+wL8=\n"
                              "-----END PRIVATE KEY-----\n";

static const char rsa_certificate[] = "-----BEGIN CERTIFICATE-----\n"
                                      "MIIDEzCCAfugAwIBAgIUa+zZTLUcFO6A57SOf6EaYFkfDuEwDQYJKoZIhvcNAQEL\n"
                                      "BQAwGDEWMBQGA1UEAwwNcm9sbGNhbGwgdGVzdDAgFw0yNjExMjQwNzMzNDBaGA8y\n"
                                      "MTI2MTAzMTA3MzM0MFowGDEWMBQGA1UEAwwNcm9sbGNhbGwgdGVzdDCCASIwDQYJ\n"
                                      "KoZIhvcNAQEBBQADggEPADCCAQoCggEBANXtWU0SixNKPBruryUFQH+YBCuppyEk\n"
                                      "ohkqlIH1lMp2okg7KAAYkDDZkGk9rl75zlYHTFL7LftMXFv/yCPxFiFt15SRja/E\n"
                                      "jhnUdAuvHs0iTNsOJY5F1W40v3JNnqOkN0xR6H7rYZ2Id2wgy/UScX6JvOyG/KUk\n"
                                      "keb7LMZrTVfA+DM5L/hQAw5k20GDcmQEanVcQ8yBQf1guMhqJMt0YfGFlL4MkMUC\n"
                                      "b1MnqWO7k0dXrmGsoKP9Pw6OttC4/pK+JJb9TV03oxD5qUswb8tsiTndbj892pl7\n"
                                      "RxJbQLY3UGohCLDngthzDAWquBxE4I9MQ0kQ0eS04ycbHt+l+Bitc9kCAwEAAaNT\n"
                                      "MFEwHQYDVR0OBBYEFPnnszrCJVOodGwg6NbO6DGwRfXkMB8GA1UdIwQYMBaAFPnn\n"
                                      "szrCJVOodGwg6NbO6DGwRfXkMA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQEL\n"
                                      "BQADggEBAA3oQPBMpKlGT6bPP0M8PCaxNx29A9zDf+IXSDJTvojHGhG670ilbNIK\n"
                                      "baa6nTAactphydNlA2v6fC2IBruebxwgLcZ/ct1vgnR6bwOH+4abdLbrYKDqs0PK\n"
                                      "CQncKI5tGGaXlvKMJ4wUg7nlMa7hhmsk0wf4KMvhHwwZK3rpSTUPvSWvdARa07hp\n"
                                      "bE3j8oXKTR6EgPdPeATn4rMj5JqX8igYysHRCrwyzTzD1VDdSalOyr8KEvoC8Ixz\n"
                                      "GGAM3Zb09pwilb3UzP8LeJbFyJmG5OLvi1x4N/RrLefjf1mLUqXxM2SdKKiTBhJA\n"
                                      "8TqKvAAkyvEF/Ex3skn5/tPJtmk8f8E=\n"
                                      "-----END CERTIFICATE-----\n";

static const char ec_key[] = "-----BEGIN PRIVATE KEY-----\n"
                             "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjm2cMiTs00+lBBCI\n"
                             "RYjFg0jzgDGrGAKtLCHQrHEVkJehRANCAARHo5qV5KSiwv1vnUGMHgVFnN3/9qSP\n"
                             "8RTToHaM/G/Sr61hS4vma/btKU8JfuB/sz7GljD8YkOiulErhivu4hvc\n"
                             "-----END PRIVATE KEY-----\n";

static const char ec_certificate[] = "-----BEGIN CERTIFICATE-----\n"
                                     "MIIBjTCCATOgAwIBAgIUOyjhqSQv5LHJiLlUUlzA6VnC/yswCgYIKoZIzj0EAwIw\n"
                                     "GzEZMBcGA1UEAwwQcm9sbGNhbGwgdGVzdCBlYzAgFw0yNjExMjQwNzMzNDBaGA8y\n"
                                     "MTI2MTAzMTA3MzM0MFowGzEZMBcGA1UEAwwQcm9sbGNhbGwgdGVzdCBlYzBZMBMG\n"
                                     "ByqGSM49AgEGCCqGSM49AwEHA0IABEejmpXkpKLC/W+dQYweBUWc3f/2pI/xFNOg\n"
                                     "doz8b9KvrWFLi+Zr9u0pTwl+4H+zPsaWMPxiQ6K6USuGK+7iG9yjUzBRMB0GA1Ud\n"
                                     "DgQWBBQXoVx+arMDoud605Zutg3SywqT/jAfBgNVHSMEGDAWgBQXoVx+arMDoud6\n"
                                     "05Zutg3SywqT/jAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIQCE\n"
                                     "e6tejEgHXDAZxvHsnkB7FOVhM9E+hUjlkBNYk1bsngIgEGS4zSa+XNF6uLlgdRsX\n"
                                     "xaF2WNKVPOkv3zjCx3gIDOs=\n"
                                     "-----END CERTIFICATE-----\n";

static const char ec384_key[] = "-----BEGIN PRIVATE KEY-----\n"
                                "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDBokvTRFGxCUmmYKj5Y\n"
                                "BC9Rrq2h1yBGM/YxNzZD5EVALqeR6fa138P5E7BXeRcMBDuhZANiAARHjHWnJJuS\n"
                                "3owcFA2Qd3/kopPtv8scue8PHJA7A3T30+Dvke44WFHfYsxDqp2JdXi7jwmDKrHc\n"
                                "+EvhYL6ZXJTuJPjGim/in6oqfd4tOwG3GtWqwIw+3M8PZV2jxfqEjQI=\n"
                                "-----END PRIVATE KEY-----\n";

static const char ec384_certificate[] = "-----BEGIN CERTIFICATE-----\n"
                                        "MIIBsjCCATigAwIBAgIUOOKNZZzkTzq9QzrH9Q5gSjCWBpEwCgYIKoZIzj0EAwIw\n"
                                        "DzENMAsGA1UEAwwEcDM4NDAgFw0yNjExMjQwNzMzNDBaGA8yMTI2MTAzMTA3MzM0\n"
                                        "MFowDzENMAsGA1UEAwwEcDM4NDB2MBAGByqGSM49AgEGBSuBBAAiA2IABEeMdack\n"
                                        "m5LejBwUDZB3f+Sik+2/yxy57w8ckDsDdPfT4O+R7jhYUd9izEOqnYl1eLuPCYMq\n"
                                        "sdz4S+FgvplclO4k+MaKb+Kfqip93i07Abca1arAjD7czw9lXaPF+oSNAqNTMFEw\n"
                                        "HQYDVR0OBBYEFM8qDWcgiON4/gyoP2JYb4tDQDdxMB8GA1UdIwQYMBaAFM8qDWcg\n"
                                        "iON4/gyoP2JYb4tDQDdxMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDaAAw\n"
                                        "ZQIxAMB3+vQh7tEOQk5TIxACwAnaXri+gP46I+9XTDmTdWKqX4FxHGdnf0RubFIv\n"
                                        "TDFN/QIwJOcIaUuaZN8JKZuc0hk39QhEe46uWU9jJt8rYCMmjRgtshwJ+vYshQov\n"
                                        "s2/5OEB5\n"
                                        "-----END CERTIFICATE-----\n";

/* Of the RSA certificate, by openssl x509 and openssl dgst. */
static const char rsa_x5t[] = "o0ng9_f5I_3Hy7TH7_X1MDmZlIc";
static const char rsa_x5t_s256[] = "DfhbvGbDH6BxoVJOpJr-jFeyHQYDj8XxlWWZqNd5vTQ";

/* RS256 is always the same for the same input: signed with openssl dgst -sha256 -sign. */
static const char rs256_for_adfs[] =
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsIng1dCI6Im8wbmc5X2Y1SV8zSHk3VEg3X1gxTURtWmxJYyJ9.eyJhdWQiOiJodHR"
    "wczovL2FkZnMuY29udG9zby5leGFtcGxlL2FkZnMvb2F1dGgyL3Rva2VuIiwiaXNzIjoiYXBwLTEiLCJzdWIiOiJhcHAtMSIsImp"
    "0aSI6IjAwMDAwMDAwLTAwMDAtNDAwMC04MDAwLTAwMDAwMDAwMDAwMSIsIm5iZiI6MTc2NzYwMDU1MCwiZXhwIjoxNzY3NjAxMTU"
    "wfQ.p9NWO6DYxP4QnT0RRPptW2K1XNZQ62BoiXMVnzZooGCKuZTunSoJoXpbyH0nUpTyqOucQQ0mwS5M1bmXE6bpFNS-tez_ojaH"
    "stb25f3xjHOCiB7Z-0NLpEFGYxFJKg-7ZzLkFhFrv5IWDKt-vbjVJVDbZwH4hyMm5LA8ychZZ59LT2O8wKMTi-85oilEIiuE-Mxv"
    "lJ0KWF7Zp4Pua1509K6fR4bm0oOakDcL80Um2iVxb2OgfWRW_s3p6Fri6Vm4PYTFlljhCWZPV2t2WEvrcCcyf227yit_nW92IvcS"
    "FLk-mKEWBKdxgCLf0DBNQb2F3xA25pMQHCDt7QPZ8ai3Og";

#endif
