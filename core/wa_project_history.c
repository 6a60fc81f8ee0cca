/*
 * Taking in history: the second pass, transaction by transaction, see
 * wa_history.h.
 */
#include "wa_history_int.h"

#include "wa_pb.h"


/* Messages of one transaction, and other rows. */
#define HISTORY_BATCH_MAX  512u

#define DEPTH_CHAT         1
#define DEPTH_MESSAGE      2


static wa_err_t write_start(wa_history_t *h);
static wa_err_t write_account(wa_history_t *h, wa_sql_t *db);
static wa_err_t write_batch(wa_history_t *h, wa_sql_t *db);
static wa_err_t write_open(wa_history_t *h, const wa_pbstream_item_t *item);
static wa_err_t write_item(wa_history_t *h, wa_sql_t *db,
    const wa_pbstream_item_t *item, size_t *rows);
static wa_err_t write_root(wa_history_t *h, wa_sql_t *db,
    const wa_pbstream_item_t *item, size_t *rows);
static wa_err_t write_name(wa_history_t *h, wa_sql_t *db, wa_span_t bytes);
static wa_err_t write_status(wa_history_t *h, wa_sql_t *db,
    wa_span_t bytes);
static wa_err_t write_info(wa_history_t *h, wa_span_t bytes);
static wa_err_t write_message(wa_history_t *h, wa_sql_t *db);


wa_err_t
wa_history_write(wa_history_t *h, wa_sql_t *db)
{
    wa_err_t  rc, end;

    if (!h->scanned_all) {
        return WA_ERR_ARG;
    }

    rc = h->writing ? WA_OK : write_start(h);

    if (rc == WA_OK) {
        rc = wa_sql_begin(db);
    }

    if (rc == WA_OK) {
        rc = write_account(h, db);
        end = WA_OK;

        if (rc == WA_OK) {
            end = write_batch(h, db);
            rc = end == WA_AGAIN ? WA_OK : end;
        }

        if (rc == WA_OK) {
            rc = wa_sql_commit(db);

        } else {
            wa_sql_rollback(db);
        }

        if (rc == WA_OK && end == WA_AGAIN) {
            return WA_AGAIN;
        }
    }

    wa_history_source_close(&h->source);
    h->writing = false;

    return rc;
}


static wa_err_t
write_start(wa_history_t *h)
{
    wa_err_t  rc;

    wa_history_source_close(&h->source);
    rc = wa_history_source_open(&h->source, h->read, h->ctx);

    if (rc != WA_OK) {
        return rc;
    }

    wa_arena_reset(&h->arena);
    memset(&h->place, 0, sizeof(h->place));
    memset(&h->totals, 0, sizeof(h->totals));
    h->next_chat = h->first;
    h->nomem = h->map.nomem;
    h->writing = true;

    if (h->secrets != NULL) {
        (void) json_array_clear(h->secrets);
    }

    return WA_OK;
}


/* Locks the account's row: who deletes it comes before or after the batch,
   never in the middle. */
static wa_err_t
write_account(wa_history_t *h, wa_sql_t *db)
{
    bool             deleted;
    int64_t          changed;
    wa_err_t         rc;
    wa_sql_rows_t   *rows;
    wa_sql_value_t   v;

    v.type = WA_SQL_TEXT;
    v.s = wa_span_str(h->account_id);

    rc = wa_sql_exec(db, "UPDATE wa_accounts SET updated_at = updated_at"
                         " WHERE id = $1 AND deleted_at IS NULL", &v, 1,
                     &changed);

    if (rc != WA_OK || changed != 0) {
        return rc;
    }

    rc = wa_sql_query(db, "SELECT 1 FROM wa_accounts WHERE id = $1", &v, 1,
                      &rows);

    if (rc != WA_OK) {
        return rc;
    }

    rc = wa_sql_next(rows);
    deleted = (rc == WA_OK);
    wa_sql_rows_free(rows);

    if (rc != WA_OK && rc != WA_AGAIN) {
        return rc;
    }

    return deleted ? WA_ERR_GONE : WA_ERR_STATE;
}


/* WA_AGAIN: the batch is full. */
static wa_err_t
write_batch(wa_history_t *h, wa_sql_t *db)
{
    size_t              rows;
    wa_err_t            rc;
    wa_pbstream_item_t  item;

    rows = 0;

    while (rows < HISTORY_BATCH_MAX) {
        rc = wa_history_source_next(&h->source, &item);

        if (rc == WA_AGAIN) {
            return WA_OK;
        }

        if (rc == WA_OK) {
            rc = item.type == WA_PBSTREAM_OPEN
                 ? write_open(h, &item) : write_item(h, db, &item, &rows);
        }

        if (rc != WA_OK || h->nomem) {
            return rc == WA_OK ? WA_ERR_NOMEM : rc;
        }

        if (h->place.info == NULL) {
            wa_arena_reset(&h->arena);
        }
    }

    return WA_AGAIN;
}


