/*
 * "interactive" of a message, see wa_event_int.h: business messages and the
 * answers to them, and the rest of what has no member of its own.
 */
#include "wa_event_int.h"
#include "wa_message_int.h"


/* A carousel shows ten cards; a list has at most this many of anything. */
#define CONTENT_ITEMS_MAX  100

typedef bool (*part_pt)(const wa_message_view_t *v, const Wa__Message *m,
    wa_jw_t *w);


static bool part_answer(const wa_message_view_t *v, const Wa__Message *m,
    wa_jw_t *w);
static bool part_buttons(const wa_message_view_t *v, const Wa__Message *m,
    wa_jw_t *w);
static bool part_list(const wa_message_view_t *v, const Wa__Message *m,
    wa_jw_t *w);
static bool part_interactive(const wa_message_view_t *v,
    const Wa__Message *m, wa_jw_t *w);
static bool part_template(const wa_message_view_t *v, const Wa__Message *m,
    wa_jw_t *w);
static bool part_trade(const wa_message_view_t *v, const Wa__Message *m,
    wa_jw_t *w);
static bool part_chat(const wa_message_view_t *v, const Wa__Message *m,
    wa_jw_t *w);
static bool part_plan(const wa_message_view_t *v, const Wa__Message *m,
    wa_jw_t *w);
static bool part_text(const wa_message_view_t *v, const Wa__Message *m,
    wa_jw_t *w);
static bool part_target(const wa_message_view_t *v, const Wa__Message *m,
    wa_jw_t *w);
static void begin(wa_jw_t *w, const char *type);
static void reply(wa_jw_t *w, const char *type, const char *name,
    const char *id, const char *title);
static void text(wa_jw_t *w, const char *name, const char *s);
static void text_object(wa_jw_t *w, const char *name, const char *s);
static void card(const Wa__Message__InteractiveMessage *x, wa_jw_t *w);
static void template_button(
    const Wa__Message__TemplateMessage__HydratedTemplateButton *b,
    wa_jw_t *w);
static void target(const wa_message_view_t *v, wa_jw_t *w);
static size_t bounded(size_t n);


static const part_pt  parts[] = {
    part_text,
    part_answer,
    part_buttons,
    part_list,
    part_interactive,
    part_template,
    part_trade,
    part_chat,
    part_plan,
    part_target
};


void
wa_event_interactive(const wa_message_view_t *v, wa_jw_t *w)
{
    size_t              i;
    const Wa__Message  *m;

    m = v->content->message;

    if (m == NULL || m->conversation != NULL) {
        return;
    }

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {

        if (parts[i](v, m, w)) {
            return;
        }
    }
}


/* The page a text leads to, as its sender's client saw it. */
static bool
part_text(const wa_message_view_t *v, const Wa__Message *m, wa_jw_t *w)
{
    const Wa__Message__ExtendedTextMessage  *x;

    (void) v;
    x = m->extended_text_message;

    if (x == NULL) {
        return false;
    }

    if (x->matched_text != NULL) {
        begin(w, "link_preview");
        text(w, WA_JW("url"), x->matched_text);
        text(w, WA_JW("title"), x->title);
        text(w, WA_JW("description"), x->description);
        wa_jw_close(w, '}');
    }

    return true;
}


