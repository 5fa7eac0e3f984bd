/* Plans for several resources: who belongs where, who moves, and what that asks of each resource. */
#include "planning.h"

#include "run/home.h"

#define RESOURCES                                              \
    "resources:\n"                                             \
    "  emea: { connection_string: { env: ACS_CONNECTION } }\n" \
    "  us: { connection_string: { env: ACS_CONNECTION }, quotas: { create: 10/30s } }\n"
#define COLUMN "  resource_column: region\n"
#define ADDED "rules:\n  added: provision\n"
#define MOVED ADDED "  moved: [delete, provision]\n  removed: delete\n  lost: provision\n"
#define TOKENS "token:\n  scopes: [chat]\noutputs:\n  tokens: { csv: tokens.csv }\n"
#define EXPIRING "  expiring: { within: 6h, do: issue }\n"

enum { EMEA, US };

static int64_t places[2];

/* A ledger that knows both resources. */
static int enter(void **state)
{
    const struct ledger_resource wanted[] = {{"emea", "emea.example"}, {"us", "us.example"}};
    const int result = plan_begin_test(state);

    works(ledger_bind_resources(ledger, wanted, 2, places, &error));
    return result;
}

static void provision_at(size_t resource, const char *key, unsigned number, int64_t token_ends_s)
{
    place = places[resource];
    provision(key, number, "", token_ends_s);
}

static enum plan_reason reason_of(uint64_t row)
{
    return (enum plan_reason)plan->rows[row].reason;
}

static void is_at(uint64_t row, size_t at, size_t belongs)
{
    assert_int_equal(plan_place_of(plan, row).at, at);
    assert_int_equal(plan_place_of(plan, row).belongs, belongs);
}

static void a_column_of_the_roster_says_who_belongs_where(void **state)
{
    (void)state;
    load_job(RESOURCES, COLUMN, ADDED);
    make_plan("id,region\nanna,us\nbert,emea\ncarl,us\n");
    is_at(0, US, US);
    is_at(1, EMEA, EMEA);
    assert_int_equal(plan->parts[EMEA].users, 1);
    assert_int_equal(plan->parts[US].users, 2);
    assert_int_equal(plan->parts[US].first[ACTION_PROVISION], 2);
    assert_int_equal(plan->requests[ACTION_PROVISION], 3);
}

static void says_of_roster(const char *expected)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    problems_print(&problems, stream);
    fclose(stream);
    assert_string_equal(text, expected);
    free(text);
}

static void a_value_that_is_no_resource_is_a_fault_of_the_roster(void **state)
{
    (void)state;
    load_job(RESOURCES, COLUMN "  where: { team: [a] }\n", ADDED);
    assert_false(try_plan("id,region,team\nanna,emae,a\nbert,,a\ncarl,mars,a\ndora,nowhere,b\n"));
    says_of_roster("users.csv:2: region \"emae\" is none of the job's resources\n  hint: did you mean \"emea\"?\n"
                   "users.csv:3: region is empty: in which resource is the user?\n  hint: write emea or us\n"
                   "users.csv:4: region \"mars\" is none of the job's resources\n  hint: write emea or us\n");
    assert_false(try_plan("id,regoin,team\nanna,emea,a\n"));
    says_of_roster("users.csv:1: the column of the resource \"region\" is not in the header\n"
                   "  hint: did you mean \"regoin\"? the columns are: id, regoin, team\n");
}

static void who_moves_is_deleted_in_one_resource_and_provisioned_in_the_other(void **state)
{
    (void)state;
    load_job(RESOURCES, COLUMN, MOVED);
    provision_at(EMEA, "anna", 1, 0);
    provision_at(US, "bert", 2, 0);
    make_plan("id,region\nanna,us\nbert,us\n");
    assert_int_equal(reason_of(0), REASON_MOVED);
    assert_int_equal(reason_of(1), REASON_SAME);
    is_at(0, EMEA, US);
    assert_int_equal(plan->categories[CATEGORY_MOVED], 1);
    assert_int_equal(plan->parts[EMEA].first[ACTION_DELETE], 1);
    assert_int_equal(plan->parts[EMEA].requests[ACTION_DELETE], 1);
    assert_int_equal(plan->parts[EMEA].requests[ACTION_PROVISION], 0);
    assert_int_equal(plan->parts[US].requests[ACTION_PROVISION], 1);
    assert_int_equal(plan->parts[US].arriving, 1);
    assert_int_equal(plan->parts[US].users, 0);
    assert_int_equal(plan->users, 1);
}

