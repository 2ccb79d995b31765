"""The server that a good tutorial writes: FastAPI, the model in evaluation mode, one forward a request.

    MODEL=model.safetensors uvicorn --app-dir benchmarks serving_by_hand:app

The weights and the numbers of the normalisation are those of a deepwell run, all else is written by hand. For
``serving.py``, which measures it beside ``deepwell serve``.
"""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np
import torch
from fastapi import FastAPI, UploadFile
from PIL import Image

import deepwell as dw

saved = dw.load(os.environ["MODEL"])
model = saved.network.eval()
classes = [str(name) for name in saved.output.classes]
channels, height, width = saved.input.shape
mean = torch.tensor(saved.input.mean).view(-1, 1, 1)
std = torch.tensor(saved.input.std).view(-1, 1, 1)

app = FastAPI()


@app.get("/ready")
def ready() -> dict[str, str]:
    return {"status": "ready"}


@app.post("/predict")
async def predict(file: UploadFile) -> dict[str, Any]:
    picture = Image.open(io.BytesIO(await file.read())).convert("L" if channels == 1 else "RGB")
    pixels = np.asarray(picture.resize((width, height)), dtype=np.float32) / 255
    x = (torch.from_numpy(pixels.reshape(height, width, channels)).permute(2, 0, 1) - mean) / std
    with torch.inference_mode():
        probabilities = model(x[None]).softmax(1)[0]
    best = int(probabilities.argmax())
    return {
        "prediction": classes[best],
        "confidence": float(probabilities[best]),
        "probabilities": dict(zip(classes, probabilities.tolist(), strict=True)),
    }