static bool
part_answer(const wa_message_view_t *v, const Wa__Message *m, wa_jw_t *w)
{
    const Wa__Message__ListResponseMessage                 *list;
    const Wa__Message__InteractiveResponseMessage          *form;
    const Wa__Message__InteractiveResponseMessage__NativeFlowResponseMessage
                                                           *flow;

    (void) v;
    list = m->list_response_message;
    form = m->interactive_response_message;

    if (m->buttons_response_message != NULL) {
        reply(w, "button_reply", WA_JW("button_reply"),
              m->buttons_response_message->selected_button_id,
              m->buttons_response_message->selected_display_text);
        return true;
    }

    if (m->template_button_reply_message != NULL) {
        reply(w, "button_reply", WA_JW("button_reply"),
              m->template_button_reply_message->selected_id,
              m->template_button_reply_message->selected_display_text);
        return true;
    }

    if (list != NULL) {
        begin(w, "list_reply");
        wa_jw_open(w, WA_JW("list_reply"), '{');
        wa_jw_str(w, WA_JW("id"), list->single_select_reply == NULL ? NULL
                              : list->single_select_reply->selected_row_id);
        wa_jw_str(w, WA_JW("title"), list->title);
        text(w, WA_JW("description"), list->description);
        wa_jw_close(w, '}');
        wa_jw_close(w, '}');
        return true;
    }

    if (form == NULL) {
        return false;
    }

    flow = form->native_flow_response_message;
    begin(w, "nfm_reply");
    wa_jw_open(w, WA_JW("nfm_reply"), '{');
    wa_jw_str(w, WA_JW("name"), flow == NULL ? NULL : flow->name);
    text(w, WA_JW("body"), form->body == NULL ? NULL : form->body->text);
    wa_jw_str(w, WA_JW("response_json"), flow == NULL ? NULL
                                                      : flow->params_json);
    wa_jw_close(w, '}');
    wa_jw_close(w, '}');

    return true;
}


static bool
part_buttons(const wa_message_view_t *v, const Wa__Message *m, wa_jw_t *w)
{
    size_t                                      i;
    const Wa__Message__ButtonsMessage          *b;
    const Wa__Message__ButtonsMessage__Button  *one;

    (void) v;
    b = m->buttons_message;

    if (b == NULL) {
        return false;
    }

    begin(w, "button");
    text_object(w, WA_JW("header"), b->text);
    text_object(w, WA_JW("body"), b->content_text);
    text_object(w, WA_JW("footer"), b->footer_text);
    wa_jw_open(w, WA_JW("action"), '{');
    wa_jw_open(w, WA_JW("buttons"), '[');

    for (i = 0; i < bounded(b->n_buttons); i++) {
        one = b->buttons[i];
        wa_jw_open(w, NULL, '{');
        wa_jw_str(w, WA_JW("type"), "reply");
        wa_jw_open(w, WA_JW("reply"), '{');
        wa_jw_str(w, WA_JW("id"), one->button_id);
        wa_jw_str(w, WA_JW("title"), one->button_text == NULL ? NULL
                                     : one->button_text->display_text);
        wa_jw_close(w, '}');
        wa_jw_close(w, '}');
    }

    wa_jw_close(w, ']');
    wa_jw_close(w, '}');
    wa_jw_close(w, '}');

    return true;
}


static bool
part_list(const wa_message_view_t *v, const Wa__Message *m, wa_jw_t *w)
{
    size_t                                    i, k;
    const Wa__Message__ListMessage           *list;
    const Wa__Message__ListMessage__Row      *row;
    const Wa__Message__ListMessage__Section  *section;

    (void) v;
    list = m->list_message;

    if (list == NULL) {
        return false;
    }

    begin(w, "list");
    text_object(w, WA_JW("header"), list->title);
    text_object(w, WA_JW("body"), list->description);
    text_object(w, WA_JW("footer"), list->footer_text);
    wa_jw_open(w, WA_JW("action"), '{');
    wa_jw_str(w, WA_JW("button"), list->button_text);
    wa_jw_open(w, WA_JW("sections"), '[');

    for (i = 0; i < bounded(list->n_sections); i++) {
        section = list->sections[i];
        wa_jw_open(w, NULL, '{');
        wa_jw_str(w, WA_JW("title"), section->title);
        wa_jw_open(w, WA_JW("rows"), '[');

        for (k = 0; k < bounded(section->n_rows); k++) {
            row = section->rows[k];
            wa_jw_open(w, NULL, '{');
            wa_jw_str(w, WA_JW("id"), row->row_id);
            wa_jw_str(w, WA_JW("title"), row->title);
            text(w, WA_JW("description"), row->description);
            wa_jw_close(w, '}');
        }

        wa_jw_close(w, ']');
        wa_jw_close(w, '}');
    }

    wa_jw_close(w, ']');
    wa_jw_close(w, '}');
    wa_jw_close(w, '}');

    return true;
}


