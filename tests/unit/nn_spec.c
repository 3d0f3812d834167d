#include <string.h>

#include "nn_fixture.h"
#include "nn_suites.h"

/* The sentence at a pointer, or NULL. */
static const char *
told_at(const struct errinfo *e, const char *where)
{
    for (unsigned i = 0; i < e->n; i++)
        if (strcmp(e->item[i].where, where) == 0)
            return e->item[i].what;
    return NULL;
}

static struct nn_spec
good_spec(void)
{
    static const struct fix_layer layers[] = { { 8, NN_RELU },
                                               { 3, NN_SOFTMAX } };

    return fix_spec(4, layers, 2, NN_CROSS_ENTROPY);
}

START_TEST(names_lead_back_to_themselves)
{
    enum nn_activation a;
    enum nn_init       init;
    enum nn_loss       loss;

    for (int i = 0; i < NN_ACTIVATION_COUNT; i++)
        ck_assert(nn_activation_find(nn_activation_name(i), &a) && (int)a == i);
    for (int i = NN_INIT_DEFAULT + 1; i < NN_INIT_COUNT; i++)
        ck_assert(nn_init_find(nn_init_name(i), &init) && (int)init == i);
    for (int i = 0; i < NN_LOSS_COUNT; i++)
        ck_assert(nn_loss_find(nn_loss_name(i), &loss) && (int)loss == i);
    for (size_t i = 0; nn_layer_type_at(i) != NULL; i++)
        ck_assert(nn_layer_type_find(nn_layer_type_name(nn_layer_type_at(i))) ==
                  nn_layer_type_at(i));
    for (size_t i = 0; nn_optimizer_type_at(i) != NULL; i++)
        ck_assert(nn_optimizer_type_find(nn_optimizer_type_name(
                      nn_optimizer_type_at(i))) == nn_optimizer_type_at(i));
    ck_assert(!nn_activation_find("Sigmoid", &a));
    ck_assert(!nn_init_find("default", &init));
    ck_assert(!nn_loss_find("", &loss));
    ck_assert_ptr_null(nn_layer_type_find("densest"));
    ck_assert_ptr_null(nn_optimizer_type_find("adams"));
    ck_assert_str_eq(nn_init_scale_name(NN_INIT_UNIFORM), "limit");
    ck_assert_str_eq(nn_init_scale_name(NN_INIT_NORMAL), "stddev");
    ck_assert_ptr_null(nn_init_scale_name(NN_INIT_ZEROS));
}
END_TEST

START_TEST(defaults_are_what_the_members_say)
{
    struct nn_layer_spec     layer;
    struct nn_optimizer_spec opt;

    nn_layer_spec_init(&layer, nn_layer_type_find("dense"));
    ck_assert(layer.units == 0 && layer.activation == NN_LINEAR &&
              layer.use_bias && layer.init.type == NN_INIT_DEFAULT);
    nn_optimizer_spec_init(&opt, nn_optimizer_type_find("sgd"));
    ck_assert(opt.learning_rate == 0.01f && opt.momentum == 0);
    nn_optimizer_spec_init(&opt, nn_optimizer_type_find("adam"));
    ck_assert(opt.learning_rate == 0.001f && opt.beta_1 == 0.9f &&
              opt.beta_2 == 0.999f && opt.epsilon == 1e-8f);
}
END_TEST

START_TEST(the_check_fills_in_inits)
{
    struct nn_spec spec = good_spec();

    ck_assert(spec.layer[0].init.type == NN_INIT_HE_UNIFORM);
    ck_assert(spec.layer[1].init.type == NN_INIT_GLOROT_UNIFORM);
    spec.layer[0].init = (struct nn_init_spec){ .type = NN_INIT_UNIFORM };
    spec.layer[1].init = (struct nn_init_spec){ NN_INIT_NORMAL, 2 };
    ck_assert_int_eq(nn_spec_check(&spec, NULL), ERR_OK);
    ck_assert(spec.layer[0].init.scale == 0.05f);
    ck_assert(spec.layer[1].init.scale == 2);
}
END_TEST

START_TEST(every_mistake_is_told)
{
    struct nn_spec spec = good_spec();
    struct errinfo e;

    spec.input.dim[0] = 0;
    spec.layer[0].units = 0;
    spec.layer[0].activation = NN_SOFTMAX;
    spec.layer[1].units = NN_MAX_UNITS + 1;
    spec.layer[1].activation = NN_TANH;
    spec.layer[1].init = (struct nn_init_spec){ NN_INIT_UNIFORM, -1 };
    err_clear(&e);
    ck_assert_int_eq(nn_spec_check(&spec, &e), ERR_INVALID);
    ck_assert_int_eq(e.code, ERR_INVALID);
    ck_assert_uint_eq(e.n, 6);
    ck_assert_ptr_nonnull(told_at(&e, "/input_shape/0"));
    ck_assert_ptr_nonnull(told_at(&e, "/layers/0/units"));
    ck_assert_ptr_nonnull(told_at(&e, "/layers/0/activation"));
    ck_assert_ptr_nonnull(told_at(&e, "/layers/1/units"));
    ck_assert_ptr_nonnull(told_at(&e, "/layers/1/init/limit"));
    ck_assert_ptr_nonnull(strstr(told_at(&e, "/loss"), "softmax"));
}
END_TEST