static wa_err_t
write_open(wa_history_t *h, const wa_pbstream_item_t *item)
{
    wa_pbstream_t  *s;

    s = h->source.stream;

    switch (item->depth) {

    case 0:

        if (item->number == WA_HISTORY_CHAT) {

            if (h->next_chat == NULL) {
                return WA_ERR_SYNTAX;   /* other bytes than were scanned */
            }

            memset(&h->place, 0, sizeof(h->place));
            h->place.chat = h->next_chat;
            h->next_chat = h->next_chat->next;

            return wa_pbstream_enter(s);
        }

        if (item->number == WA_HISTORY_STATUSES && h->messages) {
            return wa_pbstream_take(s, WA_HISTORY_MESSAGE_MAX);
        }

        return item->number == WA_HISTORY_PUSHNAME
               || item->number == WA_HISTORY_PAST
               || (item->number == WA_HISTORY_CALL && h->messages)
               ? wa_pbstream_take(s, WA_HISTORY_FIELD_MAX) : WA_OK;

    case DEPTH_CHAT:
        return item->number == WA_HISTORY_CHAT_MSG && h->messages
               && h->place.chat->jid.server != WA_SERVER_NONE
               ? wa_pbstream_enter(s) : WA_OK;

    default:
        return item->number == WA_HISTORY_MSG_INFO
               ? wa_pbstream_take(s, WA_HISTORY_MESSAGE_MAX) : WA_OK;
    }
}


static wa_err_t
write_item(wa_history_t *h, wa_sql_t *db, const wa_pbstream_item_t *item,
    size_t *rows)
{
    if (item->depth == 0) {
        return write_root(h, db, item, rows);
    }

    if (item->depth == DEPTH_CHAT) {

        if (item->type == WA_PBSTREAM_END
            && item->number == WA_HISTORY_CHAT_MSG)
        {
            (*rows)++;
            return write_message(h, db);
        }

        return WA_OK;
    }

    switch (item->type) {

    case WA_PBSTREAM_BYTES:
        return write_info(h, item->bytes);

    case WA_PBSTREAM_LARGE:
        h->place.large = true;
        return WA_OK;

    case WA_PBSTREAM_VARINT:

        if (item->number == WA_HISTORY_MSG_ORDER) {
            h->place.order = item->value;
        }

        return WA_OK;

    default:
        return WA_OK;
    }
}


static wa_err_t
write_root(wa_history_t *h, wa_sql_t *db, const wa_pbstream_item_t *item,
    size_t *rows)
{
    wa_err_t                      rc;
    Wa__HistoryCall              *call;
    wa_history_chat_t            *chat;
    Wa__HistoryPastParticipants  *past;

    if (item->type == WA_PBSTREAM_END && item->number == WA_HISTORY_CHAT) {
        chat = h->place.chat;
        rc = chat->jid.server == WA_SERVER_NONE
             ? WA_OK : wa_history_row_chat(h, db, chat);
        memset(&h->place, 0, sizeof(h->place));
        (*rows)++;

        return rc;
    }

    if (item->type != WA_PBSTREAM_BYTES) {
        return WA_OK;
    }

    (*rows)++;

    switch (item->number) {

    case WA_HISTORY_STATUSES:
        return write_status(h, db, item->bytes);

    case WA_HISTORY_PUSHNAME:
        return write_name(h, db, item->bytes);

    case WA_HISTORY_CALL:
        rc = WA_PB_UNPACK(wa__history_call__descriptor, item->bytes,
                          &h->arena, &call);

        if (rc != WA_OK) {
            return rc == WA_ERR_NOMEM ? rc : WA_OK;
        }

        return wa_history_row_call(h, db, call);

    default:
        rc = WA_PB_UNPACK(wa__history_past_participants__descriptor,
                          item->bytes, &h->arena, &past);

        if (rc != WA_OK) {
            return rc == WA_ERR_NOMEM ? rc : WA_OK;
        }

        return wa_history_row_past(h, db, past);
    }
}


static wa_err_t
write_name(wa_history_t *h, wa_sql_t *db, wa_span_t bytes)
{
    wa_err_t               rc;
    wa_jid_t               jid;
    Wa__HistoryPushname   *name;

    rc = WA_PB_UNPACK(wa__history_pushname__descriptor, bytes, &h->arena,
                      &name);

    if (rc != WA_OK || name->id == NULL
        || !wa_push_name_says(wa_span_str(name->pushname))
        || !wa_history_jid(wa_span_str(name->id), &jid)
        || !wa_jid_is_user(&jid) || wa_history_is_self(h, &jid))
    {
        return rc == WA_ERR_NOMEM ? rc : WA_OK;
    }

    return wa_history_row_contact(h, db, &jid,
                                  wa_history_text(h, name->pushname));
}


static wa_err_t
write_status(wa_history_t *h, wa_sql_t *db, wa_span_t bytes)
{
    wa_err_t            rc;
    wa_history_chat_t   chat;

    memset(&chat, 0, sizeof(chat));
    (void) wa_jid_parse(wa_span_str("status@broadcast"), &chat.jid);

    rc = write_info(h, bytes);

    if (rc == WA_OK && h->place.info != NULL) {
        rc = wa_history_row_message(h, db, &chat, h->place.info, 0);
    }

    h->place.info = NULL;

    return rc;
}


/* What does not parse is passed over. */
static wa_err_t
write_info(wa_history_t *h, wa_span_t bytes)
{
    wa_err_t  rc;

    rc = WA_PB_UNPACK(wa__web_message_info__descriptor, bytes, &h->arena,
                      &h->place.info);

    if (rc != WA_OK) {
        h->place.info = NULL;
        h->place.large = true;
    }

    return rc == WA_ERR_NOMEM ? rc : WA_OK;
}


static wa_err_t
write_message(wa_history_t *h, wa_sql_t *db)
{
    wa_err_t             rc;
    wa_history_place_t  *p;

    p = &h->place;
    rc = WA_OK;

    if (p->info != NULL) {
        rc = wa_history_row_message(h, db, p->chat, p->info, p->order);

    } else if (p->large) {
        h->totals.skipped++;
    }

    p->info = NULL;
    p->order = 0;
    p->large = false;

    return rc;
}
