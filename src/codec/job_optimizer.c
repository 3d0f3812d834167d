/* job_optimizer.c - a job's optimizer, and the schedule of its learning rate */
#include "codec/job_members.h"

#include <string.h>

static const char *
optimizer_choice(size_t i)
{
    const struct nn_optimizer_type *type = nn_optimizer_type_at(i);

    return type != NULL ? nn_optimizer_type_name(type) : NULL;
}

static bool
has_learning_rate(const struct nn_optimizer_type *type)
{
    const struct nn_member *member = nn_optimizer_type_members(type);

    while (member->name != NULL && strcmp(member->name, "learning_rate") != 0)
        member++;
    return member->name != NULL;
}

/* Is the rate to be found out?  Then the member goes, and its default is what
 * holds where nothing better is found. */
static bool
take_auto_rate(json_t *optimizer, struct walk *o)
{
    json_t *value = json_object_get(optimizer, "learning_rate");

    if (!json_is_string(value))
        return false;
    if (strcmp(json_string_value(value), "auto") != 0)
        walk_wrong(o, "learning_rate",
                   "must be a number or \"auto\", got \"%.30s\"",
                   json_string_value(value));
    json_object_del(optimizer, "learning_rate");
    return true;
}

void
codec_job_optimizer_read(struct walk *w, struct codec_job *job)
{
    struct nn_optimizer_spec *out = &job->optimizer;
    json_t                   *value = walk_member(w, "optimizer");
    struct walk               o;
    size_t                    i;

    nn_optimizer_spec_init(out, nn_optimizer_type_find("adam"));
    if (value == NULL)
        return;
    walk_begin(&o, value, "/optimizer", w->e);
    if (!walk_type(&o, optimizer_choice, &i))
        return;
    nn_optimizer_spec_init(out, nn_optimizer_type_at(i));
    if (has_learning_rate(out->type))
        job->auto_rate = take_auto_rate(value, &o);
    walk_members(&o, nn_optimizer_type_members(out->type), out);
    walk_end(&o);
    nn_optimizer_spec_check(out, w->e);
}

void
codec_optimizer_read(struct walk *w, struct nn_optimizer_spec *out)
{
    struct codec_job job = { 0 };

    codec_job_optimizer_read(w, &job);
    if (job.auto_rate)
        err_add(w->e, ERR_INVALID, "/optimizer/learning_rate",
                "must be a number: \"auto\" needs a job");
    *out = job.optimizer;
}

static const char *
schedule_choice(size_t i)
{
    return i < CODEC_SCHEDULE_COUNT
               ? codec_schedule_name((enum codec_schedule_type)i)
               : NULL;
}

void
codec_job_schedule_read(struct walk                    *w,
                        const struct nn_optimizer_spec *optimizer,
                        struct codec_schedule *out, uint64_t n_epochs)
{
    json_t     *value = walk_member(w, "schedule");
    struct walk s;
    size_t      i;

    codec_schedule_init(out, CODEC_SCHEDULE_CONSTANT);
    if (value == NULL)
        return;
    walk_begin(&s, value, "/schedule", w->e);
    if (!walk_type(&s, schedule_choice, &i))
        return;
    codec_schedule_init(out, (enum codec_schedule_type)i);
    walk_members(&s, codec_schedule_members(out->type), out);
    if (!has_learning_rate(optimizer->type) &&
        (out->type != CODEC_SCHEDULE_CONSTANT || out->warmup_epochs > 0))
        walk_wrong(w, "schedule", "%s has no learning rate to schedule",
                   nn_optimizer_type_name(optimizer->type));
    if (out->warmup_epochs >= n_epochs)
        walk_wrong(&s, "warmup_epochs",
                   "must be less than the %llu epochs of the job",
                   (unsigned long long)n_epochs);
    walk_end(&s);
}
