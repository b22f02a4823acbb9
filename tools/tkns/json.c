// SPDX-License-Identifier: GPL-2.0
/* A writer of JSON; see json.h. */
#define _GNU_SOURCE
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "json.h"

static void quoted(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		unsigned char c = *text;

		/* Bytes of what may not be UTF-8 would make the whole line invalid. */
		if (c < ' ' || c >= 0x7f)
			fprintf(out, "\\u%04x", c);
		else if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static void before(struct json *j, const char *key)
{
	if (j->more[j->depth])
		fputc(',', j->out);
	j->more[j->depth] = true;
	if (key) {
		quoted(j->out, key);
		fputc(':', j->out);
	}
}

void json_start(struct json *j, FILE *out)
{
	memset(j, 0, sizeof(*j));
	j->out = out;
}

void json_open(struct json *j, const char *key, char bracket)
{
	before(j, key);
	fputc(bracket, j->out);
	assert(j->depth + 1 < JSON_DEPTH_MAX);
	j->more[++j->depth] = false;
}

void json_close(struct json *j, char bracket)
{
	fputc(bracket, j->out);
	j->depth--;
}

void json_string(struct json *j, const char *key, const char *value)
{
	before(j, key);
	quoted(j->out, value);
}

void json_int(struct json *j, const char *key, int64_t value)
{
	before(j, key);
	fprintf(j->out, "%" PRId64, value);
}

void json_bool(struct json *j, const char *key, bool value)
{
	before(j, key);
	fputs(value ? "true" : "false", j->out);
}

void json_null(struct json *j, const char *key)
{
	before(j, key);
	fputs("null", j->out);
}

void json_number(struct json *j, const char *key, const char *value)
{
	before(j, key);
	fputs(value + (*value == '+'), j->out);
}

void json_end(struct json *j)
{
	assert(!j->depth);
	fputc('\n', j->out);
	j->more[0] = false;
}
