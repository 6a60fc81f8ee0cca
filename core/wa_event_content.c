/*
 * "interactive" of a message, see wa_event_int.h: business messages and the
 * answers to them, and the rest of what has no member of its own.
 */
#include "wa_event_int.h"
#include "wa_message_int.h"


/* A carousel shows ten cards; a list has at most this many of anything. */
#define CONTENT_ITEMS_MAX  100

/* What a message may hold, and how its members are written.  `part` is the
   part of the message, or the view where that alone does not tell all. */
typedef struct {
    const void  *part;                      /* NULL: it holds none of it */
    const char  *type;
    void       (*write)(const void *part, wa_jw_t *w);
} kind_t;


static void first_kind(const wa_message_view_t *v, const Wa__Message *m,
    wa_jw_t *w);
static void link_preview(const void *part, wa_jw_t *w);
static void button_reply(const void *part, wa_jw_t *w);
static void template_reply(const void *part, wa_jw_t *w);
static void list_reply(const void *part, wa_jw_t *w);
static void form_reply(const void *part, wa_jw_t *w);
static void buttons(const void *part, wa_jw_t *w);
static void list(const void *part, wa_jw_t *w);
static void list_section(const Wa__Message__ListMessage__Section *section,
    wa_jw_t *w);
static void interactive(const void *part, wa_jw_t *w);
static void template(const void *part, wa_jw_t *w);
static void template_button(
    const Wa__Message__TemplateMessage__HydratedTemplateButton *b,
    wa_jw_t *w);
static void order(const void *part, wa_jw_t *w);
static void product(const void *part, wa_jw_t *w);
static void group_invite(const void *part, wa_jw_t *w);
static void album(const void *part, wa_jw_t *w);
static void live_location(const void *part, wa_jw_t *w);
static void event(const void *part, wa_jw_t *w);
static void poll(const void *part, wa_jw_t *w);
static void call(const void *part, wa_jw_t *w);
static void pin(const void *part, wa_jw_t *w);
static void keep(const void *part, wa_jw_t *w);
static void target(const void *part, wa_jw_t *w);
static void album_item(const void *part, wa_jw_t *w);
static const Wa__Message__TemplateMessage *template_of(const Wa__Message *m);
static const char *interactive_type(const Wa__Message *m);
static void reply(wa_jw_t *w, const char *id, const char *title);
static void card(const Wa__Message__InteractiveMessage *x, wa_jw_t *w);
static void texts(wa_jw_t *w, const char *header, const char *body,
    const char *footer);
static void buttons_open(wa_jw_t *w);
static void buttons_close(wa_jw_t *w);
static void text(wa_jw_t *w, const char *name, const char *s);
static void text_object(wa_jw_t *w, const char *name, const char *s);
static size_t bounded(size_t n);


void
wa_event_interactive(const wa_message_view_t *v, wa_jw_t *w)
{
    const Wa__Message  *m;

    m = v->content->message;

    if (m == NULL || m->conversation != NULL) {
        return;
    }

    if (m->extended_text_message != NULL
        && m->extended_text_message->matched_text == NULL)
    {
        return;
    }

    first_kind(v, m, w);
}


static void
first_kind(const wa_message_view_t *v, const Wa__Message *m, wa_jw_t *w)
{
    size_t  i;

    const kind_t  kinds[] = {
        { m->extended_text_message, "link_preview", link_preview },
        { m->buttons_response_message, "button_reply", button_reply },
        { m->template_button_reply_message, "button_reply", template_reply },
        { m->list_response_message, "list_reply", list_reply },
        { m->interactive_response_message, "nfm_reply", form_reply },
        { m->buttons_message, "button", buttons },
        { m->list_message, "list", list },
        { m->interactive_message, interactive_type(m), interactive },
        { template_of(m), "template", template },
        { m->order_message, "order", order },
        { m->product_message, "product", product },
        { m->group_invite_message, "group_invite", group_invite },
        { m->album_message, "album", album },
        { m->location_message != NULL ? NULL : m->live_location_message,
          "live_location", live_location },
        { m->event_message, "event", event },
        { wa_message_poll(m), "poll", poll },
        { m->call_log_message, "call", call },
        { m->pin_in_chat_message != NULL ? v : NULL, "pin", pin },
        { m->keep_in_chat_message != NULL ? v : NULL, "keep", keep },
        { m->comment_message != NULL ? v : NULL, "comment", target },
        { v->content->album != NULL ? v : NULL, "album_item", album_item }
    };

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {

        if (kinds[i].part != NULL) {
            wa_jw_open(w, WA_JW("interactive"), '{');
            wa_jw_str(w, WA_JW("type"), kinds[i].type);
            kinds[i].write(kinds[i].part, w);
            wa_jw_close(w, '}');
            return;
        }
    }
}


