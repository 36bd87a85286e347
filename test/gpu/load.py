"""One process that keeps a GPU busy: `load.py training|inference`.

Prints "ready" when it is warm and works until its standard input ends. Needs PyTorch with CUDA.
"""

import sys
import threading

import torch

LAYERS, WIDTH, BATCH = 8, 4096, 256


def model() -> torch.nn.Module:
    layers = []
    for _ in range(LAYERS):
        layers += [torch.nn.Linear(WIDTH, WIDTH), torch.nn.GELU()]
    return torch.nn.Sequential(*layers).cuda()


def training():
    net = model()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4)
    inputs = torch.randn(BATCH, WIDTH, device="cuda")
    targets = torch.randn(BATCH, WIDTH, device="cuda")

    def step():
        optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.mse_loss(net(inputs), targets).backward()
        optimizer.step()

    return step


def inference():
    net = model().half().eval()
    inputs = torch.randn(8, WIDTH, device="cuda", dtype=torch.half)

    @torch.inference_mode()
    def step():
        net(inputs)

    return step


def main() -> None:
    step = {"training": training, "inference": inference}[sys.argv[1]]()
    for _ in range(20):
        step()
    torch.cuda.synchronize()
    print("ready", flush=True)
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    while not ended.is_set():
        for _ in range(20):
            step()
        torch.cuda.synchronize()


main()
