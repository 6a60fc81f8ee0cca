/*
 * Schema of the history database, see wa_schema.h.
 *
 * Tables carry the prefix wa_: the database may be shared with the operator's
 * own programs, and plain names are kept for views made for them.
 *
 * Conventions.  Types are the subset that both backends read the same way;
 * booleans are 0 and 1.  Times: *_ts unix seconds as WhatsApp gives them,
 * *_ms milliseconds of the event log, *_at text of the HTTP contract.  `pos`
 * orders messages as the log does: milliseconds * 4096 + sequence; that of
 * what came with the phone's history is negative.
 *
 * A message's object is kept as it came (`object`); what changes later lives
 * in the columns beside it and is laid over the object when it is read.  So
 * the projection only writes, it never reads a row back.
 */
#include "wa_schema.h"

#include <stdio.h>

#include "wa_sql_int.h"


static wa_err_t schema_step(wa_sql_t *db, const wa_migration_t *m);
static wa_err_t schema_newer(wa_sql_t *db, uint32_t version, size_t known);


/* One row for each file of a message, and for each upload. */
#define SCHEMA_MEDIA                                                          \
    "CREATE TABLE wa_media ("                                                 \
    "  id TEXT PRIMARY KEY,"                                                  \
    "  tenant TEXT NOT NULL,"                                                 \
    "  account_id TEXT,"                                                      \
    "  message TEXT,"                                                         \
    "  message_id TEXT,"                                                      \
    "  kind TEXT,"                                                            \
    "  mime_type TEXT,"                                                       \
    "  filename TEXT,"                                                        \
    "  path TEXT,"                                                            \
    "  hash TEXT,"                                                            \
    "  thumb TEXT,"                                                           \
    "  error TEXT,"                                                           \
    "  descriptor TEXT,"                                                      \
    "  size BIGINT,"                                                          \
    "  width BIGINT,"                                                         \
    "  height BIGINT,"                                                        \
    "  duration BIGINT,"                                                      \
    "  shard INTEGER NOT NULL,"                                               \
    "  retry_ms BIGINT NOT NULL,"                                             \
    "  attempts INTEGER NOT NULL,"                                            \
    "  created_ms BIGINT NOT NULL,"                                           \
    "  status INTEGER NOT NULL);"                                             \
    "CREATE INDEX wa_media_tenant ON wa_media (tenant, created_ms);"          \
    "CREATE INDEX wa_media_hash ON wa_media (tenant, hash);"                  \
    "CREATE INDEX wa_media_message ON wa_media (tenant, message);"            \
    "CREATE INDEX wa_media_whatsapp ON wa_media (tenant, message_id);"        \
    "CREATE INDEX wa_media_due ON wa_media (status, shard, retry_ms);"


/* Answers of requests that belong to no account, by Idempotency-Key. */
#define SCHEMA_ONCE                                                           \
    "CREATE TABLE wa_once ("                                                  \
    "  id TEXT PRIMARY KEY,"                                                  \
    "  body TEXT NOT NULL,"                                                   \
    "  answer TEXT NOT NULL,"                                                 \
    "  created_ms BIGINT NOT NULL);"                                          \
    "CREATE INDEX wa_once_time ON wa_once (created_ms);"


