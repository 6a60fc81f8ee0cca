/*
 * Messages whose content is sealed with the secret of an earlier one: votes,
 * answers to events, encrypted reactions, comments and edits, what bots say.
 *
 * The secret of a message is kept under sec/<reference> in the bucket of the
 * day it came, and again whenever it is used, so a poll that people vote in
 * stays open.  Of what we sent it is in out/<id>.
 */
#include "wa_recv_int.h"

#include <stdio.h>

#include "wa_account_int.h"
#include "wa_crypto.h"
#include "wa_event_message.h"
#include "wa_lid.h"
#include "wa_pb.h"
#include "wa_secret.h"
#include "wa_sent.h"


#define SEALED_NAME_LEN     (WA_MESSAGE_REF_LEN + 8)
#define SEALED_OPTIONS_MAX  64

/* A person's addresses: LID and PN. */
#define FORMS_MAX           2

/* What a sealed message refers to, as far as it is known. */
typedef struct {
    wa_span_t             id;
    bool                  ours;
    wa_jid_t              authors[FORMS_MAX];
    size_t                n_authors;
    char                  names[FORMS_MAX][SEALED_NAME_LEN];
    size_t                n_names;
    char                  sent[WA_SENT_NAME_LEN];   /* "" none */
    Wa__MessageSecret    *secret;
    const char           *name;           /* the record it is in, or is to
                                             be kept in */
    uint32_t              day;
} sealed_t;


static bool sealed_target(wa_account_t *a, const wa_recv_t *m,
    const wa_content_t *c, sealed_t *s);
static size_t sealed_forms(wa_account_t *a, const wa_recv_t *m,
    const wa_jid_t *jid, wa_jid_t out[FORMS_MAX]);
static void sealed_self(const wa_account_t *a, wa_jid_t out[FORMS_MAX]);
static bool sealed_find(wa_account_t *a, const wa_recv_t *m, sealed_t *s);
static bool sealed_find_in(wa_account_t *a, const wa_recv_t *m,
    const char *name, uint32_t day, sealed_t *s);
static bool sealed_find_sent(wa_account_t *a, const wa_recv_t *m,
    uint32_t day, sealed_t *s);
static wa_err_t sealed_open(wa_account_t *a, const wa_recv_t *m,
    const wa_content_t *c, const sealed_t *s, wa_span_t *plain);
static wa_err_t sealed_keep(wa_unit_t *u, const sealed_t *s);
static bool sealed_read(const wa_recv_t *m, const wa_content_t *c,
    wa_span_t plain, wa_content_t *out);
static bool sealed_read_inner(const wa_recv_t *m, wa_span_t plain,
    wa_content_t *out);
static bool sealed_read_bot(const wa_recv_t *m, const wa_content_t *c,
    wa_span_t plain, wa_content_t *out);
static wa_err_t vote_event(wa_unit_t *u, const wa_recv_t *m,
    const wa_content_t *c, const sealed_t *s, json_t *options);
static json_t *vote_options(const wa_recv_t *m, const wa_content_t *c,
    const sealed_t *s, wa_span_t plain);
static json_t *vote_choices(const Wa__MessageSecret *secret,
    const Wa__PollVoteMessage *vote);
static json_t *vote_answer(const Wa__EventResponseMessage *answer);


size_t
wa_recv_sealed_need(wa_account_t *a, const wa_recv_t *m,
    const wa_content_t *c, wa_key_t *keys)
{
    size_t     i, k, n;
    uint32_t   today;
    sealed_t  *s;

    if (c->sealed == WA_SEALED_NONE) {
        return 0;
    }

    /* The names have to live until the records are asked for. */

    s = wa_arena_calloc(m->arena, 1, sizeof(sealed_t));

    if (s == NULL || !sealed_target(a, m, c, s)) {
        return 0;
    }

    today = wa_day(wa_unix_s(a));
    n = s->ours ? 0 : wa_lid_need(&s->authors[0], m->arena, keys);

    for (i = 0; i < WA_BUCKET_DAYS && i < today; i++) {

        for (k = 0; k < s->n_names; k++) {
            keys[n].name = wa_span_str(s->names[k]);
            keys[n++].day = today - (uint32_t) i;
        }

        if (s->sent[0] != '\0') {
            keys[n].name = wa_span_str(s->sent);
            keys[n++].day = today - (uint32_t) i;
        }
    }

    return n;
}


