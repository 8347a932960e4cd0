import { loadTokenizer } from "phi-ts/tokenizer";
import { openSafetensors } from "../../src/formats/safetensors/index.ts";
import { loadPhi, SourceError } from "../../src/index.ts";
import { inProject, PHI_TINY } from "../engines/disk.ts";
import { phiTinyFolder } from "../fixtures.ts";
import { suite } from "../harness.ts";

/** The other suites load from a Source, which every engine has. */
suite("platform/load", ({ test, assert, engine }) => {
  test("loadPhi: the path of a folder gives the logits of its Source", async () => {
    const logits = async (source: Parameters<typeof loadPhi>[0]) => {
      const phi = await loadPhi(source);
      const last = await phi.forward([2044, 2015, 333, 2043, 2042]);
      await phi.dispose();
      return last;
    };
    assert.deepEqual(await logits(PHI_TINY), await logits(phiTinyFolder(engine)));
  });

  test("loadTokenizer: a folder and the path of its tokenizer.json give the ids of its Source", async () => {
    const text = "What is 12 + 30?<|end|>";
    const [fromSource, ...fromPaths] = await Promise.all(
      [phiTinyFolder(engine), PHI_TINY, `${PHI_TINY}/tokenizer.json`].map((input) => loadTokenizer(input)),
    );
    const ids = fromSource.encode(text, { parseSpecialTokens: true });
    for (const tokenizer of fromPaths) assert.deepEqual(tokenizer.encode(text, { parseSpecialTokens: true }), ids);
    assert.ok(Array.isArray(fromPaths[0].generationConfig?.eos_token_id), "generation_config.json is read");
  });

  test("openSafetensors: a folder and the path of its file give the tensors of its Source", async () => {
    const [fromSource, ...fromPaths] = await Promise.all(
      [phiTinyFolder(engine), PHI_TINY, `${PHI_TINY}/model.safetensors`].map((input) => openSafetensors(input)),
    );
    const names = [...fromSource.tensors.keys()];
    const data = await fromSource.read("model.norm.weight");
    for (const file of fromPaths) {
      assert.deepEqual([...file.tensors.keys()], names);
      assert.deepEqual(await file.read("model.norm.weight"), data);
      await file.close();
    }
    await fromSource.close();
  });

  test("a path where nothing is, of a file where a folder belongs, or without the files is a SourceError that says so", async () => {
    for (const worker of [false, true])
      await assert.rejects(loadPhi("/no/such/folder", { worker }), SourceError, /no\/such\/folder/);
    await assert.rejects(loadPhi(`${PHI_TINY}/tokenizer.json`), SourceError, /in its folder/);
    await assert.rejects(loadTokenizer(inProject("test/tokenizer")), SourceError, /tokenizer\.json/);
    await assert.rejects(loadTokenizer(inProject("no/such/folder")), SourceError);
  });
});
