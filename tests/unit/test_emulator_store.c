#include "store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { START_S = 1767600550, HOUR_S = 3600, DAY_S = 24 * HOUR_S };

struct fixture {
    struct resource resource;
    struct store store;
};

static struct moment at(int64_t seconds)
{
    return (struct moment){.wall_ticks = (START_S + seconds) * TICKS_PER_SECOND};
}

static int open_store(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct error error = {0};

    assert_non_null(fixture);
    assert_true(resource_init(&fixture->resource, "seed", false, NULL, &error));
    assert_true(store_init(&fixture->store, &fixture->resource, true, at(0)));
    *state = fixture;
    return 0;
}

static int close_store(void **state)
{
    struct fixture *fixture = *state;

    store_clear(&fixture->store);
    free(fixture);
    return 0;
}

static uint32_t create(struct store *store, const char *custom_id, int64_t seconds)
{
    uint32_t identity;

    assert_true(store_create(store, custom_id, NULL, at(seconds), &identity));
    return identity;
}

static uint64_t live_at(struct store *store, int64_t seconds)
{
    return live_total(&store->live, START_S + seconds);
}

static uint32_t live_of(const struct store *store, uint32_t identity, int64_t seconds)
{
    return live_count(&store->live, store_get(store, identity)->tokens, START_S + seconds);
}

static void an_identity_is_found_by_the_id_it_was_given(void **state)
{
    struct store *store = &((struct fixture *)*state)->store;
    char id[IDENTITY_ID_LENGTH + 1];
    uint32_t found;

    for (uint32_t i = 0; i < 3 * CHUNK_ITEMS; i++)
        create(store, NULL, i / 1000);
    for (uint32_t i = 0; i < 3 * CHUNK_ITEMS; i += 977) {
        store_id(store, i, id);
        assert_int_equal(strlen(id), IDENTITY_ID_LENGTH);
        assert_int_equal(store_find(store, id, &found), STORE_OK);
        assert_int_equal(found, i);
    }
}

static void later_ids_have_a_larger_time(void **state)
{
    struct store *store = &((struct fixture *)*state)->store;
    char first[IDENTITY_ID_LENGTH + 1];
    char second[IDENTITY_ID_LENGTH + 1];

    store_id(store, create(store, NULL, 0), first);
    store_id(store, create(store, NULL, 1), second);
    assert_true(strcmp(first, second) < 0);
    assert_int_equal(strncmp(first, second, ID_PREFIX_LENGTH + strlen("00000032")), 0);
}

static void an_id_that_was_never_made_is_unknown(void **state)
{
    struct fixture *fixture = *state;
    char id[IDENTITY_ID_LENGTH + 1];
    uint32_t found;

    store_id(&fixture->store, create(&fixture->store, NULL, 0), id);
    for (size_t i = ID_PREFIX_LENGTH; i < IDENTITY_ID_LENGTH; i++) {
        const char kept = id[i];
        id[i] = kept == '7' ? '6' : '7';
        assert_int_equal(store_find(&fixture->store, id, &found), STORE_UNKNOWN);
        id[i] = kept;
    }
    id[IDENTITY_ID_LENGTH - 1] = '\0';
    assert_int_equal(store_find(&fixture->store, id, &found), STORE_UNKNOWN);
}

static void an_id_of_another_resource_is_not_owned(void **state)
{
    struct fixture *fixture = *state;
    struct resource other;
    struct error error = {0};
    char id[IDENTITY_ID_LENGTH + 1];
    uint32_t found;

    create(&fixture->store, NULL, 0);
    assert_true(resource_init(&other, "another seed", false, NULL, &error));
    resource_format_id(&other, resource_id_time(START_S * INT64_C(1000)), 0, id);
    assert_int_equal(store_find(&fixture->store, id, &found), STORE_NOT_OWNED);
    assert_int_equal(store_find(&fixture->store, "8:acs:", &found), STORE_NOT_OWNED);
}

