import { OptionError, PhiError } from "../../src/errors.ts";
import { chooseKernels } from "../../src/kernels/choose.ts";
import { createKernels, type WasmBuild } from "../../src/kernels/index.ts";
import type { Operations } from "../../src/kernels/kernels.ts";
import { bitsOf, KNOWN_ANSWERS, wrongAnswers } from "../../src/kernels/known-answers.ts";
import * as reference from "../../src/kernels/reference/index.ts";
import { REST } from "../../src/kernels/rest.ts";
import { simdKernels } from "../../src/kernels/simd.ts";
import { checkWasm, instantiate, moduleBytes, moduleOf, type WasmModules } from "../../src/kernels/wasm-module.ts";
import { Arena, Tensor } from "../../src/tensor/index.ts";
import { suite, unless } from "../harness.ts";
import { ANSWERS, BUILDS, bound, EVERY, FORMS } from "./kinds.ts";

const strictOn = (arena: Arena) => simdKernels(instantiate(arena, "strict", moduleOf("strict", EVERY)), "pairs", REST);

/** A build with `edit` done to its bytes. */
function edited(edit: (bytes: Uint8Array) => void, build: WasmBuild = "strict"): WasmModules {
  const bytes = moduleBytes(build, REST);
  edit(bytes);
  return { [build]: new WebAssembly.Module(bytes) };
}

/** Exchanges two exports: their names, which must be of one length, change places. */
function swapped(a: string, b: string, build: WasmBuild = "strict"): WasmModules {
  return edited((bytes) => {
    const [atA, atB] = [a, b].map((name) => find(bytes, [name.length, ...new TextEncoder().encode(name), 0]) + 1);
    bytes.set(new TextEncoder().encode(b), atA);
    bytes.set(new TextEncoder().encode(a), atB);
  }, build);
}

function find(bytes: Uint8Array, pattern: readonly number[]): number {
  const at = bytes.findIndex((_, i) => pattern.every((byte, j) => bytes[i + j] === byte));
  if (at < 0) throw new Error(`no bytes ${pattern}`);
  return at;
}

suite("kernels/known-answers", ({ test, assert }) => {
  for (const { name, bits, run } of ANSWERS) {
    for (const form of FORMS) {
      test(`${form.name}: ${name} leaves the bits that are known`, () => {
        const arena = new Arena(65536);
        const got = bitsOf(run(bound(form, arena), arena), arena);
        assert.ok(got === bits, `the bits are 0x${got.toString(16).padStart(8, "0")}`);
      });
    }

    const within = name.includes("attention, int8") ? 1e-3 : 1e-5; // int8: queries and weights are rounded to 14 bits
    test(`${name}: the known answer is that of the reference kernels, within ${within} of the greatest number`, () => {
      const [a, b] = [new Arena(65536), new Arena(65536)];
      const got = run(strictOn(a), a);
      const expected = run(reference as Operations, b);
      for (const [i, place] of got.entries()) {
        const other = expected[i];
        if (place instanceof Tensor && other instanceof Tensor) {
          const [x, y] = [Float64Array.from(place.data), Float64Array.from(other.data)];
          const greatest = y.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
          assert.ok(greatest > 0);
          assert.close(x, y, within * greatest);
        } else {
          assert.equal(bitsOf([place], a), bitsOf([other], b));
        }
      }
    });
  }

  test("every operation of the contract has a known answer", () => {
    const asked = new Set<string>();
    const arena = new Arena(65536);
    const ops = strictOn(arena);
    const spied = Object.fromEntries(
      Object.entries(ops).map(([name, op]) => [
        name,
        (...args: unknown[]) => {
          asked.add(name);
          (op as (...args: unknown[]) => void)(...args);
        },
      ]),
    ) as unknown as Operations;
    const mark = arena.mark();
    for (const { run } of ANSWERS) {
      arena.release(mark);
      run(spied, arena);
    }
    assert.deepEqual([...asked].sort(), Object.keys(ops).sort());
  });

  test("an operation that throws, and one that leaves a single bit wrong, are named; others are not", () => {
    assert.deepEqual(wrongAnswers(ANSWERS, strictOn), []);
    const names = wrongAnswers(ANSWERS, (arena) => {
      const ops = strictOn(arena);
      return {
        ...ops,
        softmax() {
          throw new WebAssembly.RuntimeError("unreachable");
        },
        argmax(out, x) {
          ops.argmax(out, x);
          (out.data as Int32Array)[4] ^= 1;
        },
      };
    });
    assert.deepEqual(names, ["softmax", "argmax"]);
  });
});

