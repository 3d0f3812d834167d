#include "watch/event.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

struct reading {
    struct watch_event *event;
    char                key[40];
};

#define AT(member) offsetof(struct watch_event, member)

static const struct {
    const char *key;
    size_t      offset;
} numbers[] = {
    { "job", AT(job) },
    { "epoch", AT(epoch) },
    { "epochs", AT(epochs) },
    { "fraction", AT(fraction) },
    { "samples_per_second", AT(rate) },
    { "eta_seconds", AT(eta) },
    { "loss", AT(loss) },
    { "val_loss", AT(val_loss) },
    { "accuracy", AT(accuracy) },
    { "val_accuracy", AT(val_accuracy) },
};

static const struct {
    const char *key;
    size_t      offset, size;
} texts[] = {
    { "status", AT(status), sizeof(((struct watch_event *)0)->status) },
    { "reason", AT(reason), sizeof(((struct watch_event *)0)->reason) },
    { "code", AT(type), sizeof(((struct watch_event *)0)->type) },
    { "advice", AT(advice), sizeof(((struct watch_event *)0)->advice) },
};

static void
take_id(struct reading *r, const struct json_token *t)
{
    if (strcmp(r->key, "id") == 0 && strlen(t->text) < sizeof(r->event->id))
        snprintf(r->event->id, sizeof(r->event->id), "%s", t->text);
}

static void
take_number(struct reading *r, const struct json_token *t)
{
    take_id(r, t);
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        if (strcmp(r->key, numbers[i].key) == 0)
            memcpy((char *)r->event + numbers[i].offset, &t->number,
                   sizeof(double));
}

/* A member means the same wherever in a line it stands, but for "event": the
 * first is the name, the one inside a number. */
static enum err
take(void *arg, const struct json_token *t, struct errinfo *e)
{
    struct reading *r = arg;

    (void)e;
    if (t->event == JSON_KEY) {
        snprintf(r->key, sizeof(r->key), "%s", t->text);
    } else if (t->event == JSON_NUMBER) {
        take_number(r, t);
    } else if (t->event == JSON_STRING) {
        take_id(r, t);
        if (strcmp(r->key, "event") == 0)
            snprintf(r->event->name, sizeof(r->event->name), "%s", t->text);
        for (size_t i = 0; i < COUNT_OF(texts); i++)
            if (strcmp(r->key, texts[i].key) == 0)
                snprintf((char *)r->event + texts[i].offset, texts[i].size,
                         "%s", t->text);
    }
    return ERR_OK;
}

bool
watch_event_parse(const char *line, struct watch_event *out)
{
    struct reading     r = { .event = out };
    struct json_reader json;
    struct errinfo     e;

    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        memcpy((char *)out + numbers[i].offset, &(double){ NAN },
               sizeof(double));
    err_clear(&e);
    json_reader_init(&json, take, &r);
    enum err rc = json_reader_feed(&json, line, strlen(line), &e);
    if (rc == ERR_OK)
        rc = json_reader_end(&json, &e);
    json_reader_release(&json);
    return rc == ERR_OK && out->name[0] != '\0';
}