START_TEST(a_member_is_told_once)
{
    struct nn_spec spec = good_spec();
    struct errinfo e;

    spec.layer[0].units = 0;
    err_clear(&e);
    err_add(&e, ERR_INVALID, "/layers/0/units", "is missing");
    ck_assert_int_eq(nn_spec_check(&spec, &e), ERR_INVALID);
    ck_assert_uint_eq(e.n, 1);
}
END_TEST

START_TEST(binary_cross_entropy_wants_sigmoid)
{
    struct nn_spec spec = good_spec();
    struct errinfo e;

    spec.loss = nn_loss_spec(NN_BINARY_CROSS_ENTROPY);
    err_clear(&e);
    ck_assert_int_eq(nn_spec_check(&spec, &e), ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(told_at(&e, "/loss"), "sigmoid"));
    spec.layer[1].activation = NN_SIGMOID;
    ck_assert_int_eq(nn_spec_check(&spec, NULL), ERR_OK);
}
END_TEST

START_TEST(the_number_of_layers_is_bounded)
{
    struct nn_spec spec = good_spec();
    struct errinfo e;

    err_clear(&e);
    spec.n_layers = 0;
    ck_assert_int_eq(nn_spec_check(&spec, &e), ERR_INVALID);
    ck_assert_ptr_nonnull(told_at(&e, "/layers"));
    spec.n_layers = NN_MAX_LAYERS + 1;
    ck_assert_int_eq(nn_spec_check(&spec, &e), ERR_INVALID);
}
END_TEST

START_TEST(input_shapes_are_checked)
{
    struct nn_spec spec = good_spec();
    struct errinfo e;

    err_clear(&e);
    spec.input = (struct nn_shape){ .rank = 0 };
    ck_assert_int_eq(nn_spec_check(&spec, &e), ERR_INVALID);
    ck_assert_ptr_nonnull(told_at(&e, "/input_shape"));

    /* 2^64 and more numbers in one input */
    err_clear(&e);
    spec.input = (struct nn_shape){ 2, { (size_t)1 << 33, (size_t)1 << 33 } };
    ck_assert_int_eq(nn_spec_check(&spec, &e), ERR_INVALID);
    ck_assert_ptr_nonnull(told_at(&e, "/input_shape"));

    /* an image where a row is wanted: the sentence says which row */
    err_clear(&e);
    spec.input = (struct nn_shape){ 2, { 28, 28 } };
    ck_assert_int_eq(nn_spec_check(&spec, &e), ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(told_at(&e, "/layers/0"), "[784]"));
}
END_TEST

START_TEST(the_sum_of_parameters_is_bounded)
{
    static const struct fix_layer layer[] = { { 1, NN_LINEAR } };
    struct nn_spec                spec = fix_spec(4095, layer, 1, NN_MSE);
    struct errinfo                e;

    /* (4095 + 1) * 65536 is 2^28, which is allowed; one input more is not. */
    spec.layer[0].units = NN_MAX_UNITS;
    ck_assert_int_eq(nn_spec_check(&spec, NULL), ERR_OK);
    ck_assert_uint_ge(nn_net_bytes(&spec), NN_MAX_PARAMETERS * 4);
    spec.input.dim[0]++;
    err_clear(&e);
    ck_assert_int_eq(nn_spec_check(&spec, &e), ERR_INVALID);
    ck_assert_ptr_nonnull(told_at(&e, "/layers/0"));

    /* The same as a sum over layers. */
    for (size_t i = 0; i < 2; i++) {
        spec.layer[i] = spec.layer[0];
        spec.layer[i].units = 16384;
    }
    spec.n_layers = 2;
    spec.input.dim[0] = 16384;
    err_clear(&e);
    ck_assert_int_eq(nn_spec_check(&spec, &e), ERR_INVALID);
    ck_assert_ptr_nonnull(told_at(&e, "/layers/0"));
    spec.input.dim[0] = 16000;
    err_clear(&e);
    ck_assert_int_eq(nn_spec_check(&spec, &e), ERR_INVALID);
    ck_assert_ptr_nonnull(told_at(&e, "/layers/1"));
}
END_TEST

Suite *
suite_nn_spec(void)
{
    Suite *s = suite_create("nn/spec");
    TCase *t = tcase_create("spec");

    tcase_add_test(t, names_lead_back_to_themselves);
    tcase_add_test(t, defaults_are_what_the_members_say);
    tcase_add_test(t, the_check_fills_in_inits);
    tcase_add_test(t, every_mistake_is_told);
    tcase_add_test(t, a_member_is_told_once);
    tcase_add_test(t, binary_cross_entropy_wants_sigmoid);
    tcase_add_test(t, the_number_of_layers_is_bounded);
    tcase_add_test(t, input_shapes_are_checked);
    tcase_add_test(t, the_sum_of_parameters_is_bounded);
    suite_add_tcase(s, t);
    return s;
}