/* Groups, who is in them, and who was; `left_ms`: we are not any more. */
#define SCHEMA_GROUPS                                                         \
    "CREATE TABLE wa_groups ("                                                \
    "  account_id TEXT NOT NULL,"                                             \
    "  jid TEXT NOT NULL,"                                                    \
    "  tenant TEXT NOT NULL,"                                                 \
    "  name TEXT,"                                                            \
    "  community_jid TEXT,"                                                   \
    "  left_ms BIGINT,"                                                       \
    "  first_seen_ms BIGINT NOT NULL,"                                        \
    "  pos BIGINT NOT NULL,"                                                  \
    "  shard INTEGER NOT NULL,"                                               \
    "  updated_ms BIGINT NOT NULL,"                                           \
    "  object TEXT NOT NULL,"                                                 \
    "  PRIMARY KEY (account_id, jid));"                                       \
    "CREATE INDEX wa_groups_time"                                             \
    "  ON wa_groups (tenant, first_seen_ms, pos, shard);"                     \
    "CREATE TABLE wa_group_members ("                                         \
    "  account_id TEXT NOT NULL,"                                             \
    "  group_jid TEXT NOT NULL,"                                              \
    "  jid TEXT NOT NULL,"                                                    \
    "  lid TEXT,"                                                             \
    "  role TEXT NOT NULL,"                                                   \
    "  added_ms BIGINT NOT NULL,"                                             \
    "  PRIMARY KEY (account_id, group_jid, jid));"                            \
    "CREATE INDEX wa_group_members_jid"                                       \
    "  ON wa_group_members (account_id, jid);"                                \
    "CREATE TABLE wa_group_past ("                                            \
    "  account_id TEXT NOT NULL,"                                             \
    "  group_jid TEXT NOT NULL,"                                              \
    "  jid TEXT NOT NULL,"                                                    \
    "  lid TEXT,"                                                             \
    "  reason TEXT NOT NULL,"                                                 \
    "  left_ts BIGINT NOT NULL,"                                              \
    "  PRIMARY KEY (account_id, group_jid, jid));"                            \
    "CREATE INDEX wa_group_past_jid"                                          \
    "  ON wa_group_past (account_id, jid);"


/* Calls, as their last event told them. */
#define SCHEMA_CALLS                                                          \
    "CREATE TABLE wa_calls ("                                                 \
    "  account_id TEXT NOT NULL,"                                             \
    "  id TEXT NOT NULL,"                                                     \
    "  tenant TEXT NOT NULL,"                                                 \
    "  from_jid TEXT,"                                                        \
    "  from_lid TEXT,"                                                        \
    "  group_jid TEXT,"                                                       \
    "  ts BIGINT NOT NULL,"                                                   \
    "  pos BIGINT NOT NULL,"                                                  \
    "  shard INTEGER NOT NULL,"                                               \
    "  updated_ms BIGINT NOT NULL,"                                           \
    "  object TEXT NOT NULL,"                                                 \
    "  PRIMARY KEY (account_id, id));"                                        \
    "CREATE INDEX wa_calls_time ON wa_calls (tenant, ts, pos, shard);"


/* `lid` and `last_seen` (unix s) may be unknown. */
#define SCHEMA_PRESENCE                                                       \
    "CREATE TABLE wa_presence ("                                              \
    "  shard INTEGER NOT NULL,"                                               \
    "  pos BIGINT NOT NULL,"                                                  \
    "  ms BIGINT NOT NULL,"                                                   \
    "  tenant TEXT NOT NULL,"                                                 \
    "  account_id TEXT NOT NULL,"                                             \
    "  chat_jid TEXT NOT NULL,"                                               \
    "  jid TEXT NOT NULL,"                                                    \
    "  lid TEXT,"                                                             \
    "  status TEXT NOT NULL,"                                                 \
    "  last_seen BIGINT,"                                                     \
    "  PRIMARY KEY (shard, ms, pos));"                                        \
    "CREATE INDEX wa_presence_time"                                           \
    "  ON wa_presence (tenant, ms, pos, shard);"                              \
    "CREATE INDEX wa_presence_account ON wa_presence (account_id);"


/* Labels, what has them; settings, and what of the app state has no meaning
   yet (`idx`: its index, `raw`: SyncActionData in base64). */
#define SCHEMA_STATE                                                          \
    "CREATE TABLE wa_labels ("                                                \
    "  account_id TEXT NOT NULL,"                                             \
    "  id TEXT NOT NULL,"                                                     \
    "  tenant TEXT NOT NULL,"                                                 \
    "  name TEXT NOT NULL,"                                                   \
    "  color TEXT,"                                                           \
    "  first_seen_ms BIGINT NOT NULL,"                                        \
    "  pos BIGINT NOT NULL,"                                                  \
    "  shard INTEGER NOT NULL,"                                               \
    "  updated_ms BIGINT NOT NULL,"                                           \
    "  PRIMARY KEY (account_id, id));"                                        \
    "CREATE INDEX wa_labels_time"                                             \
    "  ON wa_labels (tenant, first_seen_ms, pos, shard);"                     \
    "CREATE TABLE wa_label_links ("                                           \
    "  account_id TEXT NOT NULL,"                                             \
    "  label_id TEXT NOT NULL,"                                               \
    "  chat_jid TEXT NOT NULL,"                                               \
    "  message_id TEXT NOT NULL,"                                             \
    "  updated_ms BIGINT NOT NULL,"                                           \
    "  PRIMARY KEY (account_id, label_id, chat_jid, message_id));"            \
    "CREATE TABLE wa_app_state ("                                             \
    "  account_id TEXT NOT NULL,"                                             \
    "  idx TEXT NOT NULL,"                                                    \
    "  collection TEXT,"                                                      \
    "  value TEXT,"                                                           \
    "  raw TEXT,"                                                             \
    "  updated_ms BIGINT NOT NULL,"                                           \
    "  PRIMARY KEY (account_id, idx));"


