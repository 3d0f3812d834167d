/*
 * class_weights.h - how much a row counts by its class, to and from JSON
 *
 * Model    "balanced", or an object from the names of classes to weights; a
 *          class that is not named weighs 1.  Which classes there are is known
 *          to the dataset, not here.
 * Owner    codec_class_weights_read() fills the caller's storage, which
 *          _release() empties.
 */
#ifndef CODEC_CLASS_WEIGHTS_H
#define CODEC_CLASS_WEIGHTS_H

#include <stddef.h>

#include "base/buf.h"

struct walk;

enum codec_class_weighting {
    CODEC_CLASSES_EVEN,     /* not asked for                              */
    CODEC_CLASSES_BALANCED, /* rows / (classes * rows of this class)      */
    CODEC_CLASSES_GIVEN
};

struct codec_class_weights {
    enum codec_class_weighting weighting;
    size_t                     n;
    char                     **name;   /* [n] */
    double                    *weight; /* [n] */
};

/* The member class_weights of w. */
void codec_class_weights_read(struct walk *w, struct codec_class_weights *out);
void codec_class_weights_write(const struct codec_class_weights *weights,
                               struct buf                       *out);
void codec_class_weights_release(struct codec_class_weights *weights);

#endif