static bool
part_interactive(const wa_message_view_t *v, const Wa__Message *m, wa_jw_t *w)
{
    size_t                                  i;
    const Wa__Message__InteractiveMessage  *x;

    (void) v;
    x = m->interactive_message;

    if (x == NULL) {
        return false;
    }

    begin(w, x->carousel_message != NULL ? "carousel" : "native_flow");
    card(x, w);

    if (x->carousel_message != NULL) {
        wa_jw_open(w, WA_JW("cards"), '[');

        for (i = 0; i < bounded(x->carousel_message->n_cards); i++) {
            wa_jw_open(w, NULL, '{');
            card(x->carousel_message->cards[i], w);
            wa_jw_close(w, '}');
        }

        wa_jw_close(w, ']');
    }

    wa_jw_close(w, '}');

    return true;
}


static void
card(const Wa__Message__InteractiveMessage *x, wa_jw_t *w)
{
    size_t                                                     i;
    const Wa__Message__InteractiveMessage__NativeFlowMessage  *flow;

    text_object(w, WA_JW("header"), x->header == NULL ? NULL
                                                      : x->header->title);
    text_object(w, WA_JW("body"), x->body == NULL ? NULL : x->body->text);
    text_object(w, WA_JW("footer"), x->footer == NULL ? NULL
                                                      : x->footer->text);
    flow = x->native_flow_message;

    if (flow == NULL) {
        return;
    }

    wa_jw_open(w, WA_JW("action"), '{');
    wa_jw_open(w, WA_JW("buttons"), '[');

    for (i = 0; i < bounded(flow->n_buttons); i++) {
        wa_jw_open(w, NULL, '{');
        wa_jw_str(w, WA_JW("name"), flow->buttons[i]->name);
        wa_jw_str(w, WA_JW("params_json"),
                  flow->buttons[i]->button_params_json);
        wa_jw_close(w, '}');
    }

    wa_jw_close(w, ']');
    wa_jw_close(w, '}');
}


static bool
part_template(const wa_message_view_t *v, const Wa__Message *m, wa_jw_t *w)
{
    size_t                                                        i;
    const Wa__Message__TemplateMessage                           *t;
    const Wa__Message__TemplateMessage__HydratedFourRowTemplate  *row;

    (void) v;
    t = m->template_message;

    if (t == NULL && m->highly_structured_message != NULL) {
        t = m->highly_structured_message->hydrated_hsm;
    }

    if (t == NULL) {
        return false;
    }

    row = wa_message_template(t);
    begin(w, "template");
    text(w, WA_JW("id"), t->template_id != NULL ? t->template_id
                         : row != NULL ? row->template_id : NULL);

    if (row != NULL) {
        text_object(w, WA_JW("header"), row->hydrated_title_text);
        text_object(w, WA_JW("body"), row->hydrated_content_text);
        text_object(w, WA_JW("footer"), row->hydrated_footer_text);
        wa_jw_open(w, WA_JW("action"), '{');
        wa_jw_open(w, WA_JW("buttons"), '[');

        for (i = 0; i < bounded(row->n_hydrated_buttons); i++) {
            template_button(row->hydrated_buttons[i], w);
        }

        wa_jw_close(w, ']');
        wa_jw_close(w, '}');

    } else if (t->interactive_message_template != NULL) {
        card(t->interactive_message_template, w);
    }

    wa_jw_close(w, '}');

    return true;
}


static void
template_button(
    const Wa__Message__TemplateMessage__HydratedTemplateButton *b, wa_jw_t *w)
{
    wa_jw_open(w, NULL, '{');

    if (b->quick_reply_button != NULL) {
        wa_jw_str(w, WA_JW("type"), "quick_reply");
        wa_jw_str(w, WA_JW("text"), b->quick_reply_button->display_text);
        wa_jw_str(w, WA_JW("id"), b->quick_reply_button->id);

    } else if (b->url_button != NULL) {
        wa_jw_str(w, WA_JW("type"), "url");
        wa_jw_str(w, WA_JW("text"), b->url_button->display_text);
        wa_jw_str(w, WA_JW("url"), b->url_button->url);

    } else if (b->call_button != NULL) {
        wa_jw_str(w, WA_JW("type"), "phone_number");
        wa_jw_str(w, WA_JW("text"), b->call_button->display_text);
        wa_jw_str(w, WA_JW("phone_number"), b->call_button->phone_number);
    }

    wa_jw_close(w, '}');
}


