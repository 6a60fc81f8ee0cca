/*
 * Messages with a content of their own that is no medium.
 */
#include "wa_compose_int.h"


/* Contract limits, bytes; no limit there: what a stanza may bear. */
#define KIND_NAME_MAX      1024
#define KIND_POLL_NAME     255
#define KIND_POLL_OPTION   100
#define KIND_POLL_OPTIONS  12
#define KIND_POLL_LEAST    2
#define KIND_URL_MAX       2048
#define KIND_THUMB_MAX     65536

/* Unix seconds until the year 9999. */
#define KIND_TIME_MAX      253402300799


static void compose_preview(wa_draft_t *d, const json_t *args,
    Wa__Message__ExtendedTextMessage *ext);
static void compose_look(wa_draft_t *d, const json_t *args,
    Wa__Message__ExtendedTextMessage *ext);
static void compose_live(wa_draft_t *d, const json_t *args);
static void compose_place(wa_draft_t *d, const json_t *args,
    double *latitude, double *longitude);
static Wa__Message__PollCreationMessage__Option *compose_option(
    wa_draft_t *d, const json_t *list, size_t i);


/* A text that nothing is attached to is sent in its short form. */
void
wa_compose_text(wa_draft_t *d, const json_t *args)
{
    char                              *text;
    Wa__Message__ExtendedTextMessage  *ext;

    text = wa_arg_text(d, args, "text", WA_COMPOSE_TEXT_MAX);
    ext = wa_arg_new(d, sizeof(*ext));

    if (text == NULL) {
        wa_arg_refuse(d, "MISSING_CONTENT", "The text is missing");
    }

    if (d->error.code != NULL) {
        return;
    }

    wa__message__extended_text_message__init(ext);

    ext->text = text;
    d->message.extended_text_message = ext;
    d->slot = &ext->context_info;
    d->secret = true;

    compose_preview(d, args, ext);
    compose_look(d, args, ext);
}


/* How a status looks that is a text. */
static void
compose_look(wa_draft_t *d, const json_t *args,
    Wa__Message__ExtendedTextMessage *ext)
{
    int64_t  n;

    if (wa_arg_int(d, args, "background_argb", 0, UINT32_MAX, &n)) {
        ext->has_background_argb = 1;
        ext->background_argb = (uint32_t) n;
    }

    if (wa_arg_int(d, args, "text_argb", 0, UINT32_MAX, &n)) {
        ext->has_text_argb = 1;
        ext->text_argb = (uint32_t) n;
    }

    if (wa_arg_int(d, args, "font", 0, 10, &n)) {
        ext->has_font = 1;
        ext->font = (int32_t) n;
    }
}


/* What a page of a link in the text tells about itself. */
static void
compose_preview(wa_draft_t *d, const json_t *args,
    Wa__Message__ExtendedTextMessage *ext)
{
    char          *url;
    const json_t  *p;

    p = json_object_get(args, "preview");

    if (!json_is_object(p)) {
        return;
    }

    url = wa_arg_need(d, p, "url", KIND_URL_MAX);

    if (url == NULL || strstr(ext->text, url) == NULL) {
        wa_arg_bad(d, "preview", "INVALID", "its link is not in the text");
        return;
    }

    ext->matched_text = url;
    ext->title = wa_arg_text(d, p, "title", KIND_NAME_MAX);
    ext->description = wa_arg_text(d, p, "description", KIND_NAME_MAX);
    ext->has_preview_type = 1;
    ext->preview_type = 0;
    ext->has_jpeg_thumbnail = wa_arg_bytes(d, p, "thumbnail", 1,
                                           KIND_THUMB_MAX,
                                           &ext->jpeg_thumbnail);
}