static void without_a_rule_who_moves_stays_and_is_looked_after_where_it_is(void **state)
{
    (void)state;
    load_job(RESOURCES, COLUMN, TOKENS ADDED EXPIRING);
    provision_at(EMEA, "ending", 1, NOW_S + 60);
    provision_at(EMEA, "fresh", 2, NOW_S + 86400);
    make_plan("id,region\nending,us\nfresh,us\n");
    assert_int_equal(reason_of(0), REASON_ENDING);
    is_at(0, EMEA, US);
    assert_int_equal(plan->parts[EMEA].requests[ACTION_ISSUE], 1);
    assert_int_equal(plan->parts[US].requests[ACTION_ISSUE], 0);
    assert_int_equal(reason_of(1), REASON_MOVED);
    assert_int_equal(plan->categories[CATEGORY_MOVED], 1);
    assert_false(plan->rows[1].acts);
}

static void a_move_comes_before_whatever_else_there_is_to_do(void **state)
{
    (void)state;
    load_job(RESOURCES, COLUMN "  watch: [w]\n", TOKENS MOVED EXPIRING "  changed: [revoke, issue]\n");
    provision_at(EMEA, "ending", 1, NOW_S + 60);
    place = places[EMEA];
    provision("changed", 2, watch_of("id,region,w\nx,us,old\n"), NOW_S + 86400);
    place = places[EMEA];
    provision("revoked", 3, "", NOW_S + 86400);
    act("revoked", ACTION_REVOKE, true);
    make_plan("id,region,w\nending,us,1\nchanged,us,new\nrevoked,us,1\n");
    for (uint64_t row = 0; row < 3; row++)
        assert_int_equal(reason_of(row), REASON_MOVED);
}

static void who_has_no_identity_any_more_gets_one_where_it_belongs(void **state)
{
    (void)state;
    load_job(RESOURCES, COLUMN, MOVED);
    provision_at(EMEA, "deleted", 1, 0);
    act("deleted", ACTION_DELETE, true);
    provision_at(EMEA, "lost", 2, 0);
    struct result gone = result_of("lost", ACTION_DELETE, OUTCOME_GONE, identity_id(2));
    record(&gone);
    make_plan("id,region\ndeleted,us\nlost,us\n");
    assert_int_equal(reason_of(0), REASON_DELETED);
    assert_int_equal(reason_of(1), REASON_LOST);
    is_at(0, US, US);
    is_at(1, US, US);
    assert_int_equal(plan->parts[US].first[ACTION_PROVISION], 2);
}

static void who_is_gone_is_deleted_where_it_was(void **state)
{
    (void)state;
    load_job(RESOURCES, COLUMN, MOVED);
    provision_at(US, "anna", 1, 0);
    make_plan("id,region\nbert,emea\n");
    assert_int_equal(plan->removed[0].at, US);
    assert_int_equal(plan->parts[US].first[ACTION_DELETE], 1);
    assert_int_equal(plan->parts[EMEA].requests[ACTION_DELETE], 0);
}

static void only_as_many_as_limit_says_are_moved(void **state)
{
    const char *only[] = {"bert"};
    const struct text_list list = {.items = (char **)only, .count = 1};

    (void)state;
    load_job(RESOURCES, COLUMN, MOVED);
    provision_at(EMEA, "anna", 1, 0);
    provision_at(EMEA, "bert", 2, 0);
    plan_options.limit = 1;
    make_plan("id,region\nanna,us\nbert,us\n");
    assert_true(plan->rows[0].acts && !plan->rows[1].acts);
    assert_int_equal(plan->parts[US].arriving, 1);
    plan_options = (struct plan_options){.only = &list};
    make_plan(NULL);
    assert_true(!plan->rows[0].acts && plan->rows[1].acts);
}

static void a_move_is_a_delete_to_the_limits(void **state)
{
    struct plan_allow allow = {0};

    (void)state;
    load_job(RESOURCES, COLUMN, MOVED "limits: { delete: 1, protect: [anna] }\n");
    provision_at(EMEA, "anna", 1, 0);
    provision_at(EMEA, "bert", 2, 0);
    provision_at(EMEA, "carl", 3, 0);
    make_plan("id,region\nanna,emea\nbert,us\ncarl,us\n");
    assert_false(plan_check_limits(plan, ledger, 0, &allow, &error));
    says("the plan would delete 2 of 3 identities; limits.delete (1) allows 1");
    make_plan("id,region\nanna,us\nbert,emea\ncarl,emea\n");
    assert_false(plan_check_limits(plan, ledger, 0, &allow, &error));
    says("the plan would delete the identity of \"anna\", which limits.protect names");
}

static void users_of_a_resource_that_the_spec_does_not_have_are_not_forgotten(void **state)
{
    (void)state;
    load_job("resources:\n  us: { connection_string: { env: ACS_CONNECTION } }\n", COLUMN, MOVED);
    provision_at(EMEA, "anna", 1, 0);
    provision_at(US, "bert", 2, 0);
    assert_false(try_plan("id,region\nanna,us\nbert,us\n"));
    assert_int_equal(error.code, ERROR_LIMIT);
    says(LEDGER_PATH " has 1 user in resources that the job spec does not have, such as emea at emea.example");
    act("anna", ACTION_DELETE, true);
    make_plan("id,region\nanna,us\nbert,us\n");
    assert_int_equal(reason_of(0), REASON_DELETED);
}