/* The page a text leads to, as its sender's client saw it. */
static void
link_preview(const void *part, wa_jw_t *w)
{
    const Wa__Message__ExtendedTextMessage  *x;

    x = part;
    text(w, WA_JW("url"), x->matched_text);
    text(w, WA_JW("title"), x->title);
    text(w, WA_JW("description"), x->description);
}


/* -- answers -------------------------------------------------------------- */

static void
button_reply(const void *part, wa_jw_t *w)
{
    const Wa__Message__ButtonsResponseMessage  *x;

    x = part;
    reply(w, x->selected_button_id, x->selected_display_text);
}


static void
template_reply(const void *part, wa_jw_t *w)
{
    const Wa__Message__TemplateButtonReplyMessage  *x;

    x = part;
    reply(w, x->selected_id, x->selected_display_text);
}


static void
reply(wa_jw_t *w, const char *id, const char *title)
{
    wa_jw_open(w, WA_JW("button_reply"), '{');
    wa_jw_str(w, WA_JW("id"), id);
    wa_jw_str(w, WA_JW("title"), title);
    wa_jw_close(w, '}');
}


static void
list_reply(const void *part, wa_jw_t *w)
{
    const Wa__Message__ListResponseMessage  *x;

    x = part;
    wa_jw_open(w, WA_JW("list_reply"), '{');
    wa_jw_str(w, WA_JW("id"), x->single_select_reply == NULL ? NULL
                              : x->single_select_reply->selected_row_id);
    wa_jw_str(w, WA_JW("title"), x->title);
    text(w, WA_JW("description"), x->description);
    wa_jw_close(w, '}');
}


static void
form_reply(const void *part, wa_jw_t *w)
{
    const Wa__Message__InteractiveResponseMessage  *x;
    const Wa__Message__InteractiveResponseMessage__NativeFlowResponseMessage
                                                   *flow;

    x = part;
    flow = x->native_flow_response_message;

    wa_jw_open(w, WA_JW("nfm_reply"), '{');
    wa_jw_str(w, WA_JW("name"), flow == NULL ? NULL : flow->name);
    text(w, WA_JW("body"), x->body == NULL ? NULL : x->body->text);
    wa_jw_str(w, WA_JW("response_json"), flow == NULL ? NULL
                                                      : flow->params_json);
    wa_jw_close(w, '}');
}


/* -- what is answered ----------------------------------------------------- */

static void
buttons(const void *part, wa_jw_t *w)
{
    size_t                                      i;
    const Wa__Message__ButtonsMessage          *x;
    const Wa__Message__ButtonsMessage__Button  *one;

    x = part;
    texts(w, x->text, x->content_text, x->footer_text);
    buttons_open(w);

    for (i = 0; i < bounded(x->n_buttons); i++) {
        one = x->buttons[i];
        wa_jw_open(w, NULL, '{');
        wa_jw_str(w, WA_JW("type"), "reply");
        wa_jw_open(w, WA_JW("reply"), '{');
        wa_jw_str(w, WA_JW("id"), one->button_id);
        wa_jw_str(w, WA_JW("title"), one->button_text == NULL ? NULL
                                     : one->button_text->display_text);
        wa_jw_close(w, '}');
        wa_jw_close(w, '}');
    }

    buttons_close(w);
}


static void
list(const void *part, wa_jw_t *w)
{
    size_t                           i;
    const Wa__Message__ListMessage  *x;

    x = part;
    texts(w, x->title, x->description, x->footer_text);
    wa_jw_open(w, WA_JW("action"), '{');
    wa_jw_str(w, WA_JW("button"), x->button_text);
    wa_jw_open(w, WA_JW("sections"), '[');

    for (i = 0; i < bounded(x->n_sections); i++) {
        list_section(x->sections[i], w);
    }

    wa_jw_close(w, ']');
    wa_jw_close(w, '}');
}


static void
list_section(const Wa__Message__ListMessage__Section *section, wa_jw_t *w)
{
    size_t                                i;
    const Wa__Message__ListMessage__Row  *row;

    wa_jw_open(w, NULL, '{');
    wa_jw_str(w, WA_JW("title"), section->title);
    wa_jw_open(w, WA_JW("rows"), '[');

    for (i = 0; i < bounded(section->n_rows); i++) {
        row = section->rows[i];
        wa_jw_open(w, NULL, '{');
        wa_jw_str(w, WA_JW("id"), row->row_id);
        wa_jw_str(w, WA_JW("title"), row->title);
        text(w, WA_JW("description"), row->description);
        wa_jw_close(w, '}');
    }

    wa_jw_close(w, ']');
    wa_jw_close(w, '}');
}