static const char  schema_1[] =
    "CREATE TABLE wa_projection ("
    "  shard INTEGER PRIMARY KEY,"
    "  ms BIGINT NOT NULL,"
    "  seq BIGINT NOT NULL,"
    "  epoch BIGINT NOT NULL);"

    /* `body` without "id": that is ms-seq-shard.  An account's events are
       among those of its shard. */
    "CREATE TABLE wa_events ("
    "  shard INTEGER NOT NULL,"
    "  ms BIGINT NOT NULL,"
    "  seq BIGINT NOT NULL,"
    "  tenant TEXT NOT NULL,"
    "  account_id TEXT,"
    "  type TEXT NOT NULL,"
    "  at TEXT NOT NULL,"
    "  body TEXT NOT NULL,"
    "  PRIMARY KEY (shard, ms, seq));"

    "CREATE TABLE wa_accounts ("
    "  id TEXT PRIMARY KEY,"
    "  tenant TEXT NOT NULL,"
    "  session_id TEXT NOT NULL,"
    "  name TEXT,"
    "  state TEXT NOT NULL,"
    "  status TEXT NOT NULL,"
    "  reason TEXT,"
    "  whatsapp_number TEXT,"
    "  jid TEXT,"
    "  push_name TEXT,"
    "  created_at TEXT,"
    "  connected_at TEXT,"
    "  deleted_at TEXT,"
    "  updated_at TEXT NOT NULL,"
    "  object TEXT);"
    "CREATE INDEX wa_accounts_tenant ON wa_accounts (tenant, session_id);"

    "CREATE TABLE wa_messages ("
    "  account_id TEXT NOT NULL,"
    "  id TEXT NOT NULL,"
    "  tenant TEXT NOT NULL,"
    "  message_id TEXT,"
    "  chat_jid TEXT NOT NULL,"
    "  from_jid TEXT,"
    "  from_lid TEXT,"
    "  participant TEXT,"
    "  from_me INTEGER NOT NULL,"
    "  type TEXT NOT NULL,"
    "  has_media INTEGER NOT NULL,"
    "  status TEXT NOT NULL,"
    "  rank INTEGER NOT NULL,"
    "  ts BIGINT NOT NULL,"
    "  pos BIGINT NOT NULL,"
    "  shard INTEGER NOT NULL,"
    "  body TEXT,"
    "  is_starred INTEGER NOT NULL DEFAULT 0,"
    "  edited_at TEXT,"
    "  deleted_at TEXT,"
    "  by_admin INTEGER NOT NULL DEFAULT 0,"
    "  delivered_ts BIGINT,"
    "  read_ts BIGINT,"
    "  updated_ms BIGINT NOT NULL,"
    "  object TEXT NOT NULL,"
    "  PRIMARY KEY (account_id, id));"
    "CREATE INDEX wa_messages_time"
    "  ON wa_messages (tenant, ts, pos, shard);"
    "CREATE INDEX wa_messages_account"
    "  ON wa_messages (account_id, ts, pos, shard);"
    "CREATE INDEX wa_messages_chat"
    "  ON wa_messages (tenant, chat_jid, ts, pos, shard);"
    "CREATE INDEX wa_messages_type"
    "  ON wa_messages (tenant, type, has_media, account_id);"
    "CREATE INDEX wa_messages_whatsapp"
    "  ON wa_messages (tenant, message_id);"

    "CREATE TABLE wa_receipts ("
    "  account_id TEXT NOT NULL,"
    "  id TEXT NOT NULL,"
    "  recipient_jid TEXT NOT NULL,"
    "  rank INTEGER NOT NULL,"
    "  status TEXT NOT NULL,"
    "  ts BIGINT NOT NULL,"
    "  PRIMARY KEY (account_id, id, recipient_jid, rank));"

    "CREATE TABLE wa_reactions ("
    "  account_id TEXT NOT NULL,"
    "  id TEXT NOT NULL,"
    "  from_jid TEXT NOT NULL,"
    "  emoji TEXT NOT NULL,"
    "  ms BIGINT NOT NULL,"
    "  PRIMARY KEY (account_id, id, from_jid));"
    "CREATE INDEX wa_reactions_from ON wa_reactions (account_id, from_jid);"

    /* The newest vote of each in a poll or an event; options: JSON array. */
    "CREATE TABLE wa_votes ("
    "  account_id TEXT NOT NULL,"
    "  id TEXT NOT NULL,"
    "  voter TEXT NOT NULL,"
    "  lid TEXT,"
    "  options TEXT NOT NULL,"
    "  ms BIGINT NOT NULL,"
    "  PRIMARY KEY (account_id, id, voter));"
    "CREATE INDEX wa_votes_voter ON wa_votes (account_id, voter);"

    /* Message bytes, base64, where the object does not tell all. */
    "CREATE TABLE wa_raw ("
    "  account_id TEXT NOT NULL,"
    "  id TEXT NOT NULL,"
    "  message TEXT NOT NULL,"
    "  PRIMARY KEY (account_id, id));"

    "CREATE TABLE wa_chats ("
    "  account_id TEXT NOT NULL,"
    "  jid TEXT NOT NULL,"
    "  tenant TEXT NOT NULL,"
    "  lid TEXT,"
    "  name TEXT,"
    "  is_group INTEGER NOT NULL,"
    "  is_archived INTEGER NOT NULL DEFAULT 0,"
    "  is_pinned INTEGER NOT NULL DEFAULT 0,"
    "  mute_expiry BIGINT,"
    "  ephemeral_duration BIGINT,"
    "  unread_count BIGINT NOT NULL,"
    "  last_ts BIGINT NOT NULL,"
    "  last_pos BIGINT NOT NULL,"
    "  last_id TEXT NOT NULL,"
    "  last_body TEXT,"
    "  last_from_me INTEGER NOT NULL,"
    "  shard INTEGER NOT NULL,"
    "  updated_ms BIGINT NOT NULL,"
    "  fresh INTEGER NOT NULL DEFAULT 0,"
    "  PRIMARY KEY (account_id, jid));"
    "CREATE INDEX wa_chats_fresh ON wa_chats (shard) WHERE fresh <> 0;"
    "CREATE INDEX wa_chats_time"
    "  ON wa_chats (tenant, last_ts, last_pos, shard);"
    "CREATE INDEX wa_chats_lid ON wa_chats (tenant, lid);"
    "CREATE INDEX wa_chats_jid ON wa_chats (tenant, jid);"

    "CREATE TABLE wa_contacts ("
    "  account_id TEXT NOT NULL,"
    "  jid TEXT NOT NULL,"
    "  tenant TEXT NOT NULL,"
    "  lid TEXT,"
    "  phone_number TEXT,"
    "  notify_name TEXT,"
    "  name TEXT,"
    "  short_name TEXT,"
    "  username TEXT,"
    "  status_text TEXT,"
    "  profile_pic_url TEXT,"
    "  verified_name TEXT,"
    "  first_seen_ms BIGINT NOT NULL,"
    "  pos BIGINT NOT NULL,"
    "  shard INTEGER NOT NULL,"
    "  updated_ms BIGINT NOT NULL,"
    "  fresh INTEGER NOT NULL DEFAULT 0,"
    "  PRIMARY KEY (account_id, jid));"
    "CREATE INDEX wa_contacts_fresh ON wa_contacts (shard) WHERE fresh <> 0;"
    "CREATE INDEX wa_contacts_tenant ON wa_contacts (tenant, jid);"
    "CREATE INDEX wa_contacts_lid ON wa_contacts (tenant, lid);"
    "CREATE INDEX wa_contacts_time"
    "  ON wa_contacts (tenant, first_seen_ms, pos, shard);"

    SCHEMA_MEDIA
    SCHEMA_ONCE
    SCHEMA_GROUPS
    SCHEMA_CALLS
    SCHEMA_PRESENCE
    SCHEMA_STATE;


