/* teams.h - what the roster of a job that exchanges tokens holds of each Teams user: an Entra token and an object id.
 *
 * The token is a secret that comes with the roster: it goes from the row into the request and nowhere else.
 */
#ifndef ROLLCALL_RUN_TEAMS_H
#define ROLLCALL_RUN_TEAMS_H

#include "acs/acs.h"
#include "core/problems.h"
#include "roster/roster.h"
#include "spec/spec.h"

/* What the roster must have for the following, into its options, after homes_ask(). Nothing in a job that does not
 * exchange. */
void teams_ask(const struct spec *spec, struct roster_options *options);

/* Adds what is wrong with a row; false when something is. */
bool teams_check(const struct spec *spec, const struct roster_row *row, struct problems *problems);

/* Of a row that has passed the check; the token is borrowed from it. */
void teams_of_row(const struct spec *spec, const struct roster_row *row, struct roster_field *token,
                  char identity[ACS_IDENTITY_MAX + 1]);

#endif