void
wa_compose_location(wa_draft_t *d, const json_t *args)
{
    Wa__Message__LocationMessage  *l;

    if (wa_arg_bool(d, args, "live")) {
        compose_live(d, args);
        return;
    }

    l = wa_arg_new(d, sizeof(*l));

    if (l == NULL) {
        return;
    }

    wa__message__location_message__init(l);

    compose_place(d, args, &l->degrees_latitude, &l->degrees_longitude);

    l->has_degrees_latitude = 1;
    l->has_degrees_longitude = 1;
    l->name = wa_arg_text(d, args, "name", KIND_NAME_MAX);
    l->address = wa_arg_text(d, args, "address", KIND_NAME_MAX);
    l->url = wa_arg_text(d, args, "place_url", KIND_URL_MAX);

    d->message.location_message = l;
    d->slot = &l->context_info;
    d->secret = true;
}


/* Where somebody is now; an update is another one with a later time. */
static void
compose_live(wa_draft_t *d, const json_t *args)
{
    double                             speed;
    int64_t                            n;
    Wa__Message__LiveLocationMessage  *l;

    l = wa_arg_new(d, sizeof(*l));

    if (l == NULL) {
        return;
    }

    wa__message__live_location_message__init(l);

    compose_place(d, args, &l->degrees_latitude, &l->degrees_longitude);

    l->has_degrees_latitude = 1;
    l->has_degrees_longitude = 1;
    l->caption = wa_arg_text(d, args, "name", KIND_NAME_MAX);

    if (wa_arg_int(d, args, "accuracy", 0, 1000000, &n)) {
        l->has_accuracy_in_meters = 1;
        l->accuracy_in_meters = (uint32_t) n;
    }

    if (wa_arg_number(d, args, "speed", 0, 10000, &speed)) {
        l->has_speed_in_mps = 1;
        l->speed_in_mps = (float) speed;
    }

    if (wa_arg_int(d, args, "heading", 0, 360, &n)) {
        l->has_degrees_clockwise_from_magnetic_north = 1;
        l->degrees_clockwise_from_magnetic_north = (uint32_t) n;
    }

    l->has_sequence_number = 1;
    d->stamp = &l->sequence_number;
    d->message.live_location_message = l;
    d->slot = &l->context_info;
    d->secret = true;
}


static void
compose_place(wa_draft_t *d, const json_t *args, double *latitude,
    double *longitude)
{
    if (!wa_arg_number(d, args, "latitude", -90, 90, latitude)) {
        wa_arg_bad(d, "latitude", "REQUIRED", "is required");
    }

    if (!wa_arg_number(d, args, "longitude", -180, 180, longitude)) {
        wa_arg_bad(d, "longitude", "REQUIRED", "is required");
    }
}


/* One choice only is a form of its own. */
void
wa_compose_poll(wa_draft_t *d, const json_t *args)
{
    size_t                             i, n;
    int64_t                            selectable;
    const json_t                      *list;
    Wa__Message__PollCreationMessage  *p;

    p = wa_arg_new(d, sizeof(*p));

    if (p == NULL) {
        return;
    }

    wa__message__poll_creation_message__init(p);

    p->name = wa_arg_need(d, args, "name", KIND_POLL_NAME);
    list = json_object_get(args, "options");
    n = json_array_size(list);

    if (n < KIND_POLL_LEAST || n > KIND_POLL_OPTIONS) {
        wa_arg_bad(d, "options", list == NULL ? "REQUIRED" : "OUT_OF_RANGE",
                   "must be 2 to 12 texts");
        return;
    }

    p->options = wa_arg_new(d, n * sizeof(*p->options));

    for (i = 0; i < n && d->error.code == NULL; i++) {
        p->options[i] = compose_option(d, list, i);
    }

    p->n_options = n;
    selectable = 1;

    (void) wa_arg_int(d, args, "selectable", 0, (int64_t) n, &selectable);

    p->has_selectable_options_count = 1;
    p->selectable_options_count = (uint32_t) selectable;

    if (selectable == 1) {
        d->message.poll_creation_message_v3 = p;

    } else {
        d->message.poll_creation_message = p;
    }

    d->slot = &p->context_info;
    d->secret = true;
}