static bool
part_trade(const wa_message_view_t *v, const Wa__Message *m, wa_jw_t *w)
{
    const Wa__Message__OrderMessage                     *o;
    const Wa__Message__ProductMessage__ProductSnapshot  *p;

    (void) v;
    o = m->order_message;

    if (o != NULL) {
        begin(w, "order");
        wa_jw_open(w, WA_JW("order"), '{');
        wa_jw_str(w, WA_JW("id"), o->order_id);
        text(w, WA_JW("title"), o->order_title);
        text(w, WA_JW("token"), o->token);
        text(w, WA_JW("seller_jid"), o->seller_jid);
        text(w, WA_JW("currency"), o->total_currency_code);
        wa_jw_int(w, WA_JW("item_count"), o->item_count);
        wa_jw_int(w, WA_JW("total_amount_1000"), o->total_amount1000);
        wa_jw_close(w, '}');
        wa_jw_close(w, '}');
        return true;
    }

    if (m->product_message == NULL) {
        return false;
    }

    p = m->product_message->product;
    begin(w, "product");
    text_object(w, WA_JW("body"), m->product_message->body);
    text_object(w, WA_JW("footer"), m->product_message->footer);

    if (p != NULL) {
        wa_jw_open(w, WA_JW("product"), '{');
        wa_jw_str(w, WA_JW("id"), p->product_id);
        wa_jw_str(w, WA_JW("title"), p->title);
        text(w, WA_JW("description"), p->description);
        text(w, WA_JW("retailer_id"), p->retailer_id);
        text(w, WA_JW("url"), p->url);
        text(w, WA_JW("currency"), p->currency_code);
        wa_jw_int(w, WA_JW("price_amount_1000"), p->price_amount1000);
        text(w, WA_JW("seller_jid"), m->product_message->business_owner_jid);
        wa_jw_close(w, '}');
    }

    wa_jw_close(w, '}');

    return true;
}


static bool
part_chat(const wa_message_view_t *v, const Wa__Message *m, wa_jw_t *w)
{
    const Wa__Message__GroupInviteMessage   *g;
    const Wa__Message__LiveLocationMessage  *l;

    (void) v;
    g = m->group_invite_message;
    l = m->live_location_message;

    if (g != NULL) {
        begin(w, "group_invite");
        wa_jw_str(w, WA_JW("group_jid"), g->group_jid);
        wa_jw_str(w, WA_JW("group_name"), g->group_name);
        wa_jw_str(w, WA_JW("code"), g->invite_code);
        wa_jw_int(w, WA_JW("expires_at"), g->invite_expiration);
        wa_jw_close(w, '}');
        return true;
    }

    if (m->album_message != NULL) {
        begin(w, "album");
        wa_jw_int(w, WA_JW("images"),
                  m->album_message->expected_image_count);
        wa_jw_int(w, WA_JW("videos"),
                  m->album_message->expected_video_count);
        wa_jw_close(w, '}');
        return true;
    }

    if (l != NULL && m->location_message == NULL) {
        begin(w, "live_location");
        wa_jw_int(w, WA_JW("sequence"), l->sequence_number);
        wa_jw_int(w, WA_JW("time_offset"), l->time_offset);
        wa_jw_int(w, WA_JW("accuracy"), l->accuracy_in_meters);
        wa_jw_real(w, WA_JW("speed"), (double) l->speed_in_mps);
        wa_jw_int(w, WA_JW("heading"),
                  l->degrees_clockwise_from_magnetic_north);
        wa_jw_close(w, '}');
        return true;
    }

    return false;
}