static void a_token_lives_until_the_second_it_ends(void **state)
{
    struct store *store = &((struct fixture *)*state)->store;
    const uint32_t identity = create(store, NULL, 0);

    assert_true(store_issue(store, identity, START_S + HOUR_S, at(0)));
    assert_int_equal(live_of(store, identity, HOUR_S - 1), 1);
    assert_int_equal(live_at(store, HOUR_S - 1), 1);
    assert_int_equal(live_of(store, identity, HOUR_S), 0);
    assert_int_equal(live_at(store, HOUR_S), 0);
}

static void revoking_ends_the_tokens_there_are_and_not_later_ones(void **state)
{
    struct store *store = &((struct fixture *)*state)->store;
    const uint32_t revoked = create(store, NULL, 0);
    const uint32_t other = create(store, NULL, 0);

    assert_true(store_issue(store, revoked, START_S + HOUR_S, at(0)));
    assert_true(store_issue(store, revoked, START_S + DAY_S, at(0)));
    assert_true(store_issue(store, other, START_S + DAY_S, at(0)));
    store_revoke(store, revoked, at(10));
    assert_int_equal(live_of(store, revoked, 10), 0);
    assert_int_equal(live_of(store, other, 10), 1);
    assert_int_equal(live_at(store, 10), 1);
    assert_true(store_issue(store, revoked, START_S + DAY_S, at(10)));
    assert_int_equal(live_of(store, revoked, 10), 1);
    assert_int_equal(live_at(store, 10), 2);
}

static void revoking_after_the_end_takes_nothing_off_twice(void **state)
{
    struct store *store = &((struct fixture *)*state)->store;
    const uint32_t identity = create(store, NULL, 0);
    const uint32_t other = create(store, NULL, 0);

    assert_true(store_issue(store, identity, START_S + HOUR_S, at(0)));
    assert_true(store_issue(store, other, START_S + DAY_S, at(0)));
    store_revoke(store, identity, at(2 * HOUR_S));
    assert_int_equal(live_at(store, 2 * HOUR_S), 1);
}

static void the_total_survives_a_leap_of_the_clock(void **state)
{
    struct store *store = &((struct fixture *)*state)->store;
    const uint32_t identity = create(store, NULL, 0);

    assert_true(store_issue(store, identity, START_S + DAY_S, at(0)));
    assert_int_equal(live_at(store, 400 * (int64_t)DAY_S), 0);
    assert_true(store_issue(store, identity, START_S + 401 * (int64_t)DAY_S, at(400 * (int64_t)DAY_S)));
    assert_int_equal(live_at(store, 400 * (int64_t)DAY_S), 1);
    assert_int_equal(live_of(store, identity, 400 * (int64_t)DAY_S), 1);
}

/* Days of random use against a plain model of it: every token of every identity in an array. */
static void counts_agree_with_a_plain_model(void **state)
{
    enum { IDENTITIES = 40, TOKENS = 4000 };
    struct store *store = &((struct fixture *)*state)->store;
    struct {
        uint32_t identity;
        int64_t expires_s;
    } model[TOKENS];
    size_t count = 0;

    srand(7);
    for (uint32_t i = 0; i < IDENTITIES; i++)
        create(store, NULL, 0);
    for (int64_t now = 0; count < TOKENS; now += rand() % 300) {
        const uint32_t identity = (uint32_t)rand() % IDENTITIES;
        if (rand() % 20 == 0) {
            store_revoke(store, identity, at(now));
            for (size_t i = 0; i < count; i++)
                if (model[i].identity == identity)
                    model[i].expires_s = 0;
        } else {
            const int64_t expires_s = START_S + now + HOUR_S + rand() % (DAY_S - HOUR_S + 1);
            assert_true(store_issue(store, identity, expires_s, at(now)));
            model[count].identity = identity;
            model[count++].expires_s = expires_s;
        }
        uint32_t total = 0;
        uint32_t own = 0;
        for (size_t i = 0; i < count; i++) {
            total += model[i].expires_s > START_S + now;
            own += model[i].identity == identity && model[i].expires_s > START_S + now;
        }
        assert_int_equal(live_at(store, now), total);
        assert_int_equal(live_of(store, identity, now), own);
    }
    assert_true(store->live.pool.count < TOKENS); /* ended tokens are used again */
}