static const wa_migration_t  schema_list[] = {
    { 1, schema_1 }
};

_Static_assert(sizeof(schema_list) / sizeof(schema_list[0])
               == WA_SCHEMA_VERSION, "a migration for every version");


wa_err_t
wa_schema_apply(wa_sql_t *db)
{
    return wa_schema_migrate(db, schema_list, WA_SCHEMA_VERSION);
}


wa_err_t
wa_schema_migrate(wa_sql_t *db, const wa_migration_t *list, size_t n)
{
    size_t    i;
    uint32_t  version;
    wa_err_t  rc;

    rc = wa_schema_version(db, &version);

    if (rc == WA_OK && version > n) {
        rc = schema_newer(db, version, n);
    }

    if (rc != WA_OK || version == n) {
        return rc;
    }

    rc = wa_sql_begin_schema(db);

    if (rc != WA_OK) {
        return rc;
    }

    rc = wa_sql_script(db, "CREATE TABLE IF NOT EXISTS wa_schema ("
                           "  version INTEGER PRIMARY KEY,"
                           "  applied_at TIMESTAMP NOT NULL"
                           "    DEFAULT CURRENT_TIMESTAMP)");

    /* Another process may have been here before the lock. */

    if (rc == WA_OK) {
        rc = wa_schema_version(db, &version);
    }

    if (rc == WA_OK && version > n) {
        rc = schema_newer(db, version, n);
    }

    for (i = version; rc == WA_OK && i < n; i++) {
        rc = schema_step(db, &list[i]);
    }

    if (rc != WA_OK) {
        wa_sql_rollback(db);
        return rc;
    }

    return wa_sql_commit(db);
}


