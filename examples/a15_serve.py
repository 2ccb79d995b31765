"""A15: serving. A model behind HTTP, asked as any client would ask it, and stopped again.

    python examples/a15_serve.py

The same from a shell: `deepwell serve runs/digits-1`, then `curl -F inputs=@picture.png 127.0.0.1:8000/predict`.
"""

from __future__ import annotations

import json
import threading
import time
import urllib.request

import deepwell as dw
from deepwell.serve.app import make_app
from deepwell.serve.limits import Limits
from deepwell.serve.server import listen, make_server

learner = dw.Learner(dw.open("digits"), model="mlp")
learner.fit(epochs=3, progress=False)
model = learner.saved()

limits = Limits.of("image", max_batch=16)
app = make_app(model, limits)
listener = listen("127.0.0.1", 0)
address = f"http://127.0.0.1:{listener.getsockname()[1]}"
server = make_server(app, limits=limits, grace=5)
thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
thread.start()
while app.state.engine.status == "starting":  # from outside: until GET /ready answers 200
    time.sleep(0.05)

pictures = [{"array": picture.tolist()} for picture in learner.raw("test")[:3]]
request = urllib.request.Request(
    f"{address}/predict", json.dumps({"inputs": pictures}).encode(), {"Content-Type": "application/json"}
)
with urllib.request.urlopen(request) as answer:
    for found in json.load(answer)["answers"]:
        print(f"{found['prediction']} ({found['confidence']:.1%})")

server.should_exit = True
thread.join()
