/*
 * Every protobuf that is read: messages behind padding, the handshake, ADV
 * blobs, Signal's own, records.  The first byte chooses the schema.  What
 * unpacks must pack, and the packed form must be stable.  What a message says
 * is JSON, whatever it is.
 */

#include "fuzz.h"

#include "adv.pb-c.h"
#include "context.pb-c.h"
#include "group.pb-c.h"
#include "handshake.pb-c.h"
#include "message.pb-c.h"
#include "signal.pb-c.h"
#include "store.pb-c.h"
#include "webmessage.pb-c.h"

#include "wa_account_int.h"
#include "wa_adv.h"
#include "wa_event_int.h"
#include "wa_padding.h"
#include "wa_pb.h"
#include "wa_report.h"


#define FUZZ_ARENA_MAX  (16u * 1024 * 1024)


static const ProtobufCMessageDescriptor *const  fuzz_schemas[] = {
    &wa__message__descriptor,
    &wa__handshake_message__descriptor,
    &wa__client_payload__descriptor,
    &wa__device_props__descriptor,
    &wa__advsigned_device_identity_hmac__descriptor,
    &wa__advsigned_device_identity__descriptor,
    &wa__advkey_index_list__descriptor,
    &wa__pre_key_signal_message__descriptor,
    &wa__sender_key_distribution_message__descriptor,
    &wa__web_message_info__descriptor,
    &wa__cert_chain__descriptor,
    &wa__cert_chain__noise_certificate__details__descriptor,
    &wa__signal_message__descriptor,
    &wa__sender_key_message__descriptor,
    &wa__key_message__descriptor,
    &wa__group__descriptor,
    &wa__group_list__descriptor,
    &wa__key_holders__descriptor,
    &wa__sent_message__descriptor,
    &wa__pending_send__descriptor,
    &wa__pending_list__descriptor,
    &wa__client_send__descriptor,
    &wa__wanted_list__descriptor,
    &wa__message_secret__descriptor,
    &wa__chat_expiry__descriptor,
    &wa__lidmigration_mapping_sync_message__descriptor,
    &wa__poll_vote_message__descriptor,
    &wa__event_response_message__descriptor,
    &wa__lidmigration_mapping_sync_payload__descriptor
};

#define FUZZ_SCHEMAS  (sizeof(fuzz_schemas) / sizeof(fuzz_schemas[0]))

/* Among the schemas by number. */
#define FUZZ_ADV      9


static void
fuzz_round_trip(const ProtobufCMessageDescriptor *desc, wa_span_t in,
    wa_arena_t *arena)
{
    wa_buf_t           first = WA_BUF_EMPTY;
    wa_buf_t           second = WA_BUF_EMPTY;
    wa_err_t           rc;
    ProtobufCMessage  *msg;

    rc = wa_pb_unpack(desc, in, arena, NULL, &msg);

    if (rc == WA_OK && wa_pb_pack(msg, &first) == WA_OK) {

        rc = wa_pb_unpack(desc, wa_span_buf(&first), arena, NULL, &msg);
        wa_fuzz_check(rc == WA_OK || rc == WA_ERR_NOMEM);

        if (rc == WA_OK) {
            wa_fuzz_check(wa_pb_pack(msg, &second) == WA_OK);
            wa_fuzz_check(wa_span_eq(wa_span_buf(&first),
                                     wa_span_buf(&second)));
        }
    }

    wa_buf_free(&first);
    wa_buf_free(&second);
}


static void
fuzz_adv(wa_span_t in, wa_arena_t *arena)
{
    wa_adv_t        adv;
    wa_adv_fail_e   fail;
    wa_adv_index_t  index;

    static const uint8_t  key[64] = { 8 };

    wa_fuzz_check(wa_adv_pair(in, key, key, key, key, arena, &adv, &fail)
                  != WA_OK);
    wa_fuzz_check(fail != WA_ADV_FAIL_NONE);

    (void) wa_adv_verify_device(in, key, key, arena);
    (void) wa_adv_key_index(in, key, arena, &index);
}


/* Made once: who the message came to, whose key seals what lies beside it. */
static wa_account_t *
fuzz_account(void)
{
    wa_engine_t       *e;
    wa_engine_conf_t   conf;

    static wa_creds_t     creds;
    static wa_account_t  *a;

    if (a == NULL) {
        memset(&conf, 0, sizeof(conf));
        conf.ws_host = "web.whatsapp.com";
        conf.ws_path = "/ws/chat";
        e = wa_engine_create(&conf);
        wa_fuzz_check(e != NULL);
        a = wa_account_create(e, wa_span_str("11111111-2222-4333-8444-"
                                             "555555555555"), NULL);
        wa_fuzz_check(a != NULL);

        wa_fuzz_check(wa_jid_make(&creds.jid, wa_span_str("15550109999"),
                                  WA_SERVER_PN, 2) == WA_OK);
        wa_fuzz_check(wa_jid_make(&creds.lid, wa_span_str("99000099"),
                                  WA_SERVER_LID, 2) == WA_OK);
        a->creds = &creds;
    }

    return a;
}


static void
fuzz_content(wa_span_t in, wa_arena_t *arena)
{
    json_t             *o;
    wa_jw_t             w;
    wa_buf_t            text = WA_BUF_EMPTY;
    wa_content_t        c;
    wa_message_view_t   v;

    memset(&v, 0, sizeof(v));

    if (wa_message_decode(in, arena, &c) != WA_OK) {
        return;
    }

    v.content = &c;
    v.plain = in;
    v.message_id = wa_span_str("M1");
    v.media_id = c.medium.kind;

    wa_jw_init(&w, &text);
    wa_jw_open(&w, NULL, '[');
    wa_jw_open(&w, NULL, '{');
    wa_event_contacts(&c, &w);
    wa_event_interactive(&v, &w);
    wa_jw_close(&w, '}');
    wa_event_aside(fuzz_account(), &v, &w);
    wa_jw_close(&w, ']');

    if (w.err == WA_OK) {
        o = json_loadb((const char *) text.p, text.n, JSON_ALLOW_NUL, NULL);
        wa_fuzz_check(o != NULL);
        json_decref(o);
    }

    wa_buf_free(&text);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t       schema;
    uint8_t     *copy;
    wa_buf_t     content = WA_BUF_EMPTY;
    wa_span_t    in;
    wa_arena_t   arena;

    if (size == 0 || wa_crypto_init() != WA_OK) {
        return 0;
    }

    copy = wa_fuzz_copy(data + 1, size - 1);
    in = wa_span(copy, size - 1);
    schema = (data[0] & 0x7f) % (FUZZ_SCHEMAS + 1);

    wa_arena_init(&arena, 0);
    wa_arena_set_limit(&arena, FUZZ_ARENA_MAX);

    (void) wa_report_content(in, &content);
    wa_buf_free(&content);

    if (schema == FUZZ_ADV) {
        fuzz_adv(in, &arena);

    } else {
        if (data[0] & 0x80) {
            (void) wa_padding_strip(&in);
        }

        fuzz_round_trip(fuzz_schemas[schema - (schema > FUZZ_ADV)], in,
                        &arena);

        if (schema == 0) {
            fuzz_content(in, &arena);
        }
    }

    wa_arena_free(&arena);
    free(copy);

    return 0;
}
