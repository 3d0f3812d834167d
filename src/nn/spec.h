/*
 * spec.h - what a user may ask of a network, in tables
 *
 * Model    A network is an input shape, a chain of layers and a loss.  What
 *          there is to choose from stands in tables: a row has the name the
 *          API uses, the members a client may give with their ranges and
 *          defaults, and the functions that do the work.  codec/ reads and
 *          writes JSON from the same rows, so that they cannot drift apart.
 * Owner    struct nn_spec is plain data without pointers of its own (type
 *          points into the tables): copy it by assignment.
 * Threads  Tables are constant.
 * Errors   nn_spec_check() tells every mistake, with pointers as in API.md.
 * Limits   NN_MAX_…; parameters in all at most NN_MAX_PARAMETERS.
 */
#ifndef NN_SPEC_H
#define NN_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define NN_MAX_LAYERS 64
#define NN_MAX_RANK 4
#define NN_MAX_UNITS 65536
#define NN_MAX_PARAMETERS ((size_t)1 << 28) /* 1 GiB of float32 */

struct nn_shape {
    size_t rank; /* 1..NN_MAX_RANK */
    size_t dim[NN_MAX_RANK];
};

/* The product of its dimensions. */
size_t nn_shape_size(const struct nn_shape *shape);

/* --- members: what a row's options are called and may be ------------------ */

enum nn_member_kind {
    NN_MEMBER_COUNT, /* size_t, an integer                            */
    NN_MEMBER_FLOAT, /* float                                         */
    NN_MEMBER_BOOL,
    NN_MEMBER_ACTIVATION, /* enum nn_activation, by its name          */
    NN_MEMBER_INIT        /* struct nn_init_spec: a word or an object */
};

struct nn_member {
    const char         *name; /* as in JSON; NULL ends a list */
    enum nn_member_kind kind;
    size_t              offset; /* in the struct that the list describes */
    bool                required;
    double              min, max;  /* inclusive, for COUNT and FLOAT         */
    bool                above_min; /* min itself is too small: a rate > 0   */
    bool                below_max; /* max itself is too large: momentum < 1 */
    double value; /* the default where not required; NAN: where the member
                     does not apply, it has no value and is not shown    */
};

/* Give all members of a list their defaults in the struct it describes. */
void nn_members_default(const struct nn_member *members, void *out);

/* --- activations ---------------------------------------------------------- */

enum nn_activation {
    NN_LINEAR,
    NN_SIGMOID,
    NN_TANH,
    NN_RELU,
    NN_LEAKY_RELU,
    NN_ELU,
    NN_GELU,
    NN_SILU,
    NN_SOFTPLUS,
    NN_SOFTSIGN,
    NN_SOFTMAX, /* last layer only */
    NN_ACTIVATION_COUNT
};

const char *nn_activation_name(enum nn_activation a);
bool        nn_activation_find(const char *name, enum nn_activation *out);

/* Does it run from -1 to 1, so that the classes of one output are its ends? */
bool nn_activation_is_symmetric(enum nn_activation a);

/* --- initialisation ------------------------------------------------------- */

enum nn_init {
    NN_INIT_DEFAULT, /* He for the relu family, Glorot otherwise; a checked
                        spec no longer holds it                            */
    NN_INIT_GLOROT_UNIFORM,
    NN_INIT_GLOROT_NORMAL,
    NN_INIT_HE_UNIFORM,
    NN_INIT_HE_NORMAL,
    NN_INIT_LECUN_NORMAL,
    NN_INIT_UNIFORM, /* scale: limit, default 0.05   */
    NN_INIT_NORMAL,  /* scale: stddev, default 0.05  */
    NN_INIT_ZEROS,
    NN_INIT_COUNT
};

struct nn_init_spec {
    enum nn_init type;
    float        scale; /* of uniform and normal; 0: the default, which the
                           check fills in                             */
};

