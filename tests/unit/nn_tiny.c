#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/kernel/kernel.h"
#include "nn/train.h"
#include "nn_fixture.h"
#include "nn_suites.h"

#define N_ROWS 700 /* more than two of the pieces that are done at once */

/* clang-format off */
static const struct {
    size_t           n_in, n_layers;
    struct fix_layer layer[4];
    enum nn_loss     loss;
} nets[] = {
    { 2,  2, { { 2, NN_SIGMOID }, { 1, NN_SIGMOID } },                                NN_SQUARED_ERROR },
    { 4,  2, { { 10, NN_TANH }, { 3, NN_SIGMOID } },                                  NN_SQUARED_ERROR },
    { 16, 3, { { 16, NN_RELU }, { 7, NN_LINEAR }, { 4, NN_TANH } },                   NN_MSE           },
    { 9,  4, { { 5, NN_TANH }, { 13, NN_RELU }, { 8, NN_SIGMOID }, { 2, NN_LINEAR } }, NN_MSE          },
    { 1,  1, { { 1, NN_LINEAR } },                                                    NN_SQUARED_ERROR },
    { 4,  2, { { 10, NN_SIGMOID }, { 3, NN_SIGMOID } },                               NN_SQUARED_ERROR },
    { 1,  2, { { 1, NN_TANH }, { 1, NN_LINEAR } },                                    NN_MSE           },
    { 3,  2, { { 4, NN_RELU }, { 2, NN_TANH } },                                      NN_MSE           },
    { 2,  2, { { 5, NN_LINEAR }, { 4, NN_RELU } },                                    NN_MSE           },
    { 4,  2, { { 8, NN_SIGMOID }, { 4, NN_TANH } },                                   NN_MSE           },
    { 1,  2, { { 13, NN_TANH }, { 1, NN_SIGMOID } },                                  NN_SQUARED_ERROR },
    { 4,  2, { { 16, NN_RELU }, { 4, NN_SIGMOID } },                                  NN_MSE           },
    { 5,  2, { { 4, NN_SIGMOID }, { 3, NN_SIGMOID } },                                NN_SQUARED_ERROR },
    { 4,  2, { { 4, NN_SIGMOID }, { 5, NN_SIGMOID } },                                NN_SQUARED_ERROR },
};
/* clang-format on */

/* A weight of 1 for every row changes nothing, and is not for the tiny path.
 * faint: errors whose squares are nothing, but which are not. */
static struct nn_net *
trained(int which, bool general, bool measure, bool faint,
        struct nn_train_sums *sums)
{
    struct nn_spec       spec = fix_spec(nets[which].n_in, nets[which].layer,
                                         nets[which].n_layers, nets[which].loss);
    struct nn_net       *net = fix_net(&spec, 3);
    struct nn_work      *work = fix_work(net, 1);
    size_t               n_in = nn_net_n_in(net), n_out = nn_net_n_out(net);
    struct nn_optimizer *opt = fix_optimizer("sgd", 0, nn_net_n_params(net));
    float *x = mem_floats(N_ROWS * n_in, 0), *t = mem_floats(N_ROWS * n_out, 0);
    float *grad = mem_floats(nn_net_n_params(net), 0);
    float *ones = mem_floats(N_ROWS, 0);
    const struct nn_train_options options = {
        .batch_size = 1, .rate = 0.05f, .middle = 0.5f, .measure = measure
    };

    ck_assert(x != NULL && t != NULL && grad != NULL && ones != NULL);
    fix_sine(x, N_ROWS * n_in, 0.7, 0.3, faint ? 0 : 1);
    fix_sine(t, N_ROWS * n_out, 0.4, 0.1, faint ? 1e-20 : 1);
    for (size_t i = 0; i < N_ROWS; i++)
        ones[i] = 1;
    memset(sums, 0, sizeof(*sums));
    ck_assert(nn_train_rows(net, work, opt, grad, x, t, general ? ones : NULL,
                            N_ROWS, &options, sums));
    free(ones);
    free(grad);
    free(t);
    free(x);
    nn_optimizer_free(opt);
    nn_work_free(work);
    return net;
}

START_TEST(the_tiny_path_gives_the_bytes_of_the_general_one)
{
    const struct nn_kernel *kernel;

    for (size_t s = 0; (kernel = nn_kernel_at(s)) != NULL; s++) {
        ck_assert(nn_kernel_select(kernel->name));
        for (int how = 0; how < 4; how++) {
            bool                 measure = how % 2, faint = how / 2;
            struct nn_train_sums sums, want;
            struct nn_net *net = trained(_i, false, measure, faint, &sums);
            struct nn_net *other = trained(_i, true, measure, faint, &want);

            ck_assert_msg(fix_same(nn_net_params(net), nn_net_params(other),
                                   nn_net_n_params(net)),
                          "%s", kernel->name);
            ck_assert_msg(memcmp(&sums, &want, sizeof(sums)) == 0, "%s",
                          kernel->name);
            ck_assert_uint_eq(sums.n_batches, N_ROWS);
            nn_net_free(net);
            nn_net_free(other);
        }
    }
    nn_kernel_select(NULL);
}
END_TEST

Suite *
suite_nn_tiny(void)
{
    Suite *s = suite_create("nn/tiny");
    TCase *t = tcase_create("tiny");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, the_tiny_path_gives_the_bytes_of_the_general_one, 0,
                        (int)COUNT_OF(nets));
    suite_add_tcase(s, t);
    return s;
}