/* A vote names an option by its hash, so no two may be alike. */
static Wa__Message__PollCreationMessage__Option *
compose_option(wa_draft_t *d, const json_t *list, size_t i)
{
    size_t                                     k, n;
    const char                                *text;
    const json_t                              *v;
    Wa__Message__PollCreationMessage__Option  *o;

    v = json_array_get(list, i);
    text = json_string_value(v);
    n = json_string_length(v);

    if (n == 0 || n > KIND_POLL_OPTION || strlen(text) != n) {
        wa_arg_bad(d, "options", "INVALID",
                   "each must be a text of 1 to 100 bytes");
        return NULL;
    }

    for (k = 0; k < i; k++) {

        if (json_equal(json_array_get(list, k), v)) {
            wa_arg_bad(d, "options", "INVALID", "holds one twice");
            return NULL;
        }
    }

    o = wa_arg_new(d, sizeof(*o));

    if (o != NULL) {
        wa__message__poll_creation_message__option__init(o);
        o->option_name = wa_arena_strdup(&d->arena, wa_span(text, n));

        if (o->option_name == NULL) {
            wa_arg_refuse(d, "INTERNAL_ERROR", "Out of memory");
        }
    }

    return o;
}


void
wa_compose_event(wa_draft_t *d, const json_t *args)
{
    const json_t                  *place;
    Wa__Message__EventMessage     *e;
    Wa__Message__LocationMessage  *l;

    e = wa_arg_new(d, sizeof(*e));
    l = wa_arg_new(d, sizeof(*l));

    if (e == NULL || l == NULL) {
        return;
    }

    wa__message__event_message__init(e);
    wa__message__location_message__init(l);

    e->name = wa_arg_need(d, args, "name", KIND_NAME_MAX);
    e->description = wa_arg_text(d, args, "description", WA_COMPOSE_TEXT_MAX);
    e->join_link = wa_arg_text(d, args, "join_link", KIND_URL_MAX);

    e->has_start_time = wa_arg_int(d, args, "start_time", 0, KIND_TIME_MAX,
                                   &e->start_time);
    if (!e->has_start_time) {
        wa_arg_bad(d, "start_time", "REQUIRED", "is required");
    }

    e->has_end_time = wa_arg_int(d, args, "end_time", 0, KIND_TIME_MAX,
                                 &e->end_time);
    e->has_extra_guests_allowed = 1;
    e->extra_guests_allowed = wa_arg_bool(d, args, "extra_guests");
    e->has_is_canceled = 1;
    e->is_canceled = wa_arg_bool(d, args, "canceled");

    place = json_object_get(args, "location");

    if (json_is_object(place)) {
        l->has_degrees_latitude = wa_arg_number(d, place, "latitude", -90,
                                                90, &l->degrees_latitude);
        l->has_degrees_longitude = wa_arg_number(d, place, "longitude", -180,
                                                 180, &l->degrees_longitude);
        l->name = wa_arg_text(d, place, "name", KIND_NAME_MAX);
        l->address = wa_arg_text(d, place, "address", KIND_NAME_MAX);
        e->location = l;
    }

    d->message.event_message = e;
    d->slot = &e->context_info;
    d->secret = true;
}


/* A way into a group for somebody who cannot be added. */
void
wa_compose_invite(wa_draft_t *d, const json_t *args)
{
    wa_jid_t                          group;
    Wa__Message__GroupInviteMessage  *g;

    g = wa_arg_new(d, sizeof(*g));

    if (g == NULL) {
        return;
    }

    wa__message__group_invite_message__init(g);

    g->group_jid = wa_arg_need(d, args, "group_jid", WA_JID_TEXT_MAX);
    g->invite_code = wa_arg_need(d, args, "code", KIND_NAME_MAX);
    g->group_name = wa_arg_text(d, args, "name", KIND_NAME_MAX);
    g->caption = wa_arg_text(d, args, "caption", WA_COMPOSE_TEXT_MAX);
    g->has_invite_expiration = wa_arg_int(d, args, "expires_at", 0,
                                          KIND_TIME_MAX,
                                          &g->invite_expiration);

    if (g->group_jid != NULL
        && (wa_jid_parse(wa_span_str(g->group_jid), &group) != WA_OK
            || !wa_jid_is_group(&group)))
    {
        wa_arg_bad(d, "group_jid", "INVALID", "is not a group");
    }

    d->message.group_invite_message = g;
    d->slot = &g->context_info;
    d->secret = true;
}
