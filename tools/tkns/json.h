/* SPDX-License-Identifier: GPL-2.0 */
/* A writer of JSON: one line, commas where they belong, strings escaped. */
#ifndef TKNS_JSON_H
#define TKNS_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_DEPTH_MAX	8

struct json {
	FILE *out;
	int depth;
	bool more[JSON_DEPTH_MAX];	/* a value was written at this depth */
};

/* In an object every value has a key, in an array and outside it is NULL. */
void json_start(struct json *j, FILE *out);
void json_open(struct json *j, const char *key, char bracket);	/* '{' or '[' */
void json_close(struct json *j, char bracket);			/* '}' or ']' */
void json_string(struct json *j, const char *key, const char *value);
void json_int(struct json *j, const char *key, int64_t value);
void json_bool(struct json *j, const char *key, bool value);
void json_null(struct json *j, const char *key);
/* A number as text; a '+' in front of it, which JSON does not know, is left out. */
void json_number(struct json *j, const char *key, const char *value);
void json_end(struct json *j);					/* of the line */

#endif /* TKNS_JSON_H */
