"""784-256-128-10 behind FastAPI and PyTorch, with random weights: with the least
that can be written, and with the body described, as FastAPI's own pages do."""

from typing import List

import torch
from fastapi import FastAPI, Request
from pydantic import BaseModel

torch.set_num_threads(1)
app = FastAPI()
net = torch.nn.Sequential(
    torch.nn.Linear(784, 256), torch.nn.ReLU(), torch.nn.Linear(256, 128),
    torch.nn.ReLU(), torch.nn.Linear(128, 10), torch.nn.Softmax(dim=1)).eval()


class Rows(BaseModel):
    inputs: List[List[float]]


def outputs_of(inputs):
    with torch.inference_mode():
        outputs = net(torch.tensor(inputs, dtype=torch.float32))
    return {"outputs": outputs.tolist()}


@app.post("/predict")
async def predict(request: Request):
    return outputs_of((await request.json())["inputs"])


@app.post("/described")
def described(rows: Rows):
    return outputs_of(rows.inputs)
