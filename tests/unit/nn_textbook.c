/*
 * One update on the worked examples of three textbooks.  The numbers are the
 * authors', recomputed in double; they hold here within float32.
 */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "nn/train.h"
#include "nn_fixture.h"
#include "nn_suites.h"

#define NEAR 2e-7 /* float32 near 1, a few roundings */

struct example {
    size_t n_in, n_hidden, n_out;
    float  rate;
    float  x[3], t[2];
    float  params[13]; /* W [hidden][in], b, W [out][hidden], b */
    double hidden[2], y[2], loss;
    double after[13];
};

/* clang-format off */

/* M. Mazur, "A Step by Step Backpropagation Example", 2015; biases trained
 * too.  His text leaves them; the weights after are the same. */
static const struct example mazur = {
    2, 2, 2, 0.5f, { 0.05f, 0.10f }, { 0.01f, 0.99f },
    { 0.15f, 0.20f, 0.25f, 0.30f, 0.35f, 0.35f,
      0.40f, 0.45f, 0.50f, 0.55f, 0.60f, 0.60f },
    { 0.5932699921071872, 0.596884378259767 },
    { 0.7513650695523157, 0.7729284653214625 }, 0.2983711087600027,
    { 0.1497807161327628, 0.19956143226552567, 0.24975114363236958, 0.29950228726473915,
      0.3456143226552565, 0.3450228726473914,
      0.35891647971788465, 0.4086661860762334, 0.5113012702387375, 0.5613701211079891,
      0.5307507191857215, 0.6190491182582781 },
};

/* J. Han & M. Kamber, "Data Mining", the 3-2-1 example of backpropagation. */
static const struct example han_kamber = {
    3, 2, 1, 0.9f, { 1, 0, 1 }, { 1 },
    { 0.2f, 0.4f, -0.5f, -0.3f, 0.1f, 0.2f, -0.4f, 0.2f,
      -0.3f, -0.2f, 0.1f },
    { 0.3318122278318339, 0.52497918747894 },
    { 0.47388889882398544 }, 0.1383964453903193,
    { 0.19214789423111006, 0.4, -0.50785210576889,
      -0.30588787655775207, 0.1, 0.19411212344224793,
      -0.40785210576888997, 0.19411212344224793,
      -0.26082884634154524, -0.13802506750700472, 0.21805217039291008 },
};

/* M. Negnevitsky, "Artificial Intelligence", XOR; a bias is minus his
 * threshold. */
static const struct example negnevitsky = {
    2, 2, 1, 0.1f, { 1, 1 }, { 0 },
    { 0.5f, 0.4f, 0.9f, 1.0f, -0.8f, 0.1f,
      -1.2f, 1.1f, -0.3f },
    { 0.5249791874789399, 0.8807970779778823 },
    { 0.5097242138886783 }, 0.12990938711221553,
    { 0.5038119477996761, 0.40381194779967616, 0.8985288179209052, 0.9985288179209052,
      -0.796188052200324, 0.09852881792090515,
      -1.2066873347075837, 1.0887801554606653, -0.3127382853779363 },
};
/* clang-format on */

static const struct example *const examples[] = { &mazur, &han_kamber,
                                                  &negnevitsky };

static struct nn_net *
example_net(const struct example *ex)
{
    struct fix_layer layers[] = { { ex->n_hidden, NN_SIGMOID },
                                  { ex->n_out, NN_SIGMOID } };
    struct nn_spec   spec = fix_spec(ex->n_in, layers, 2, NN_SQUARED_ERROR);
    struct nn_net   *net = fix_net(&spec, 0);

    memcpy(nn_net_params(net), ex->params,
           nn_net_n_params(net) * sizeof(float));
    return net;
}

