/*
 * Message -> content: what businesses send and what is answered to it, calls,
 * and kinds that are known by name only.
 */
#include "wa_message_int.h"


static void fill_interactive(const Wa__Message__InteractiveMessage *x,
    wa_content_t *c);
static void fill_template(const Wa__Message__TemplateMessage *t,
    wa_content_t *c);
static bool fill_trade(const Wa__Message *m, wa_content_t *c);
static bool is_payment(const Wa__Message *m);


/* Answers to buttons, lists and forms: the text a person would read. */
bool
wa_message_fill_answer(const Wa__Message *m, wa_content_t *c)
{
    const Wa__Message__ListResponseMessage         *list;
    const Wa__Message__ButtonsResponseMessage      *buttons;
    const Wa__Message__TemplateButtonReplyMessage  *reply;
    const Wa__Message__InteractiveResponseMessage  *form;

    buttons = m->buttons_response_message;
    reply = m->template_button_reply_message;
    list = m->list_response_message;
    form = m->interactive_response_message;

    if (buttons != NULL) {
        c->kind = WA_KIND_BUTTONS;
        c->text = buttons->selected_display_text;
        wa_message_context(buttons->context_info, c);

    } else if (reply != NULL) {
        c->kind = WA_KIND_BUTTONS;
        c->text = reply->selected_display_text;
        wa_message_context(reply->context_info, c);

    } else if (list != NULL) {
        c->kind = WA_KIND_LIST;
        c->text = list->title;
        wa_message_context(list->context_info, c);

    } else if (form != NULL) {
        c->kind = WA_KIND_INTERACTIVE;
        c->text = form->body == NULL ? NULL : form->body->text;
        wa_message_context(form->context_info, c);

    } else {
        return false;
    }

    c->raw = true;

    return true;
}


bool
wa_message_fill_business(const Wa__Message *m, wa_content_t *c)
{
    if (m->buttons_message != NULL) {
        c->kind = WA_KIND_BUTTONS;
        c->text = m->buttons_message->content_text != NULL
                      ? m->buttons_message->content_text
                      : m->buttons_message->text;
        wa_message_context(m->buttons_message->context_info, c);

    } else if (m->list_message != NULL) {
        c->kind = WA_KIND_LIST;
        c->text = m->list_message->description != NULL
                      ? m->list_message->description
                      : m->list_message->title;
        wa_message_context(m->list_message->context_info, c);

    } else if (m->interactive_message != NULL) {
        fill_interactive(m->interactive_message, c);

    } else if (m->template_message != NULL) {
        fill_template(m->template_message, c);

    } else if (m->highly_structured_message != NULL) {
        c->kind = WA_KIND_TEMPLATE;

        if (m->highly_structured_message->hydrated_hsm != NULL) {
            fill_template(m->highly_structured_message->hydrated_hsm, c);
        }

    } else if (!fill_trade(m, c)) {
        return false;
    }

    c->raw = true;

    return true;
}


static void
fill_interactive(const Wa__Message__InteractiveMessage *x, wa_content_t *c)
{
    c->kind = WA_KIND_INTERACTIVE;
    wa_message_context(x->context_info, c);

    if (x->body != NULL && x->body->text != NULL) {
        c->text = x->body->text;

    } else if (x->header != NULL) {
        c->text = x->header->title;
    }
}


const Wa__Message__TemplateMessage__HydratedFourRowTemplate *
wa_message_template(const Wa__Message__TemplateMessage *t)
{
    return t->hydrated_template != NULL ? t->hydrated_template
                                        : t->hydrated_four_row_template;
}


static void
fill_template(const Wa__Message__TemplateMessage *t, wa_content_t *c)
{
    const Wa__Message__TemplateMessage__HydratedFourRowTemplate  *row;

    row = wa_message_template(t);

    if (row != NULL) {
        c->text = row->hydrated_content_text;

    } else if (t->interactive_message_template != NULL) {
        fill_interactive(t->interactive_message_template, c);
    }

    c->kind = WA_KIND_TEMPLATE;
    wa_message_context(t->context_info, c);
}


static bool
fill_trade(const Wa__Message *m, wa_content_t *c)
{
    if (m->order_message != NULL) {
        c->kind = WA_KIND_ORDER;
        c->text = m->order_message->message;
        wa_message_context(m->order_message->context_info, c);
        return true;
    }

    if (m->product_message != NULL) {
        c->kind = WA_KIND_PRODUCT;
        c->text = m->product_message->body;

        if (c->text == NULL && m->product_message->product != NULL) {
            c->text = m->product_message->product->title;
        }

        wa_message_context(m->product_message->context_info, c);
        return true;
    }

    if (m->group_invite_message != NULL) {
        c->kind = WA_KIND_INTERACTIVE;
        c->text = m->group_invite_message->caption;
        wa_message_context(m->group_invite_message->context_info, c);
        return true;
    }

    if (m->album_message != NULL) {
        c->kind = WA_KIND_INTERACTIVE;
        wa_message_context(m->album_message->context_info, c);
        return true;
    }

    return false;
}


/* Kinds that are known by name only. */
bool
wa_message_fill_rest(const Wa__Message *m, wa_content_t *c)
{
    if (m->call != NULL || m->call_log_message != NULL
        || m->scheduled_call_creation_message != NULL
        || m->scheduled_call_edit_message != NULL || m->bcall_message != NULL)
    {
        c->kind = WA_KIND_CALL;

        if (m->scheduled_call_creation_message != NULL) {
            c->text = m->scheduled_call_creation_message->title;
        }

    } else if (is_payment(m)
               || m->placeholder_message != NULL
               || m->request_phone_number_message != NULL
               || m->newsletter_admin_invite_message != NULL
               || m->newsletter_follower_invite_message_v2 != NULL
               || m->event_invite_message != NULL)
    {
        c->kind = WA_KIND_UNSUPPORTED;

    } else if (m->sticker_pack_message != NULL) {
        c->kind = WA_KIND_UNSUPPORTED;
        c->text = m->sticker_pack_message->name;
        wa_message_context(m->sticker_pack_message->context_info, c);

    } else if (m->poll_result_snapshot_message != NULL) {
        c->kind = WA_KIND_UNSUPPORTED;
        c->text = m->poll_result_snapshot_message->name;
        wa_message_context(m->poll_result_snapshot_message->context_info, c);

    } else if (m->poll_result_snapshot_message_v3 != NULL) {
        c->kind = WA_KIND_UNSUPPORTED;
        c->text = m->poll_result_snapshot_message_v3->name;
        wa_message_context(m->poll_result_snapshot_message_v3->context_info,
                           c);

    } else {
        return false;
    }

    c->raw = true;

    return true;
}


static bool
is_payment(const Wa__Message *m)
{
    return m->send_payment_message != NULL
           || m->request_payment_message != NULL
           || m->decline_payment_request_message != NULL
           || m->cancel_payment_request_message != NULL
           || m->invoice_message != NULL
           || m->payment_invite_message != NULL
           || m->payment_reminder_message != NULL
           || m->split_payment_message != NULL;
}