wa_err_t
wa_recv_sealed(wa_unit_t *u, const wa_recv_t *m, const wa_content_t *c,
    wa_content_t *out, bool *done)
{
    json_t        *options;
    sealed_t       s;
    wa_err_t       rc;
    wa_span_t      plain;
    wa_account_t  *a;

    a = wa_unit_account(u);
    *done = false;
    memset(&s, 0, sizeof(s));

    if (!sealed_target(a, m, c, &s) || !sealed_find(a, m, &s)) {
        wa_log(a, WA_LOG_INFO, "the message that a sealed one refers to is "
               "not known");
        return WA_OK;
    }

    rc = sealed_open(a, m, c, &s, &plain);

    if (rc != WA_OK) {
        wa_log(a, WA_LOG_INFO, "a sealed message does not open: %s",
               wa_err_name(rc));
        return rc == WA_ERR_NOMEM ? rc : WA_OK;
    }

    rc = sealed_keep(u, &s);

    if (rc != WA_OK) {
        return rc;
    }

    if (c->sealed != WA_SEALED_POLL_VOTE
        && c->sealed != WA_SEALED_EVENT_RESPONSE)
    {
        (void) sealed_read(m, c, plain, out);
        return WA_OK;
    }

    options = vote_options(m, c, &s, plain);

    if (options == NULL) {
        return WA_OK;
    }

    *done = true;

    return vote_event(u, m, c, &s, options);
}


wa_err_t
wa_recv_secret_keep(wa_unit_t *u, const wa_content_t *c, const char *ref)
{
    char               name[SEALED_NAME_LEN];
    wa_err_t           rc;
    wa_buf_t           packed = WA_BUF_EMPTY;
    Wa__MessageSecret  s = WA__MESSAGE_SECRET__INIT;

    if (c->secret.p == NULL) {
        return WA_OK;
    }

    s.has_secret = 1;
    s.secret = wa_pb_bytes(c->secret);
    s.n_options = c->n_poll_options < SEALED_OPTIONS_MAX
                      ? c->n_poll_options : SEALED_OPTIONS_MAX;
    s.options = (char **) (uintptr_t) c->poll_options;

    (void) snprintf(name, sizeof(name), "sec/%s", ref);
    rc = WA_PB_PACK(&s, &packed);

    if (rc == WA_OK) {
        rc = wa_unit_put_cold(u, name, wa_day(wa_unix_s(wa_unit_account(u))),
                              wa_span_buf(&packed));
    }

    wa_buf_wipe(&packed);

    return rc;
}


static bool
sealed_target(wa_account_t *a, const wa_recv_t *m, const wa_content_t *c,
    sealed_t *s)
{
    size_t    i;
    char      ref[WA_MESSAGE_REF_LEN];
    wa_jid_t  author;

    if (!wa_recv_target(a, m, c->target, &s->ours, &author)) {
        return false;
    }

    s->id = wa_span_str(c->target->id);

    if (s->ours) {
        sealed_self(a, s->authors);
        s->n_authors = FORMS_MAX;

        if (!wa_sent_name("out/", s->id, s->sent)) {
            s->sent[0] = '\0';
        }

    } else {
        s->n_authors = sealed_forms(a, m, &author, s->authors);
    }

    /* References are made of the LID when it is known, else of the PN. */

    for (i = 0; i < (s->ours ? 1 : s->n_authors); i++) {

        if (wa_message_ref(a, s->ours, &s->authors[i], s->id, ref) != WA_OK) {
            return false;
        }

        (void) snprintf(s->names[s->n_names++], SEALED_NAME_LEN, "sec/%s",
                        ref);
    }

    return true;
}


/* The address and, if it is known, the person's other one. */
static size_t
sealed_forms(wa_account_t *a, const wa_recv_t *m, const wa_jid_t *jid,
    wa_jid_t out[FORMS_MAX])
{
    out[0] = *jid;

    if (wa_jid_eq(jid, &m->who) && m->pn.server != WA_SERVER_NONE
        && m->lid.server != WA_SERVER_NONE)
    {
        out[1] = m->pn;
        return 2;
    }

    return (wa_jid_is_lid(jid) ? wa_pn_of(a, jid, &out[1])
                               : wa_lid_of(a, jid, &out[1])) ? 2 : 1;
}


static void
sealed_self(const wa_account_t *a, wa_jid_t out[FORMS_MAX])
{
    out[0] = wa_jid_bare(wa_account_self(a, WA_SERVER_LID));
    out[1] = wa_jid_bare(wa_account_self(a, WA_SERVER_PN));
}


static bool
sealed_find(wa_account_t *a, const wa_recv_t *m, sealed_t *s)
{
    size_t    k;
    uint32_t  i, today;

    today = wa_day(wa_unix_s(a));

    for (i = 0; i < WA_BUCKET_DAYS && i < today; i++) {

        for (k = 0; k < s->n_names; k++) {
            if (sealed_find_in(a, m, s->names[k], today - i, s)) {
                return true;
            }
        }

        if (s->sent[0] != '\0' && sealed_find_sent(a, m, today - i, s)) {
            return true;
        }
    }

    return false;
}


