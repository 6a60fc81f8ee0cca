/*
 * Messages that only their plaintext shows to need more than was loaded: the
 * unit is dropped, what they need is brought in, and they are decrypted once
 * more.  So nothing is acknowledged before it is durable.
 *
 *     sealed with another message's secret: its records
 *     people are mentioned: their other addresses
 *     the phone's list of LIDs (LID_MIGRATION_MAPPING_SYNC): sessions have to
 *     move, one person after the other
 */
#include "context.pb-c.h"

#include "wa_event_mention.h"
#include "wa_lid.h"
#include "wa_pb.h"
#include "wa_recv_int.h"
#include "wa_wr.h"


/* People in one list; more are not looked at. */
#define REFER_PAIRS_MAX  20000

typedef Wa__LIDMigrationMappingSyncPayload  pairs_t;

typedef struct {
    pairs_t     *list;
    size_t       at;              /* the pair that is being learnt          */
    wa_task_pt   again;
    wa_recv_t   *m;
} refer_t;


static pairs_t *refer_pairs(wa_task_t *t, const wa_recv_t *m,
    const wa_content_t *c);
static bool refer_start(wa_task_t *t, wa_recv_t *m, pairs_t *list,
    wa_task_pt again);
static void refer_learn(wa_task_t *t, wa_err_t rc);
static bool refer_pair(const Wa__LIDMigrationMapping *p, wa_jid_t *pn,
    wa_jid_t *lid);
static bool refer_jid(wa_jid_t *jid, uint64_t user, wa_server_e server);


bool
wa_recv_refer(wa_task_t *t, wa_unit_t *u, const wa_content_t *c,
    wa_task_pt again)
{
    size_t      n;
    pairs_t    *list;
    wa_err_t    rc;
    wa_key_t    keys[WA_SEALED_KEYS + WA_MENTION_KEYS];
    wa_recv_t  *m;
    wa_task_pt  here;

    m = t->data;
    rc = WA_OK;

    if (m->referred) {
        return false;
    }

    list = refer_pairs(t, m, c);

    if (list == NULL) {
        n = wa_recv_sealed_need(t->account, m, c, keys);
        n += wa_mentions_need(c, wa_recv_chat(m), &t->arena, keys + n);
        here = t->resume;
        t->resume = again;
        rc = (n == 0) ? WA_OK : wa_task_need(t, keys, n);

        if (rc == WA_OK) {
            t->resume = here;
            return false;
        }
    }

    wa_unit_drop(u);
    m->referred = true;
    m->keyed = false;
    m->reason = 0;

    if (list != NULL) {
        return refer_start(t, m, list, again);
    }

    if (rc != WA_AGAIN) {
        again(t, rc);
    }

    return true;
}


/* Only our phone may tell; NULL: it is nothing of the kind. */
static pairs_t *
refer_pairs(wa_task_t *t, const wa_recv_t *m, const wa_content_t *c)
{
    pairs_t                                   *list;
    const Wa__LIDMigrationMappingSyncMessage  *sync;

    if (!m->from_me || m->from.device != 0 || c->protocol == NULL) {
        return NULL;
    }

    sync = c->protocol->lid_migration_mapping_sync_message;

    if (sync == NULL || !sync->has_encoded_mapping_payload
        || WA_PB_UNPACK(wa__lidmigration_mapping_sync_payload__descriptor,
                        wa_pb_span(&sync->encoded_mapping_payload),
                        &t->arena, &list) != WA_OK)
    {
        return NULL;
    }

    return list;
}


static bool
refer_start(wa_task_t *t, wa_recv_t *m, pairs_t *list, wa_task_pt again)
{
    refer_t  *r;

    r = wa_arena_calloc(&t->arena, 1, sizeof(refer_t));

    if (r == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return true;
    }

    r->list = list;
    r->again = again;
    r->m = m;
    t->data = r;
    t->resume = refer_learn;
    refer_learn(t, WA_OK);

    return true;
}


/* A pair that is refused does not stop the rest. */
static void
refer_learn(wa_task_t *t, wa_err_t rc)
{
    refer_t   *r;
    wa_jid_t   pn, lid;

    r = t->data;

    while (rc != WA_ERR_NOMEM && rc != WA_ERR_GONE
           && r->at < r->list->n_pn_to_lid_mappings
           && r->at < REFER_PAIRS_MAX)
    {
        rc = WA_OK;

        if (refer_pair(r->list->pn_to_lid_mappings[r->at++], &pn, &lid)) {
            rc = wa_lid_learn(t, &pn, &lid);
        }

        if (rc == WA_AGAIN) {
            return;
        }
    }

    if (rc == WA_ERR_NOMEM || rc == WA_ERR_GONE) {
        wa_task_end(t, rc);             /* it comes again                 */
        return;
    }

    t->data = r->m;
    r->again(t, WA_OK);
}


/* The newer LID where there are two (Baileys, process-message). */
static bool
refer_pair(const Wa__LIDMigrationMapping *p, wa_jid_t *pn, wa_jid_t *lid)
{
    return p->pn != 0
           && refer_jid(pn, p->pn, WA_SERVER_PN)
           && refer_jid(lid, p->latest_lid != 0 ? p->latest_lid
                                                : p->assigned_lid,
                        WA_SERVER_LID);
}


static bool
refer_jid(wa_jid_t *jid, uint64_t user, wa_server_e server)
{
    bool      ok;
    wa_wr_t   w;
    wa_buf_t  text = WA_BUF_EMPTY;

    wa_wr_init(&w, &text, SIZE_MAX);
    wa_wr_dec(&w, user);

    ok = user != 0 && w.err == WA_OK
         && wa_jid_make(jid, wa_span_buf(&text), server, 0) == WA_OK;
    wa_buf_free(&text);

    return ok;
}
