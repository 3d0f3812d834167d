#include "nn/train.h"

#include <assert.h>
#include <math.h>

#include "nn/kernel/kernel.h"

static size_t
largest(const float *x, size_t n)
{
    size_t best = 0;

    for (size_t i = 1; i < n; i++)
        if (x[i] > x[best])
            best = i;
    return best;
}

size_t
nn_count_correct(const float *y, const float *t, size_t n, size_t n_out,
                 float middle)
{
    size_t correct = 0;

    for (size_t s = 0; s < n; s++, y += n_out, t += n_out) {
        if (n_out == 1)
            correct += (y[0] > middle) == (t[0] > middle);
        else
            correct += largest(y, n_out) == largest(t, n_out);
    }
    return correct;
}

bool
nn_train_rows(struct nn_net *net, struct nn_work *work,
              struct nn_optimizer *opt, float *grad, const float *x,
              const float *t, const float *weight, size_t n, size_t batch_size,
              float rate, float middle, const atomic_bool *stop,
              struct nn_train_sums *sums)
{
    size_t n_in = nn_net_n_in(net), n_out = nn_net_n_out(net);
    size_t n_params = nn_net_n_params(net);

    assert(batch_size > 0 && batch_size <= nn_work_max_batch(work));
    for (size_t row = 0; row < n; row += batch_size) {
        size_t       size = n - row < batch_size ? n - row : batch_size;
        const float *ti = t + row * n_out;

        if (stop != NULL && atomic_load_explicit(stop, memory_order_relaxed))
            break;

        double loss = nn_net_gradient(net, work, x + row * n_in, ti,
                                      weight != NULL ? weight + row : NULL,
                                      size, grad, NULL);
        double norm = sqrt(nn_kernel()->sum_squares(grad, n_params));

        /* A gradient may overflow before the loss does, and would leave
         * parameters that are not numbers. */
        if (!isfinite(loss) || !isfinite(norm))
            return false;
        nn_optimizer_step(opt, nn_net_params(net), grad, rate);

        sums->loss += loss * (double)size;
        sums->gradient_norm += norm;
        sums->n_rows += size;
        sums->n_batches++;
        sums->n_correct += nn_count_correct(nn_work_output(work), ti, size,
                                            n_out, middle);
    }
    return true;
}