suite("kernels/rest", ({ test, assert }) => {
  for (const { name, build, form } of FORMS) {
    const alone = (arena: Arena) => simdKernels(instantiate(arena, build, moduleOf(build)), form, REST);

    test(`${name}, without the rest: what the decoder of phi3 calls answers rightly`, () => {
      assert.deepEqual(wrongAnswers(KNOWN_ANSWERS, alone), []);
    });

    test(`${name}, without the rest: nothing of it answers but what has a function in common with the others`, () => {
      const wrong = wrongAnswers(REST.answers, alone);
      const right = REST.answers.map(({ name }) => name).filter((name) => !wrong.includes(name));
      assert.deepEqual(right, ["storeKV and attention, block-sparse", "storeKV and attention, int8, block-sparse"]);
    });
  }

  test("a module that was proven for the core is asked again for the rest", () => {
    const [build] = BUILDS;
    const modules = { [build]: moduleOf(build) };
    assert.equal(chooseKernels(build, { modules }).kind, build);
    const error = assert.throws(() => chooseKernels(build, { modules, ...EVERY }), PhiError, /compute wrongly/);
    assert.equal((error as PhiError).code, "wasm_wrong");
  });
});

suite("kernels/choose", ({ test, assert, engine }) => {
  const edit = unless(
    engine.features.compileBytes ? undefined : `${engine.name} compiles no bytes while it runs`,
    test,
  );
  const WRONG: [what: string, modules: () => WasmModules, named: RegExp][] = [
    ["with two exports exchanged", () => swapped("softmax", "rmsnorm"), /build "strict": rmsnorm, softmax\)/],
    // i16 × 8: the bits of a nibble, of int8-tile.ts
    [
      "with a constant of its data changed",
      () => edited((bytes) => bytes.set([7], find(bytes, Array(8).fill([15, 0]).flat()))),
      /build "strict": linear q4 × int8, linear q4z × int8, linear, unpackRows and embed q2k\)/,
    ],
  ];
  for (const [what, modules, named] of WRONG) {
    edit(`a module ${what} is not used: auto takes the reference kernels and says so, strict is a PhiError`, () => {
      const wasm = modules();
      const { kind, notices } = chooseKernels("auto", { modules: wasm, ...EVERY });
      assert.equal(kind, "reference");
      assert.deepEqual(
        notices.map(({ code }) => code),
        ["wasm_wrong", "reference_kernels"],
      );
      assert.ok(named.test(notices[0].message), notices[0].message);
      const arena = new Arena(1024);
      for (const run of [
        () => chooseKernels("strict", { modules: wasm, ...EVERY }),
        () => createKernels(arena, "strict", { wasm }),
      ]) {
        assert.equal((assert.throws(run, PhiError, /computes? wrongly/) as PhiError).code, "wasm_wrong");
      }
    });
  }

  test("auto is the relaxed build where this engine takes it, else strict; both are had by name", () => {
    assert.equal(chooseKernels("auto", EVERY).kind, BUILDS[0]);
    engine.note("kernels that auto takes", BUILDS[0]);
    engine.note("forms of the int8 dot product that are right", FORMS.map(({ name }) => name).join(" · "));
    for (const build of BUILDS) assert.equal(createKernels(new Arena(1024), build).kind, build);
    if (!BUILDS.includes("relaxed")) {
      assert.equal(
        (assert.throws(() => chooseKernels("relaxed", EVERY), PhiError, /refuses/) as PhiError).code,
        "wasm",
      );
    }
  });

  if (BUILDS.includes("relaxed")) {
    edit("a relaxed module that computes wrongly gives way to strict, with a notice", () => {
      const wasm = { ...swapped("softmax", "rmsnorm", "relaxed"), strict: moduleOf("strict", EVERY) };
      const { kind, notices } = chooseKernels("auto", { modules: wasm, ...EVERY });
      assert.equal(kind, "strict");
      assert.deepEqual(
        notices.map(({ code }) => code),
        ["wasm_wrong"],
      );
    });

    edit("a form of the int8 dot product that computes wrongly gives way to another of the same build", () => {
      // The instructions of narrow and wide (0xfd 0x112 and 0x113) become others of their types, which multiply otherwise.
      const wasm = edited((bytes) => {
        for (let at = 0; at < bytes.length - 2; at++) {
          if (bytes[at] !== 0xfd || bytes[at + 2] !== 2) continue;
          if (bytes[at + 1] === 0x92) bytes[at + 1] = 0x91;
          else if (bytes[at + 1] === 0x93) bytes[at + 1] = 0x85;
        }
      }, "relaxed");
      const { kind, notices } = chooseKernels("relaxed", { modules: wasm, ...EVERY });
      assert.equal(kind, "relaxed");
      assert.deepEqual(notices, []);
    });
  }

  test("a module that was given is used, alone or under its build's name, and gives the same kernels", () => {
    const module = new WebAssembly.Module(moduleBytes("strict", REST));
    for (const wasm of [module, { strict: module }]) {
      const given = checkWasm("test", wasm);
      assert.deepEqual(Object.keys(given ?? {}), ["strict"]);
      assert.equal(moduleOf("strict", { modules: given, ...EVERY }), module);
      const { kind, notices } = chooseKernels("auto", { modules: given, ...EVERY });
      assert.equal(kind, "strict");
      assert.deepEqual(notices, []);
    }
    assert.equal(createKernels(new Arena(1024), "strict", { wasm: module }).kind, "strict");
  });

  test("the strict build has nothing in place of what needs relaxed SIMD: no such instruction, and a trap for who calls it", () => {
    const instructions = (build: WasmBuild) =>
      moduleBytes(build, REST).filter(
        (byte, i, code) => byte === 0xfd && (code[i + 1] & 0xe0) === 0x80 && code[i + 2] === 2,
      ).length;
    assert.ok(instructions("relaxed") > 10);
    assert.equal(instructions("strict"), 0);
    const wasm = instantiate(new Arena(1024), "strict", moduleOf("strict", EVERY));
    assert.throws(() => wasm.fastestForm(), WebAssembly.RuntimeError, /unreachable/i);
  });

  edit(
    "modules for shared memory are known by their own name, and differ from the others in it and in one byte",
    () => {
      for (const build of BUILDS) {
        const module = new WebAssembly.Module(moduleBytes(`${build}-shared`, REST));
        for (const wasm of [module, { [`${build}-shared`]: module, [build]: moduleOf(build, EVERY) }])
          assert.equal(checkWasm("test", wasm)?.[`${build}-shared`], module);
        assert.throws(() => checkWasm("test", { [build]: module }), OptionError, /-shared/);
        const [a, b] = [moduleBytes(build, REST), moduleBytes(`${build}-shared`, REST)];
        assert.equal(b.length - a.length, "-shared".length);
        const end = a.length - 40;
        assert.equal(a.subarray(0, end).filter((byte, i) => byte !== b[i]).length, 1);
      }
    },
  );

  edit("what is no module of this very version is an OptionError that says what was given", () => {
    const header = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
    const empty = new WebAssembly.Module(header);
    const older = edited((bytes) => {
      bytes[bytes.length - 1] ^= 1; // the last digit of the section phi-ts
    });
    assert.throws(() => checkWasm("loadPhi", empty), OptionError, /loadPhi.*without a section phi-ts/);
    assert.throws(() => checkWasm("loadPhi", older), OptionError, /version.*"strict [0-9a-f]{15}/);
    assert.throws(() => checkWasm("loadPhi", older.strict), OptionError, /version/);
    for (const wrong of [
      header,
      "strict.wasm",
      null,
      {},
      [],
      1,
      { strict: header },
      { fast: moduleOf("strict", EVERY) },
      { fast: undefined },
    ]) {
      assert.throws(() => checkWasm("loadPhi", wrong), OptionError, /WebAssembly.Module/);
    }
    assert.throws(() => createKernels(new Arena(1024), "strict", { wasm: empty }), OptionError, /createKernels/);
  });

  edit("reference kernels are taken as asked, whatever modules there are, without a notice", () => {
    assert.deepEqual(chooseKernels("reference", { modules: swapped("softmax", "rmsnorm") }).notices, []);
  });
});
