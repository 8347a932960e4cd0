"""Prints the coefficients of P in src/kernels/wasm/gelu.ts and their relative error.

    python3 -m venv venv && venv/bin/pip install mpmath && venv/bin/python scripts/gelu-fit.py

P approximates h(x) / t over 0 <= x <= 14.6, where h(x) = e^(x^2/2) * (1 - Phi(x)) and t = 1 / (1 + 0.3 x), with the least greatest relative
error (the exchange algorithm of E. Remez, 1934): between its extremes, the error of the best polynomial takes turns in sign.
"""
import struct
from mpmath import cos, erfc, exp, log, lu_solve, matrix, mp, mpf, nstr, pi, polyval, sign, sqrt

mp.dps = 40
DEGREE, C, END, GRID = 9, mpf("0.3"), mpf("14.6"), 600


def target(t):
    x = (1 / t - 1) / C
    return exp(x * x / 2) * erfc(x / sqrt(mpf(2))) / 2 / t


low = 1 / (1 + C * END)
chebyshev = lambda n: [(low + 1) / 2 - (1 - low) / 2 * cos(pi * k / (n - 1)) for k in range(n)]
grid = chebyshev(GRID + 1)
points = chebyshev(DEGREE + 2)
for _ in range(8):
    a = matrix(DEGREE + 2, DEGREE + 2)
    for i, t in enumerate(points):
        for j in range(DEGREE + 1):
            a[i, j] = t**j / target(t)
        a[i, DEGREE + 1] = (-1) ** i
    p = list(lu_solve(a, matrix([1] * (DEGREE + 2))))[: DEGREE + 1]
    errors = [polyval(p[::-1], t) / target(t) - 1 for t in grid]
    extremes = []
    for k, e in enumerate(errors):
        if 0 < k < GRID and abs(e) < max(abs(errors[k - 1]), abs(errors[k + 1])):
            continue
        if extremes and sign(errors[extremes[-1]]) == sign(e):
            if abs(e) > abs(errors[extremes[-1]]):
                extremes[-1] = k
        else:
            extremes.append(k)
    while len(extremes) > DEGREE + 2:
        extremes.pop(0 if abs(errors[extremes[0]]) < abs(errors[extremes[-1]]) else -1)
    if len(extremes) < DEGREE + 2:
        break
    points = [grid[k] for k in extremes]

print("as float32, from t^0 up:", [struct.unpack("f", struct.pack("f", float(c)))[0] for c in p])
print("relative error: 2^", nstr(log(max(abs(e) for e in errors), 2), 4))