static void deleting_ends_identity_and_tokens(void **state)
{
    struct store *store = &((struct fixture *)*state)->store;
    const uint32_t identity = create(store, NULL, 0);
    char id[IDENTITY_ID_LENGTH + 1];
    uint32_t found;

    assert_true(store_issue(store, identity, START_S + HOUR_S, at(0)));
    store_delete(store, identity, at(1));
    store_id(store, identity, id);
    assert_int_equal(store_find(store, id, &found), STORE_DELETED);
    assert_int_equal(live_at(store, 1), 0);
    assert_int_equal(store->deleted, 1);
}

static void a_custom_id_names_one_identity_until_it_is_deleted(void **state)
{
    struct store *store = &((struct fixture *)*state)->store;
    const uint32_t first = create(store, "alice@contoso.com", 0);

    assert_int_equal(create(store, "alice@contoso.com", 1), first);
    assert_int_not_equal(create(store, "bob@contoso.com", 1), first);
    store_delete(store, first, at(2));
    const uint32_t second = create(store, "alice@contoso.com", 3);
    assert_int_not_equal(second, first);
    assert_int_equal(create(store, "alice@contoso.com", 4), second);
}

/* Enough of them for the table to grow, to collide and to close gaps. */
static void custom_ids_stay_right_while_many_come_and_go(void **state)
{
    enum { NAMES = 5000 };
    struct store *store = &((struct fixture *)*state)->store;
    static uint32_t known[NAMES]; /* identity + 1; 0: none */
    char name[32];

    memset(known, 0, sizeof known);
    srand(11);
    for (int i = 0; i < 60000; i++) {
        const size_t user = (size_t)rand() % NAMES;
        snprintf(name, sizeof name, "user-%zu", user);
        if (known[user] != 0 && rand() % 2 == 0) {
            store_delete(store, known[user] - 1, at(i));
            known[user] = 0;
            continue;
        }
        const uint32_t before = store->identities.count;
        const uint32_t identity = create(store, name, i);
        if (known[user] == 0)
            assert_int_equal(identity, before);
        else
            assert_int_equal(identity, known[user] - 1);
        known[user] = identity + 1;
    }
}

static void request_ids_are_kept_where_asked_for(void **state)
{
    struct store *store = &((struct fixture *)*state)->store;
    uint32_t identity;

    assert_true(store_create(store, NULL, "request-1", at(0), &identity));
    assert_string_equal(texts_get(&store->texts, store_get(store, identity)->request_id), "request-1");
    store->remember_request_ids = false;
    assert_true(store_create(store, NULL, "request-2", at(0), &identity));
    assert_string_equal(texts_get(&store->texts, store_get(store, identity)->request_id), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_identity_is_found_by_the_id_it_was_given),
        TEST(later_ids_have_a_larger_time),
        TEST(an_id_that_was_never_made_is_unknown),
        TEST(an_id_of_another_resource_is_not_owned),
        TEST(a_token_lives_until_the_second_it_ends),
        TEST(revoking_ends_the_tokens_there_are_and_not_later_ones),
        TEST(revoking_after_the_end_takes_nothing_off_twice),
        TEST(the_total_survives_a_leap_of_the_clock),
        TEST(counts_agree_with_a_plain_model),
        TEST(deleting_ends_identity_and_tokens),
        TEST(a_custom_id_names_one_identity_until_it_is_deleted),
        TEST(custom_ids_stay_right_while_many_come_and_go),
        TEST(request_ids_are_kept_where_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
