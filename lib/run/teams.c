#include "run/teams.h"

#include <string.h>

enum { TOKEN, USER };

void teams_ask(const struct spec *spec, struct roster_options *options)
{
    if (!spec_exchanges(spec))
        return;
    options->extras[options->extra_count++] =
        (struct roster_column){.role = "the column of the Entra token", .name = spec->roster.teams_token_column};
    options->extras[options->extra_count++] =
        (struct roster_column){.role = "the column of the object id", .name = spec->roster.teams_user_column};
}

static const struct roster_field *field_of(const struct spec *spec, const struct roster_row *row, size_t which)
{
    return &row->extras[(spec->roster.resource_column != NULL ? 1 : 0) + which];
}

/* The value of a token stands in no message, not even that of one which is wrong. */
bool teams_check(const struct spec *spec, const struct roster_row *row, struct problems *problems)
{
    const struct roster_field *token = field_of(spec, row, TOKEN);
    const struct roster_field *user = field_of(spec, row, USER);
    const uint64_t before = problems->total;
    char identity[ACS_IDENTITY_MAX + 1];

    if (token->length == 0)
        problems_add(problems, row->line, 0,
                     "sign the user in again, or leave the row out; failures files hold no tokens",
                     "%s is empty: the user has no Entra token", spec->roster.teams_token_column);
    else if (token->length > ACS_TOKEN_MAX)
        problems_add(problems, row->line, 0, "is it the right column?", "%s has %zu bytes; a token has at most %d",
                     spec->roster.teams_token_column, token->length, (int)ACS_TOKEN_MAX);
    if (!acs_teams_identity(user->bytes, identity))
        problems_add(problems, row->line, 0, "an object id has the form 00000000-0000-0000-0000-000000000000",
                     "%s is no object id of Entra", spec->roster.teams_user_column);
    return problems->total == before;
}

void teams_of_row(const struct spec *spec, const struct roster_row *row, struct roster_field *token,
                  char identity[ACS_IDENTITY_MAX + 1])
{
    *token = *field_of(spec, row, TOKEN);
    acs_teams_identity(field_of(spec, row, USER)->bytes, identity);
}