static const char *
interactive_type(const Wa__Message *m)
{
    return m->interactive_message != NULL
           && m->interactive_message->carousel_message != NULL
           ? "carousel" : "native_flow";
}


static void
interactive(const void *part, wa_jw_t *w)
{
    size_t                                  i;
    const Wa__Message__InteractiveMessage  *x;

    x = part;
    card(x, w);

    if (x->carousel_message == NULL) {
        return;
    }

    wa_jw_open(w, WA_JW("cards"), '[');

    for (i = 0; i < bounded(x->carousel_message->n_cards); i++) {
        wa_jw_open(w, NULL, '{');
        card(x->carousel_message->cards[i], w);
        wa_jw_close(w, '}');
    }

    wa_jw_close(w, ']');
}


static void
card(const Wa__Message__InteractiveMessage *x, wa_jw_t *w)
{
    size_t                                                     i;
    const Wa__Message__InteractiveMessage__NativeFlowMessage  *flow;

    texts(w, x->header == NULL ? NULL : x->header->title,
          x->body == NULL ? NULL : x->body->text,
          x->footer == NULL ? NULL : x->footer->text);
    flow = x->native_flow_message;

    if (flow == NULL) {
        return;
    }

    buttons_open(w);

    for (i = 0; i < bounded(flow->n_buttons); i++) {
        wa_jw_open(w, NULL, '{');
        wa_jw_str(w, WA_JW("name"), flow->buttons[i]->name);
        wa_jw_str(w, WA_JW("params_json"),
                  flow->buttons[i]->button_params_json);
        wa_jw_close(w, '}');
    }

    buttons_close(w);
}


/* In either of its places. */
static const Wa__Message__TemplateMessage *
template_of(const Wa__Message *m)
{
    if (m->template_message == NULL && m->highly_structured_message != NULL) {
        return m->highly_structured_message->hydrated_hsm;
    }

    return m->template_message;
}