const char *nn_init_name(enum nn_init i);
bool        nn_init_find(const char *name, enum nn_init *out);
/* The member that gives its scale, "limit" or "stddev"; NULL where it has none.
 */
const char *nn_init_scale_name(enum nn_init i);

/* --- losses --------------------------------------------------------------- */

enum nn_loss {
    NN_SQUARED_ERROR, /* 1/2 sum_k (t_k - y_k)^2 per sample         */
    NN_MSE,           /* 1/K sum_k (t_k - y_k)^2 per sample         */
    NN_MAE,           /* 1/K sum_k |t_k - y_k| per sample           */
    NN_HUBER,         /* 1/K sum_k, a parabola up to delta, then a line */
    NN_BINARY_CROSS_ENTROPY, /* mean over outputs; a sigmoid output        */
    NN_CROSS_ENTROPY,        /* -sum_k t_k ln y_k; a softmax output        */
    NN_LOSS_COUNT
};

struct nn_loss_spec {
    enum nn_loss type;
    float        delta;           /* huber: where its line begins      */
    float        label_smoothing; /* the cross-entropies: 0 is none    */
};

const char *nn_loss_name(enum nn_loss l);
bool        nn_loss_find(const char *name, enum nn_loss *out);
/* Its members, offsets in struct nn_loss_spec, ended by a NULL name. */
const struct nn_member *nn_loss_members(enum nn_loss l);
/* A spec of this type with all members at their defaults. */
struct nn_loss_spec nn_loss_spec(enum nn_loss l);

/* --- layers --------------------------------------------------------------- */

struct nn_layer_type; /* a row, see nn/layer.h */

struct nn_layer_spec {
    const struct nn_layer_type *type;
    size_t                      units;
    enum nn_activation          activation;
    float                       slope; /* of leaky_relu; else NAN */
    bool                        use_bias;
    struct nn_init_spec         init;
    float                       l1, l2;   /* of dense: penalties on weights */
    float                       max_norm; /* of dense, a unit's; 0: none   */
    float                       rate;     /* of dropout                    */
    float                       momentum, epsilon; /* of the normalisations */
};

/* The row called name ("dense"), or NULL; the i-th row, NULL past the end. */
const struct nn_layer_type *nn_layer_type_find(const char *name);
const struct nn_layer_type *nn_layer_type_at(size_t i);
const char                 *nn_layer_type_name(const struct nn_layer_type *t);
/* Its members, offsets in struct nn_layer_spec, ended by a NULL name. */
const struct nn_member *nn_layer_type_members(const struct nn_layer_type *t);

/* A spec with all members of the type at their defaults. */
void nn_layer_spec_init(struct nn_layer_spec       *layer,
                        const struct nn_layer_type *type);

/* --- the whole ------------------------------------------------------------ */

struct nn_spec {
    struct nn_shape      input;
    size_t               n_layers;
    struct nn_layer_spec layer[NN_MAX_LAYERS];
    struct nn_loss_spec  loss;
    uint64_t             seed;
};

/*
 * Check what no single member tells: softmax last only, cross_entropy with
 * softmax and binary_cross_entropy with sigmoid, shapes that fit, the sum of
 * parameters (checked arithmetic).  Replaces NN_INIT_DEFAULT.  Adds every
 * mistake to e: ERR_INVALID then, ERR_OK otherwise.  Ranges of members are
 * checked again, and told unless e already has something at their pointer; so
 * a reader calls it whatever it found, with the type NULL of a layer in which
 * it told of a mistake at or below "/layers/i".
 */
enum err nn_spec_check(struct nn_spec *spec, struct errinfo *e);
/* The part of it that asks for each layer, but not how they, the input and the
 * loss go together: for a spec of which some was made up. */
bool nn_spec_check_members(struct nn_spec *spec, struct errinfo *e);

/* Numbers in a row of outputs, whatever the last layer is; spec is checked. */
size_t nn_spec_n_out(const struct nn_spec *spec);

#endif
