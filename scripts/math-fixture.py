"""Writes test/fixtures/math.json: arguments of the functions in src/math and their values to 106 bits, by mpmath.

    python3 -m venv venv && venv/bin/pip install mpmath && venv/bin/python scripts/math-fixture.py

The file holds { function: [[x, hi, lo], ...] } (pow: [[x, y, hi, lo], ...]), hi the float64 next to the value and lo the rest.
With the argument "erfc" it prints the Chebyshev coefficients in src/math/erf.ts instead.
"""
import json, os, random, struct, sys
from mpmath import cos, erf, erfc, exp, fsum, log, mp, mpf, pi, power, sin, tanh

mp.prec = 400


def erfc_coefficients(count=25, nodes=60):
    def f(t):
        x = mpf("3.75") * (1 + t) / (1 - t)
        return (1 + 2 * x) * exp(x * x) * erfc(x)

    at = [cos(pi * (k + mpf(1) / 2) / nodes) for k in range(nodes)]
    values = [f(t) for t in at]
    c = [2 * fsum(values[k] * cos(pi * j * (k + mpf(1) / 2) / nodes) for k in range(nodes)) / nodes for j in range(nodes)]
    c[0] /= 2
    return [float(x) for x in c[:count]]


def split(value):
    hi = float(value)
    return [hi, float(value - mpf(hi))]


def f32(x):
    return struct.unpack("f", struct.pack("f", x))[0]


rng = random.Random(20)
spread = lambda lo, hi: rng.choice([-1, 1]) * 10 ** rng.uniform(lo, hi)
uniform = lambda a, b, n: [rng.uniform(a, b) for _ in range(n)]


def next_to(x):
    bits = struct.unpack("<q", struct.pack("<d", x))[0]
    return [struct.unpack("<d", struct.pack("<q", bits + d))[0] for d in (-1, 0, 1)]


# The float64 in reach that come nearest to a multiple of pi/2.
mp.prec = 120
half_pi = pi / 2
gap = lambda n: abs(mpf(float(half_pi * n)) - half_pi * n)
nearest = sorted(range(1, 667545), key=gap)[:60]
close = [float(half_pi * n) for n in nearest]
mp.prec = 400
rope = [f32(float(p) * f32(1 / f32(theta ** (2 * i / 96)))) for p in (1, 31, 4095, 65537, 131071) for theta in (1e4, 2.5e5) for i in (0, 1, 7, 23, 47)]
angles = close + rope + uniform(-4, 4, 60) + uniform(-1048576, 1048576, 60) + [spread(-12, 6) for _ in range(40)]
angles += next_to(0.7853981633974483) + next_to(2.356194490192345) + next_to(1048576.0)[:2] + [1e-300, 5e-324, 131072.0]

cases = {
    "exp": uniform(-745, 709, 80) + uniform(-1, 1, 60) + [spread(-18, 2) for _ in range(40)]
    + [k * 0.34657359027997264 for k in range(-30, 30)] + [709.782712893384, -708.3964185322641, -745.1332191019411, -744.0, 5e-324],
    "log": [10 ** rng.uniform(-307, 308) for _ in range(60)] + uniform(0.5, 2, 60) + [1 + spread(-16, -1) for _ in range(60)]
    + next_to(1.0) + next_to(0.7071067811865476) + next_to(1.4142135623730951) + [5e-324, 2.2250738585072014e-308, 1e-310, 1.7976931348623157e308],
    "sin": angles,
    "cos": angles,
    "tanh": uniform(-20, 20, 60) + uniform(-1, 1, 80) + [spread(-10, 1) for _ in range(60)] + next_to(0.17328679513998632) + [5e-324, 19.06154746539849],
    "erf": uniform(-6, 6, 80) + uniform(-1, 1, 60) + [spread(-12, 0) for _ in range(40)] + next_to(1.0) + [5e-324, 5.863584748755167],
    "erfc": uniform(-6, 6, 60) + uniform(0, 26, 80) + [spread(-12, 0) for _ in range(20)] + next_to(0.5) + [26.5, 26.6, 27.0],
}
real = {"exp": exp, "log": log, "sin": sin, "cos": cos, "tanh": tanh, "erf": erf, "erfc": erfc}
powers = [(theta, 2 * i / R) for theta in (1e4, 2.5e5, 5e5) for R in (32, 96, 128) for i in range(1, R // 2, 5)]
powers += [(10 ** rng.uniform(-300, 300), rng.uniform(-1, 1)) for _ in range(60)] + [(rng.uniform(0.1, 10), rng.uniform(-250, 250)) for _ in range(60)]
powers += [(1 + spread(-15, -3), spread(2, 5)) for _ in range(40)] + [(5e-324, 0.3), (1e-310, -0.7), (2.0, -1060.5), (-1.5, 7.0), (-3.0, -4.0), (0.5, 0.5), (2.0, 1023.999)]

if __name__ == "__main__":
    if sys.argv[1:] == ["erfc"]:
        print(erfc_coefficients())
        sys.exit()
    table = {name: [[x, *split(real[name](mpf(x)))] for x in xs] for name, xs in cases.items()}
    table["pow"] = [[x, y, *split(power(mpf(x), mpf(y)).real)] for x, y in powers]
    out = os.path.join(os.path.dirname(__file__), "..", "test", "fixtures", "math.json")
    os.makedirs(os.path.dirname(out), exist_ok=True)
    with open(out, "w") as file:
        rows = [f'"{name}": [\n' + ",\n".join(json.dumps(r) for r in rows) + "\n]" for name, rows in table.items()]
        file.write("{\n" + ",\n".join(rows) + "\n}\n")