static bool
sealed_find_in(wa_account_t *a, const wa_recv_t *m, const char *name,
    uint32_t day, sealed_t *s)
{
    wa_span_t           value;
    Wa__MessageSecret  *secret;

    if (wa_record_get(a, name, day, &value) != WA_OK || value.p == NULL
        || WA_PB_UNPACK(wa__message_secret__descriptor, value, m->arena,
                        &secret) != WA_OK)
    {
        return false;
    }

    s->secret = secret;
    s->name = name;
    s->day = day;

    return true;
}


/* A message of ours: as it was sent. */
static bool
sealed_find_sent(wa_account_t *a, const wa_recv_t *m, uint32_t day,
    sealed_t *s)
{
    size_t               i;
    wa_span_t            value;
    wa_content_t         c;
    Wa__SentMessage     *sent;
    Wa__MessageSecret   *secret;

    if (wa_record_get(a, s->sent, day, &value) != WA_OK || value.p == NULL
        || WA_PB_UNPACK(wa__sent_message__descriptor, value, m->arena, &sent)
           != WA_OK
        || wa_message_decode(wa_pb_span(&sent->message), m->arena, &c)
           != WA_OK
        || c.secret.p == NULL)
    {
        return false;
    }

    secret = wa_arena_calloc(m->arena, 1, sizeof(Wa__MessageSecret));

    if (secret == NULL) {
        return false;
    }

    wa__message_secret__init(secret);
    secret->has_secret = 1;
    secret->secret = wa_pb_bytes(c.secret);
    secret->options = wa_arena_calloc(m->arena, c.n_poll_options + 1,
                                      sizeof(char *));

    if (secret->options == NULL) {
        return false;
    }

    for (i = 0; i < c.n_poll_options && i < SEALED_OPTIONS_MAX; i++) {
        secret->options[i] = (char *) (uintptr_t) c.poll_options[i];
    }

    secret->n_options = i;
    s->secret = secret;
    s->name = s->names[0];
    s->day = 0;

    return true;
}


/* Under whichever addresses both were known to the one who sealed it. */
static wa_err_t
sealed_open(wa_account_t *a, const wa_recv_t *m, const wa_content_t *c,
    const sealed_t *s, wa_span_t *plain)
{
    size_t       i, k, n;
    wa_err_t     rc;
    wa_jid_t     writers[FORMS_MAX];
    wa_secret_t  secret;

    if (m->from_me) {
        sealed_self(a, writers);
        n = FORMS_MAX;

    } else {
        n = sealed_forms(a, m, &m->who, writers);
    }

    memset(&secret, 0, sizeof(secret));
    secret.secret = wa_pb_span(&s->secret->secret);
    secret.use = c->sealed;
    secret.message_id = c->sealed == WA_SEALED_BOT ? c->sealed_id : s->id;
    rc = WA_ERR_AUTH;

    for (i = 0; i < s->n_authors; i++) {

        for (k = 0; k < n; k++) {
            secret.author = wa_jid_bare(&s->authors[i]);
            secret.writer = wa_jid_bare(&writers[k]);
            rc = wa_secret_open(&secret, c->sealed_iv, c->sealed_payload,
                                m->arena, plain);

            if (rc != WA_ERR_AUTH) {
                return rc;
            }
        }
    }

    return rc;
}


/* Into today's bucket, if it is not there. */
static wa_err_t
sealed_keep(wa_unit_t *u, const sealed_t *s)
{
    uint32_t  today;
    wa_err_t  rc;
    wa_buf_t  packed = WA_BUF_EMPTY;

    today = wa_day(wa_unix_s(wa_unit_account(u)));

    if (s->day == today) {
        return WA_OK;
    }

    rc = WA_PB_PACK(s->secret, &packed);

    if (rc == WA_OK) {
        rc = wa_unit_put_cold(u, s->name, today, wa_span_buf(&packed));
    }

    wa_buf_wipe(&packed);

    return rc;
}


/* The content as if it had not been sealed.  False: *out stays. */
static bool
sealed_read(const wa_recv_t *m, const wa_content_t *c, wa_span_t plain,
    wa_content_t *out)
{
    wa_content_t                   inner;
    Wa__Message__ReactionMessage  *reaction;

    switch (c->sealed) {

    case WA_SEALED_REACTION:

        if (WA_PB_UNPACK(wa__message__reaction_message__descriptor, plain,
                         m->arena, &reaction) != WA_OK)
        {
            return false;
        }

        out->kind = WA_KIND_REACTION;
        out->emoji = reaction->text == NULL ? "" : reaction->text;
        return true;

    case WA_SEALED_MESSAGE_EDIT:
    case WA_SEALED_EVENT_EDIT:
    case WA_SEALED_POLL_EDIT:

        if (!sealed_read_inner(m, plain, &inner) || inner.nothing) {
            return false;
        }

        out->kind = WA_KIND_PROTOCOL;
        out->edit = true;
        out->text = inner.text;
        return true;

    case WA_SEALED_COMMENT:

        if (!sealed_read_inner(m, plain, &inner)) {
            return false;
        }

        out->kind = WA_KIND_TEXT;
        out->text = inner.text;
        return true;

    case WA_SEALED_BOT:
        return sealed_read_bot(m, c, plain, out);

    default:
        return false;
    }
}


