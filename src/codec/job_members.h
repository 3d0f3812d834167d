/*
 * job_members.h - inside codec/: members of a job that have files of their own
 *
 * Model    One call a member.  What it depends on has been read before: the
 *          schedule comes after the optimizer, stop_when after the validation.
 * Owner    Results go into the caller's struct and own nothing.
 * Errors   Mistakes are added to w->e; results are then defaults, or in part.
 */
#ifndef CODEC_JOB_MEMBERS_H
#define CODEC_JOB_MEMBERS_H

#include "codec/job.h"
#include "codec/walk.h"

/* job_optimizer.c: "optimizer", which gives job->auto_rate too: a rate that is
 * "auto" goes from the document.  codec_optimizer_read() is in job.h. */
void codec_job_optimizer_read(struct walk *w, struct codec_job *job);
/* "schedule", of the rate of this optimizer over n_epochs. */
void codec_job_schedule_read(struct walk                    *w,
                             const struct nn_optimizer_spec *optimizer,
                             struct codec_schedule *out, uint64_t n_epochs);

/* job_stop.c: "stop_when", which sets the monitor too; *out has the other
 * defaults already. */
void codec_job_stop_when_read(struct walk *w, struct codec_job *out);

#endif