static bool
part_plan(const wa_message_view_t *v, const Wa__Message *m, wa_jw_t *w)
{
    const Wa__Message__EventMessage         *e;
    const Wa__Message__CallLogMessage       *log;
    const Wa__Message__PollCreationMessage  *p;

    (void) v;
    e = m->event_message;
    p = wa_message_poll(m);
    log = m->call_log_message;

    if (e != NULL) {
        begin(w, "event");
        wa_jw_str(w, WA_JW("name"), e->name);
        text(w, WA_JW("description"), e->description);
        text(w, WA_JW("join_link"), e->join_link);
        wa_jw_int(w, WA_JW("start_time"), e->start_time);

        if (e->has_end_time) {
            wa_jw_int(w, WA_JW("end_time"), e->end_time);
        }

        wa_jw_bool(w, WA_JW("is_canceled"), e->is_canceled != 0);
        wa_jw_bool(w, WA_JW("extra_guests_allowed"),
                   e->extra_guests_allowed != 0);
        wa_jw_close(w, '}');
        return true;
    }

    if (p != NULL) {
        begin(w, "poll");
        wa_jw_int(w, WA_JW("selectable"), p->selectable_options_count);
        wa_jw_close(w, '}');
        return true;
    }

    if (log != NULL) {
        begin(w, "call");
        wa_jw_bool(w, WA_JW("is_video"), log->is_video != 0);
        wa_jw_int(w, WA_JW("outcome"), log->call_outcome);
        wa_jw_int(w, WA_JW("duration"), log->duration_secs);
        wa_jw_close(w, '}');
        return true;
    }

    return false;
}


/* Pins, kept messages, comments, pictures of an album. */
static bool
part_target(const wa_message_view_t *v, const Wa__Message *m, wa_jw_t *w)
{
    const Wa__MessageContextInfo  *info;

    info = v->content->info;

    if (m->pin_in_chat_message != NULL) {
        begin(w, "pin");
        target(v, w);
        wa_jw_bool(w, WA_JW("value"), m->pin_in_chat_message->type
                   == WA__MESSAGE__PIN_IN_CHAT_MESSAGE__TYPE__PIN_FOR_ALL);

        if (info != NULL && info->has_message_add_on_duration_in_secs) {
            wa_jw_int(w, WA_JW("duration"),
                      info->message_add_on_duration_in_secs);
        }

        wa_jw_close(w, '}');
        return true;
    }

    if (m->keep_in_chat_message != NULL) {
        begin(w, "keep");
        target(v, w);
        wa_jw_bool(w, WA_JW("value"), m->keep_in_chat_message->keep_type == 1);
        wa_jw_close(w, '}');
        return true;
    }

    if (m->comment_message != NULL) {
        begin(w, "comment");
        target(v, w);
        wa_jw_close(w, '}');
        return true;
    }

    if (v->content->album != NULL) {
        begin(w, "album_item");
        wa_jw_str(w, WA_JW("album_id"), v->target_ref);
        wa_jw_str(w, WA_JW("album_message_id"), v->content->album->id);
        wa_jw_close(w, '}');
        return true;
    }

    return false;
}


static void
target(const wa_message_view_t *v, wa_jw_t *w)
{
    wa_jw_str(w, WA_JW("target_id"), v->target_ref);
    wa_jw_str(w, WA_JW("target_message_id"),
              v->content->target == NULL ? NULL : v->content->target->id);
}


static void
begin(wa_jw_t *w, const char *type)
{
    wa_jw_open(w, WA_JW("interactive"), '{');
    wa_jw_str(w, WA_JW("type"), type);
}


static void
reply(wa_jw_t *w, const char *type, const char *name, const char *id,
    const char *title)
{
    begin(w, type);
    wa_jw_open(w, name, '{');
    wa_jw_str(w, WA_JW("id"), id);
    wa_jw_str(w, WA_JW("title"), title);
    wa_jw_close(w, '}');
    wa_jw_close(w, '}');
}


/* Left out when there is none. */
static void
text(wa_jw_t *w, const char *name, const char *s)
{
    if (s != NULL) {
        wa_jw_str(w, name, s);
    }
}


static void
text_object(wa_jw_t *w, const char *name, const char *s)
{
    if (s != NULL) {
        wa_jw_open(w, name, '{');
        wa_jw_str(w, WA_JW("text"), s);
        wa_jw_close(w, '}');
    }
}


static size_t
bounded(size_t n)
{
    return n < CONTENT_ITEMS_MAX ? n : CONTENT_ITEMS_MAX;
}