START_TEST(one_update_is_the_books)
{
    const struct example   *ex = examples[_i];
    struct nn_net          *net = example_net(ex);
    struct nn_work         *work = fix_work(net, 1);
    size_t                  n_params = nn_net_n_params(net);
    struct nn_optimizer    *opt = fix_optimizer("sgd", 0, n_params);
    struct nn_train_options options = { .batch_size = 1, .rate = ex->rate };
    struct nn_train_sums    sums = { 0 };
    float                   grad[13];

    ck_assert(nn_train_rows(net, work, opt, grad, ex->x, ex->t, NULL, 1,
                            &options, &sums));
    for (size_t k = 0; k < ex->n_out; k++)
        ck_assert_double_eq_tol(nn_work_output(work)[k], ex->y[k], NEAR);
    ck_assert_double_eq_tol(sums.loss, ex->loss, NEAR);
    for (size_t i = 0; i < n_params; i++)
        ck_assert_double_eq_tol(nn_net_params(net)[i], ex->after[i], NEAR);
    nn_optimizer_free(opt);
    nn_work_free(work);
    nn_net_free(net);
}
END_TEST

/* The first layer alone gives the hidden units' values. */
START_TEST(hidden_units_are_the_books)
{
    const struct example *ex = examples[_i];
    struct fix_layer      layer = { ex->n_hidden, NN_SIGMOID };
    struct nn_spec        spec = fix_spec(ex->n_in, &layer, 1, NN_MSE);
    struct nn_net        *net = fix_net(&spec, 0);
    struct nn_work       *work = fix_work(net, 1);
    const float          *y;

    memcpy(nn_net_params(net), ex->params,
           nn_net_n_params(net) * sizeof(float));
    y = nn_net_forward(net, work, ex->x, 1);
    for (size_t j = 0; j < ex->n_hidden; j++)
        ck_assert_double_eq_tol(y[j], ex->hidden[j], NEAR);
    nn_work_free(work);
    nn_net_free(net);
}
END_TEST

/* Mazur's network after 10000 updates, biases trained: float32 still agrees
 * with the computation in double to four places. */
START_TEST(mazur_after_10000_updates)
{
    struct nn_net          *net = example_net(&mazur);
    struct nn_work         *work = fix_work(net, 1);
    struct nn_optimizer    *opt = fix_optimizer("sgd", 0, nn_net_n_params(net));
    struct nn_train_options options = { .batch_size = 1, .rate = mazur.rate };
    float                   grad[12];

    for (int i = 0; i < 10000; i++) {
        struct nn_train_sums sums = { 0 };

        ck_assert(nn_train_rows(net, work, opt, grad, mazur.x, mazur.t, NULL, 1,
                                &options, &sums));
    }
    const float *y = nn_net_forward(net, work, mazur.x, 1);

    ck_assert_double_eq_tol(y[0], 0.011587527390870083, 1e-4);
    ck_assert_double_eq_tol(y[1], 0.9884588350256716, 1e-4);
    nn_optimizer_free(opt);
    nn_work_free(work);
    nn_net_free(net);
}
END_TEST

/* Negnevitsky's weights after training, and his table of what they give. */
START_TEST(negnevitsky_trained)
{
    static const float  params[] = { 4.7621f,   4.7618f,  6.3917f,
                                     6.3917f,   -7.3061f, -2.8441f,
                                     -10.3788f, 9.7691f,  -4.5589f };
    static const float  x[] = { 1, 1, 0, 1, 1, 0, 0, 0 };
    static const double want[] = { 0.015515890994855189, 0.9849483325198776,
                                   0.9849452155823636, 0.017486421370632527 };
    struct nn_net      *net = example_net(&negnevitsky);
    struct nn_work     *work = fix_work(net, 4);
    const float        *y;

    memcpy(nn_net_params(net), params, sizeof(params));
    y = nn_net_forward(net, work, x, 4);
    for (size_t s = 0; s < 4; s++)
        ck_assert_double_eq_tol(y[s], want[s], 1e-6);
    nn_work_free(work);
    nn_net_free(net);
}
END_TEST