static void
template(const void *part, wa_jw_t *w)
{
    size_t                                                        i;
    const Wa__Message__TemplateMessage                           *x;
    const Wa__Message__TemplateMessage__HydratedFourRowTemplate  *row;

    x = part;
    row = wa_message_template(x);
    text(w, WA_JW("id"), x->template_id != NULL ? x->template_id
                         : row != NULL ? row->template_id : NULL);

    if (row == NULL) {

        if (x->interactive_message_template != NULL) {
            card(x->interactive_message_template, w);
        }

        return;
    }

    texts(w, row->hydrated_title_text, row->hydrated_content_text,
          row->hydrated_footer_text);
    buttons_open(w);

    for (i = 0; i < bounded(row->n_hydrated_buttons); i++) {
        template_button(row->hydrated_buttons[i], w);
    }

    buttons_close(w);
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


/* -- trade ---------------------------------------------------------------- */

static void
order(const void *part, wa_jw_t *w)
{
    const Wa__Message__OrderMessage  *x;

    x = part;
    wa_jw_open(w, WA_JW("order"), '{');
    wa_jw_str(w, WA_JW("id"), x->order_id);
    text(w, WA_JW("title"), x->order_title);
    text(w, WA_JW("token"), x->token);
    text(w, WA_JW("seller_jid"), x->seller_jid);
    text(w, WA_JW("currency"), x->total_currency_code);
    wa_jw_int(w, WA_JW("item_count"), x->item_count);
    wa_jw_int(w, WA_JW("total_amount_1000"), x->total_amount1000);
    wa_jw_close(w, '}');
}


static void
product(const void *part, wa_jw_t *w)
{
    const Wa__Message__ProductMessage                   *x;
    const Wa__Message__ProductMessage__ProductSnapshot  *p;

    x = part;
    p = x->product;
    texts(w, NULL, x->body, x->footer);

    if (p == NULL) {
        return;
    }

    wa_jw_open(w, WA_JW("product"), '{');
    wa_jw_str(w, WA_JW("id"), p->product_id);
    wa_jw_str(w, WA_JW("title"), p->title);
    text(w, WA_JW("description"), p->description);
    text(w, WA_JW("retailer_id"), p->retailer_id);
    text(w, WA_JW("url"), p->url);
    text(w, WA_JW("currency"), p->currency_code);
    wa_jw_int(w, WA_JW("price_amount_1000"), p->price_amount1000);
    text(w, WA_JW("seller_jid"), x->business_owner_jid);
    wa_jw_close(w, '}');
}


/* -- chats, plans --------------------------------------------------------- */

static void
group_invite(const void *part, wa_jw_t *w)
{
    const Wa__Message__GroupInviteMessage  *x;

    x = part;
    wa_jw_str(w, WA_JW("group_jid"), x->group_jid);
    wa_jw_str(w, WA_JW("group_name"), x->group_name);
    wa_jw_str(w, WA_JW("code"), x->invite_code);
    wa_jw_int(w, WA_JW("expires_at"), x->invite_expiration);
}


static void
album(const void *part, wa_jw_t *w)
{
    const Wa__Message__AlbumMessage  *x;

    x = part;
    wa_jw_int(w, WA_JW("images"), x->expected_image_count);
    wa_jw_int(w, WA_JW("videos"), x->expected_video_count);
}


static void
live_location(const void *part, wa_jw_t *w)
{
    const Wa__Message__LiveLocationMessage  *x;

    x = part;
    wa_jw_int(w, WA_JW("sequence"), x->sequence_number);
    wa_jw_int(w, WA_JW("time_offset"), x->time_offset);
    wa_jw_int(w, WA_JW("accuracy"), x->accuracy_in_meters);
    wa_jw_real(w, WA_JW("speed"), (double) x->speed_in_mps);
    wa_jw_int(w, WA_JW("heading"), x->degrees_clockwise_from_magnetic_north);
}


static void
event(const void *part, wa_jw_t *w)
{
    const Wa__Message__EventMessage  *x;

    x = part;
    wa_jw_str(w, WA_JW("name"), x->name);
    text(w, WA_JW("description"), x->description);
    text(w, WA_JW("join_link"), x->join_link);
    wa_jw_int(w, WA_JW("start_time"), x->start_time);

    if (x->has_end_time) {
        wa_jw_int(w, WA_JW("end_time"), x->end_time);
    }

    wa_jw_bool(w, WA_JW("is_canceled"), x->is_canceled != 0);
    wa_jw_bool(w, WA_JW("extra_guests_allowed"),
               x->extra_guests_allowed != 0);
}


static void
poll(const void *part, wa_jw_t *w)
{
    const Wa__Message__PollCreationMessage  *x;

    x = part;
    wa_jw_int(w, WA_JW("selectable"), x->selectable_options_count);
}


static void
call(const void *part, wa_jw_t *w)
{
    const Wa__Message__CallLogMessage  *x;

    x = part;
    wa_jw_bool(w, WA_JW("is_video"), x->is_video != 0);
    wa_jw_int(w, WA_JW("outcome"), x->call_outcome);
    wa_jw_int(w, WA_JW("duration"), x->duration_secs);
}


/* -- about other messages ------------------------------------------------- */

static void
pin(const void *part, wa_jw_t *w)
{
    const wa_message_view_t              *v;
    const Wa__MessageContextInfo         *info;
    const Wa__Message__PinInChatMessage  *x;

    v = part;
    x = v->content->message->pin_in_chat_message;
    info = v->content->info;

    target(v, w);
    wa_jw_bool(w, WA_JW("value"), x->type
               == WA__MESSAGE__PIN_IN_CHAT_MESSAGE__TYPE__PIN_FOR_ALL);

    if (info != NULL && info->has_message_add_on_duration_in_secs) {
        wa_jw_int(w, WA_JW("duration"),
                  info->message_add_on_duration_in_secs);
    }
}


static void
keep(const void *part, wa_jw_t *w)
{
    const wa_message_view_t  *v;

    v = part;
    target(v, w);
    wa_jw_bool(w, WA_JW("value"),
               v->content->message->keep_in_chat_message->keep_type == 1);
}


static void
target(const void *part, wa_jw_t *w)
{
    const wa_message_view_t  *v;

    v = part;
    wa_jw_str(w, WA_JW("target_id"), v->target_ref);
    wa_jw_str(w, WA_JW("target_message_id"),
              v->content->target == NULL ? NULL : v->content->target->id);
}


static void
album_item(const void *part, wa_jw_t *w)
{
    const wa_message_view_t  *v;

    v = part;
    wa_jw_str(w, WA_JW("album_id"), v->target_ref);
    wa_jw_str(w, WA_JW("album_message_id"), v->content->album->id);
}


/* -- helpers -------------------------------------------------------------- */

static void
texts(wa_jw_t *w, const char *header, const char *body, const char *footer)
{
    text_object(w, WA_JW("header"), header);
    text_object(w, WA_JW("body"), body);
    text_object(w, WA_JW("footer"), footer);
}


static void
buttons_open(wa_jw_t *w)
{
    wa_jw_open(w, WA_JW("action"), '{');
    wa_jw_open(w, WA_JW("buttons"), '[');
}


static void
buttons_close(wa_jw_t *w)
{
    wa_jw_close(w, ']');
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