static wa_err_t
schema_step(wa_sql_t *db, const wa_migration_t *m)
{
    wa_err_t        rc;
    wa_sql_value_t  v;

    rc = wa_sql_script(db, m->script);

    if (rc != WA_OK) {
        return rc;
    }

    v.type = WA_SQL_INT;
    v.i = m->version;

    return wa_sql_exec(db, "INSERT INTO wa_schema (version) VALUES ($1)", &v,
                       1, NULL);
}


static wa_err_t
schema_newer(wa_sql_t *db, uint32_t version, size_t known)
{
    char  text[160];

    (void) snprintf(text, sizeof(text), "the database has schema %u, this "
                    "wahub knows up to %zu: run the wahub that wrote it, or "
                    "a newer one", version, known);

    return wa_sql_fail(db, WA_ERR_VERSION, text);
}


wa_err_t
wa_schema_version(wa_sql_t *db, uint32_t *version)
{
    int64_t         v;
    wa_err_t        rc;
    const char     *exists;
    wa_sql_rows_t  *rows;

    exists = wa_sql_backend(db) == WA_SQL_SQLITE
                 ? "SELECT COUNT(*) FROM sqlite_master"
                   " WHERE type = 'table' AND name = 'wa_schema'"
                 : "SELECT COUNT(*) FROM pg_catalog.pg_tables"
                   " WHERE schemaname = current_schema()"
                   " AND tablename = 'wa_schema'";

    rc = wa_sql_query(db, exists, NULL, 0, &rows);

    if (rc != WA_OK) {
        return rc;
    }

    rc = wa_sql_next(rows);
    v = (rc == WA_OK) ? wa_sql_int(rows, 0) : 0;
    wa_sql_rows_free(rows);

    if (rc != WA_OK || v == 0) {
        *version = 0;
        return rc;
    }

    rc = wa_sql_query(db, "SELECT COALESCE(MAX(version), 0) FROM wa_schema",
                      NULL, 0, &rows);

    if (rc != WA_OK) {
        return rc;
    }

    rc = wa_sql_next(rows);
    v = (rc == WA_OK) ? wa_sql_int(rows, 0) : 0;
    wa_sql_rows_free(rows);

    if (rc == WA_OK) {
        *version = (uint32_t) v;
    }

    return rc;
}