/* Rumelhart, Hinton & Williams, "Learning internal representations by error
 * propagation", 1986: XOR with one hidden unit and inputs that go past it to
 * the output.  Ours is a chain of layers, so two more hidden units carry the
 * inputs: sigmoid(z ln 3) is 1/2 at 0 and 3/4 at 1, of which the next layer
 * makes the input again, exactly. */
START_TEST(xor_with_inputs_that_go_past)
{
    static const double    want[] = { 0.1031832142028104, 0.8766545545799762,
                                      0.8766545545799762, 0.10907405982714498 };
    static const float     x[] = { 0, 0, 0, 1, 1, 0, 1, 1 };
    const struct fix_layer layers[] = { { 3, NN_SIGMOID }, { 1, NN_SIGMOID } };
    const float past = (float)log(3), out = -4.2f * 4, bias = 6.3f + 4.2f * 4;
    const float params[] = { -6.4f, -6.4f, past,  0,   0,   past, 2.2f,
                             0,     0,     -9.4f, out, out, bias };
    struct nn_spec  spec = fix_spec(2, layers, 2, NN_SQUARED_ERROR);
    struct nn_net  *net = fix_net(&spec, 0);
    struct nn_work *work = fix_work(net, 4);
    const float    *y;

    ck_assert_uint_eq(nn_net_n_params(net), COUNT_OF(params));
    memcpy(nn_net_params(net), params, sizeof(params));
    y = nn_net_forward(net, work, x, 4);
    for (size_t s = 0; s < 4; s++)
        ck_assert_double_eq_tol(y[s], want[s], 1e-6);
    nn_work_free(work);
    nn_net_free(net);
}
END_TEST

/* The same authors' detector of symmetry, Nature 323, 1986: 6-2-1. */
START_TEST(symmetry_is_detected)
{
    const struct fix_layer layers[] = { { 2, NN_SIGMOID }, { 1, NN_SIGMOID } };
    const float            row[] = { -14.2f, 3.6f, -7.2f, 7.2f, -3.6f, 14.2f };
    struct nn_spec         spec = fix_spec(6, layers, 2, NN_SQUARED_ERROR);
    struct nn_net         *net = fix_net(&spec, 0);
    struct nn_work        *work = fix_work(net, 64);
    float                 *p = nn_net_params(net), x[64 * 6];
    double                 least = 1, most = 0;

    for (size_t i = 0; i < 6; i++) {
        p[i] = row[i];
        p[6 + i] = -row[i];
    }
    p[12] = p[13] = -1.1f;
    p[14] = p[15] = -9.4f;
    p[16] = 6.4f;
    for (size_t s = 0; s < 64; s++)
        for (size_t i = 0; i < 6; i++)
            x[s * 6 + i] = (float)(s >> i & 1);

    const float *y = nn_net_forward(net, work, x, 64);
    for (size_t s = 0; s < 64; s++) {
        const float *b = x + s * 6;

        if (b[0] == b[5] && b[1] == b[4] && b[2] == b[3])
            least = fmin(least, y[s]);
        else
            most = fmax(most, y[s]);
    }
    ck_assert_double_eq_tol(least, 0.84617231651818, 1e-5);
    ck_assert_double_eq_tol(most, 0.09563264328296052, 1e-5);
    nn_work_free(work);
    nn_net_free(net);
}
END_TEST

Suite *
suite_nn_textbook(void)
{
    Suite *s = suite_create("nn/textbook");
    TCase *t = tcase_create("textbook");

    tcase_add_loop_test(t, one_update_is_the_books, 0, (int)COUNT_OF(examples));
    tcase_add_loop_test(t, hidden_units_are_the_books, 0,
                        (int)COUNT_OF(examples));
    tcase_add_test(t, mazur_after_10000_updates);
    tcase_add_test(t, negnevitsky_trained);
    tcase_add_test(t, xor_with_inputs_that_go_past);
    tcase_add_test(t, symmetry_is_detected);
    suite_add_tcase(s, t);
    return s;
}
