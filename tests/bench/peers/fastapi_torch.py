"""784-256-128-10 behind FastAPI and PyTorch, with random weights."""

import torch
from fastapi import FastAPI, Request

torch.set_num_threads(1)
app = FastAPI()
net = torch.nn.Sequential(
    torch.nn.Linear(784, 256), torch.nn.ReLU(), torch.nn.Linear(256, 128),
    torch.nn.ReLU(), torch.nn.Linear(128, 10), torch.nn.Softmax(dim=1)).eval()


@app.post("/predict")
async def predict(request: Request):
    body = await request.json()
    with torch.inference_mode():
        outputs = net(torch.tensor(body["inputs"], dtype=torch.float32))
    return {"outputs": outputs.tolist()}
