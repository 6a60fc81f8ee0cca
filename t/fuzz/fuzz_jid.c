/*
 * Addresses: from the wire, from callers, and as names of records.  What
 * parses has one text form, and that form means the same.
 */

#include "fuzz.h"

#include "wa_account.h"
#include "wa_jid.h"


static void
fuzz_parse(wa_span_t in)
{
    char      text[WA_JID_TEXT_MAX], again[WA_JID_TEXT_MAX], name[256];
    size_t    n;
    wa_jid_t  jid, same, bare;

    if (wa_jid_parse(in, &jid) != WA_OK) {
        return;
    }

    wa_fuzz_check(jid.user_len <= WA_JID_USER_MAX);
    wa_fuzz_check(jid.user[jid.user_len] == '\0');

    n = wa_jid_format(&jid, text, sizeof(text));

    if (n != 0) {
        wa_fuzz_check(text[n] == '\0');
        wa_fuzz_check(wa_jid_parse(wa_span(text, n), &same) == WA_OK);
        wa_fuzz_check(wa_jid_format(&same, again, sizeof(again)) == n);
        wa_fuzz_check(memcmp(text, again, n) == 0);
        wa_fuzz_check(jid.server == WA_SERVER_OTHER
                      || jid.server == WA_SERVER_NONE
                      || wa_jid_eq(&jid, &same));
    }

    bare = wa_jid_bare(&jid);
    wa_fuzz_check(bare.device == 0);
    wa_fuzz_check(wa_jid_cmp(&bare, &bare) == 0);
    (void) wa_jid_person(&jid);

    n = wa_jid_signal_address(&jid, name, sizeof(name));
    wa_fuzz_check(n < sizeof(name));
    n = wa_jid_signal_name(&jid, name, sizeof(name));
    wa_fuzz_check(n < sizeof(name));
}


static void
fuzz_recipient(wa_span_t in)
{
    char      text[WA_JID_TEXT_MAX], again[WA_JID_TEXT_MAX];
    wa_jid_t  jid;

    if (wa_recipient_parse(in, text, sizeof(text)) != WA_OK) {
        return;
    }

    wa_fuzz_check(wa_jid_parse(wa_span_str(text), &jid) == WA_OK);
    wa_fuzz_check(jid.device == 0);
    wa_fuzz_check(wa_recipient_parse(wa_span_str(text), again,
                                     sizeof(again)) == WA_OK);
    wa_fuzz_check(strcmp(text, again) == 0);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t  *copy;

    copy = wa_fuzz_copy(data, size);
    fuzz_parse(wa_span(copy, size));
    fuzz_recipient(wa_span(copy, size));
    free(copy);

    return 0;
}