static void the_slowest_resource_decides_how_long_it_takes(void **state)
{
    struct plan_part parts[2] = {{.requests = {[ACTION_PROVISION] = 1000}}, {.requests = {[ACTION_PROVISION] = 31}}};
    struct plan large = {.parts = parts};

    (void)state;
    load_job(RESOURCES, COLUMN, ADDED);
    large.spec = spec;
    assert_int_equal(plan_least_ms(&large), 90000);
}

/* --- shares --- */

enum { MANY = 20000 };

/* Where each of many users belongs, in the spec that is loaded. */
static void deal_out(unsigned char *dealt, unsigned count[4])
{
    struct homes homes;
    char key[16];

    homes_init(&homes, spec);
    memset(count, 0, 4 * sizeof *count);
    for (unsigned i = 0; i < MANY; i++) {
        const int length = snprintf(key, sizeof key, "user%u", i);
        const struct roster_row row = {.key = {.bytes = key, .length = (size_t)length}};
        dealt[i] = (unsigned char)homes_find(&homes, &row);
        count[dealt[i]]++;
    }
}

static void load_shares(const char *emea, const char *us, const char *asia)
{
    char text[512] = "resources:\n";
    const char *const names[] = {"emea", "us", "asia"};
    const char *const shares[] = {emea, us, asia};

    for (int i = 0; i < 3; i++)
        if (shares[i] != NULL)
            snprintf(text + strlen(text), sizeof text - strlen(text),
                     "  %s: { connection_string: { env: ACS_CONNECTION }, share: %s }\n", names[i], shares[i]);
    load_job(text, "", ADDED);
}

static void users_are_dealt_out_in_the_proportion_of_the_shares(void **state)
{
    static unsigned char dealt[MANY];
    unsigned count[4];

    (void)state;
    load_shares("3", "1", "0");
    deal_out(dealt, count);
    assert_in_range(count[0], MANY * 73 / 100, MANY * 77 / 100);
    assert_in_range(count[1], MANY * 23 / 100, MANY * 27 / 100);
    assert_int_equal(count[2], 0);
}

static void a_new_resource_takes_its_share_and_moves_nobody_else(void **state)
{
    static unsigned char before[MANY];
    static unsigned char after[MANY];
    unsigned count[4];

    (void)state;
    load_shares("1", "1", NULL);
    deal_out(before, count);
    load_shares("1", "1", "2");
    deal_out(after, count);
    assert_in_range(count[2], MANY * 48 / 100, MANY * 52 / 100);
    for (unsigned i = 0; i < MANY; i++)
        assert_true(after[i] == before[i] || after[i] == 2);
}

static void a_larger_share_draws_users_and_loses_none(void **state)
{
    static unsigned char before[MANY];
    static unsigned char after[MANY];
    unsigned count[4];

    (void)state;
    load_shares("5", "5", "5");
    deal_out(before, count);
    load_shares("5", "6", "5");
    deal_out(after, count);
    for (unsigned i = 0; i < MANY; i++)
        assert_true(after[i] == before[i] || after[i] == 1);
}

/* What a user's resource depends on must not change from version to version: everybody would move. */
static void known_users_stay_where_they_were_dealt_to(void **state)
{
    static unsigned char dealt[MANY];
    unsigned count[4];
    char text[33];

    (void)state;
    load_shares("2", "1", "1");
    deal_out(dealt, count);
    for (int i = 0; i < 32; i++)
        text[i] = (char)('0' + dealt[i]);
    text[32] = '\0';
    assert_string_equal(text, "00021200011020122020201120220010");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, plan_end_test)

static const struct CMUnitTest tests[] = {
    TEST(a_column_of_the_roster_says_who_belongs_where),
    TEST(a_value_that_is_no_resource_is_a_fault_of_the_roster),
    TEST(who_moves_is_deleted_in_one_resource_and_provisioned_in_the_other),
    TEST(without_a_rule_who_moves_stays_and_is_looked_after_where_it_is),
    TEST(a_move_comes_before_whatever_else_there_is_to_do),
    TEST(who_has_no_identity_any_more_gets_one_where_it_belongs),
    TEST(who_is_gone_is_deleted_where_it_was),
    TEST(only_as_many_as_limit_says_are_moved),
    TEST(a_move_is_a_delete_to_the_limits),
    TEST(users_of_a_resource_that_the_spec_does_not_have_are_not_forgotten),
    TEST(the_slowest_resource_decides_how_long_it_takes),
    TEST(users_are_dealt_out_in_the_proportion_of_the_shares),
    TEST(a_new_resource_takes_its_share_and_moves_nobody_else),
    TEST(a_larger_share_draws_users_and_loses_none),
    TEST(known_users_stay_where_they_were_dealt_to),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
