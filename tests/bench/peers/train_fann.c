/*
 * train_fann.c - FANN's updates a second, one a sample
 *
 *   train_fann XOR|iris SECONDS
 */
#include <fann.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROWS 4096

static double
now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

int
main(int argc, char **argv)
{
    int      iris = argc > 1 && strcmp(argv[1], "iris") == 0;
    unsigned n_in = iris ? 4 : 2, n_hidden = iris ? 10 : 2,
             n_out = iris ? 3 : 1;
    double    seconds = argc > 2 ? atof(argv[2]) : 1, began, done = 0;
    fann_type x[ROWS][4], t[ROWS][3] = { { 0 } };

    struct fann *net = fann_create_standard(3, n_in, n_hidden, n_out);
    fann_set_activation_function_hidden(net, FANN_SIGMOID);
    fann_set_activation_function_output(net, FANN_SIGMOID);
    fann_set_learning_rate(net, iris ? 0.1f : 0.5f);
    for (int i = 0; i < ROWS; i++) {
        for (int k = 0; k < 4; k++)
            x[i][k] = (fann_type)((i * 31 + k * 17) % 97) / 97;
        t[i][i * 7 % (int)n_out] = 1;
    }
    began = now();
    do {
        for (int i = 0; i < ROWS; i++)
            fann_train(net, x[i], t[i]);
        done += ROWS;
    } while (now() - began < seconds);
    printf("%f\n", done / (now() - began));
    fann_destroy(net);
    return 0;
}
