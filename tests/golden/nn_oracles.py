#!/usr/bin/env python3
"""Print nn_oracles.h from oracles_layers.json: see README.md here."""
import json
import sys

data = json.load(open(sys.argv[1]))


def flat(x):
    return [y for part in x for y in flat(part)] if isinstance(x, list) else [x]


def array(name, values):
    print(f"static const double {name}[] = {{")
    for v in flat(values):
        print(f"    {v!r},")
    print("};")


def one_hot(classes, n):
    return [[float(k == c) for k in range(n)] for c in classes]


def net(prefix, case, targets):
    array(f"{prefix}_x", case["x"])
    array(f"{prefix}_t", targets)
    array(f"{prefix}_params", list(case["params"].values()))
    array(f"{prefix}_grads", list(case["grads"].values()))
    array(f"{prefix}_dx", case["dx"])
    print(f"static const double {prefix}_loss = {case['loss']!r};")


print("/* Made by nn_oracles.py from oracles_layers.json: see README.md here. */")
print("#ifndef GOLDEN_NN_ORACLES_H\n#define GOLDEN_NN_ORACLES_H\n")

softmax = data["mlp_3_4_3_tanh_softmax_ce"]
net("tanh_softmax", softmax, one_hot(softmax["y"], 3))
xor = data["mlp_2_2_1_sigmoid_mse_xor"]
net("sigmoid_mse", xor, xor["y"])
array("sigmoid_mse_y", xor["output"])

for name, key in (("four", "mlp_relu_leaky_elu_softplus_mse"),
                  ("softsign", "softsign_mse"),
                  ("batch_norm", "batchnorm_train_mse"),
                  ("layer_norm", "layernorm_mse")):
    net(name, data[key], data[key]["y"])
    array(f"{name}_y", data[key]["output"])

losses = data["losses"]
array("loss_z", losses["input"])
array("loss_weight", losses["ce_weighted_sum_by_sample"]["w"])
for name, key in (("mse", "mse_mean"), ("mae", "mae_mean"),
                  ("huber", "huber_d1_mean"), ("ce_smooth", "ce_label_smooth_0p1"),
                  ("bce", "bce_logits_mean"),
                  ("ce", "ce_mean"), ("ce_weighted", "ce_weighted_sum_by_sample")):
    case = losses[key]
    target = case["target"]
    if not isinstance(target[0], list):
        target = one_hot(target, 4)
    array(f"loss_{name}_t", target)
    array(f"loss_{name}_dz", case["dlogits"])
    print(f"static const double loss_{name} = {case['loss']!r};")

for name, key in (("sgd", "sgd_lr.1"), ("momentum", "sgd_lr.1_momentum.9"),
                  ("nesterov", "sgd_lr.1_nesterov.9"), ("decay", "sgd_lr.1_l2_.01"),
                  ("adagrad", "adagrad_lr.1_eps1e-10"),
                  ("rmsprop", "rmsprop_lr.01_alpha.99_eps1e-8"),
                  ("adam", "adam_lr.1_.9_.999_eps1e-8"),
                  ("adamw", "adamw_lr.1_wd.01"),
                  ("rprop", "rprop_lr.1_eta.5_1.2_1e-6_50")):
    array(f"steps_{name}", data["optimizers"][key])

print("\n#endif")