static bool
sealed_read_inner(const wa_recv_t *m, wa_span_t plain, wa_content_t *out)
{
    return wa_message_decode(plain, m->arena, out) == WA_OK;
}


/* What comes last is all of it once more, in place of what came first. */
static bool
sealed_read_bot(const wa_recv_t *m, const wa_content_t *c, wa_span_t plain,
    wa_content_t *out)
{
    wa_content_t      inner;
    Wa__MessageKey   *key;

    if (!sealed_read_inner(m, plain, &inner) || inner.nothing
        || inner.sent_copy || inner.sealed != WA_SEALED_NONE)
    {
        return false;
    }

    if (!c->edit) {
        *out = inner;
        return true;
    }

    key = wa_arena_calloc(m->arena, 1, sizeof(*key));

    if (key == NULL || inner.text == NULL) {
        return false;
    }

    wa__message_key__init(key);
    key->has_from_me = 1;
    key->from_me = 1;
    key->id = wa_arena_strdup(m->arena, c->sealed_id);

    out->kind = WA_KIND_PROTOCOL;
    out->nothing = false;
    out->text = inner.text;
    out->target = key;

    return key->id != NULL;
}


static json_t *
vote_options(const wa_recv_t *m, const wa_content_t *c, const sealed_t *s,
    wa_span_t plain)
{
    Wa__PollVoteMessage       *vote;
    Wa__EventResponseMessage  *answer;

    if (c->sealed == WA_SEALED_POLL_VOTE) {
        return WA_PB_UNPACK(wa__poll_vote_message__descriptor, plain,
                            m->arena, &vote) == WA_OK
                   ? vote_choices(s->secret, vote) : NULL;
    }

    return WA_PB_UNPACK(wa__event_response_message__descriptor, plain,
                        m->arena, &answer) == WA_OK
               ? vote_answer(answer) : NULL;
}


/* A vote names options by the hashes of their names. */
static json_t *
vote_choices(const Wa__MessageSecret *secret, const Wa__PollVoteMessage *vote)
{
    size_t     i, k;
    json_t    *list;
    uint8_t    hash[WA_SHA256_LEN];
    wa_span_t  name;

    list = json_array();

    for (i = 0; i < secret->n_options; i++) {
        name = wa_span_str(secret->options[i]);

        if (wa_sha256(&name, 1, hash) != WA_OK) {
            continue;
        }

        for (k = 0; k < vote->n_selected_options; k++) {

            if (wa_span_eq(wa_pb_span(&vote->selected_options[k]),
                           wa_span(hash, sizeof(hash))))
            {
                (void) json_array_append_new(list,
                                        wa_json_text(secret->options[i]));
                break;
            }
        }
    }

    return list;
}


static json_t *
vote_answer(const Wa__EventResponseMessage *answer)
{
    static const char *const  words[] = { "going", "not_going", "maybe" };

    if (answer->response < 1 || answer->response > 3) {
        return json_array();
    }

    return json_pack("[s]", words[answer->response - 1]);
}


/* Steals options. */
static wa_err_t
vote_event(wa_unit_t *u, const wa_recv_t *m, const wa_content_t *c,
    const sealed_t *s, json_t *options)
{
    json_t        *data;
    int64_t        ms;
    wa_jid_t       self[FORMS_MAX];
    wa_account_t  *a;

    a = wa_unit_account(u);
    sealed_self(a, self);
    ms = c->sent_ms > 0 && c->sent_ms / 1000 <= m->ts + 86400
             ? c->sent_ms : m->ts * 1000;

    data = json_pack("{s:s, s:o, s:o, s:o, s:o, s:b, s:o, s:I}",
                     "target_id", s->name + sizeof("sec/") - 1,
                     "target_message_id", wa_json_span(s->id),
                     "chat_jid", wa_json_jid(wa_recv_chat(m)),
                     "voter_jid", wa_json_jid(m->from_me ? &self[1]
                                                         : &m->show),
                     "voter_lid", wa_json_jid(m->from_me ? &self[0]
                                                         : &m->lid),
                     "from_me", (int) m->from_me,
                     "options", options,
                     "timestamp_ms", (json_int_t) ms);

    return data == NULL ? WA_ERR_NOMEM : wa_unit_event(u, "poll.vote", data);
}
