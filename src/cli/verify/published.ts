/**
 * What published Phi weights give, as the integration tests of Hugging Face transformers (tests/models) state it: figures and texts only. Nobody of
 * this project has run these weights; whoever has some compares with `phi verify`.
 *
 * `atol` and `rtol` are what a float32 run here is held to: ten times those of the tests (1e-4, of Phi-2 1e-3), which compare one program on several
 * machines, while ours sums in another order, layer after layer. The figures of Phi-3.5-MoE carry the rounding of bfloat16, eight bits.
 *
 * The test of Phi-4-mini-instruct states a text, too, of a run with LongRoPE taken out of the configuration: no published model gives it.
 */
const IDS = [1212, 318, 281, 1672, 2643, 290, 428, 318, 257, 1332];
const PHI = "transformers, tests/models/phi/test_modeling_phi.py";
const PHI3 = "transformers, tests/models/phi3/test_modeling_phi3.py";
const PHIMOE = "transformers, tests/models/phimoe/test_modeling_phimoe.py";
const PHI4_MULTIMODAL = "transformers, tests/models/phi4_multimodal/test_modeling_phi4_multimodal.py";

const BANANAS = [
  {
    role: "system",
    content: "You are a helpful digital assistant. Please provide safe, ethical and accurate information to the user.",
  },
  { role: "user", content: "Can you provide ways to eat combinations of bananas and dragonfruits?" },
];

export const PUBLISHED_REFERENCE = {
  logits: [
    {
      model: "microsoft/phi-1",
      source: PHI,
      arithmetic: "float32",
      atol: 0.001,
      rtol: 0.001,
      input_ids: IDS,
      positions: [0, 1],
      first_logits: [
        // biome-ignore format: one line a position
        [2.2671, 6.7684, -2.0107, -1.244, -1.5335, -2.3828, 6.9186, 6.4245, 3.1548, 0.9998, 0.076, 4.4653, 4.9857, 4.2956, 1.2308, -1.4178, 0.1361, 0.5191, -0.5699, -2.2201, -3.075, -3.96, -4.5936, -3.7394, -2.7777, 6.1874, -0.4148, -1.5684, -0.5967, 0.2395],
        // biome-ignore format: one line a position
        [1.7004, 4.0383, 0.0546, 0.453, -0.3619, -0.9021, 1.8355, 1.3587, 1.2406, 2.5775, -0.8834, 5.191, 4.2565, 4.1406, 3.0752, -0.9099, 1.1595, 0.0264, 0.3243, -1.1803, -1.3945, -2.1406, -3.9939, -1.4438, -2.9546, 3.9204, 1.0851, -1.0598, -1.7819, -0.4827],
      ],
    },
    {
      model: "microsoft/phi-1_5",
      source: PHI,
      arithmetic: "float32",
      atol: 0.001,
      rtol: 0.001,
      input_ids: IDS,
      positions: [0, 1],
      first_logits: [
        // biome-ignore format: one line a position
        [12.2922, 13.3507, 8.6963, 9.1355, 9.3502, 9.2667, 14.2027, 13.1363, 13.5446, 11.1337, 9.9279, 16.7195, 13.0768, 14.9141, 11.9965, 8.0233, 10.3129, 10.6118, 10.0204, 9.3827, 8.8344, 8.2806, 8.0153, 8.054, 7.0964, 16.5743, 11.1256, 9.6987, 11.477, 10.544],
        // biome-ignore format: one line a position
        [12.3323, 14.605, 8.9986, 8.158, 9.5654, 6.6728, 12.5966, 12.6662, 12.2784, 11.7522, 8.2039, 16.3102, 11.2203, 13.6088, 12.0125, 9.1021, 9.8216, 10.0987, 9.0926, 8.426, 8.8009, 7.6547, 6.8075, 7.7881, 7.4501, 15.7451, 10.5053, 8.3129, 10.0027, 9.2612],
      ],
    },
    {
      model: "microsoft/phi-2",
      source: PHI,
      arithmetic: "float32",
      atol: 0.01,
      rtol: 0.01,
      input_ids: IDS,
      positions: [0, 1],
      first_logits: [
        // biome-ignore format: one line a position
        [6.483, 6.1644, 3.4055, 2.2848, 5.4654, 2.836, 5.5975, 5.5391, 7.3101, 4.2498, 2.5913, 10.3885, 6.4359, 8.7982, 5.6534, 0.515, 2.7498, 3.193, 2.4334, 1.7781, 1.5613, 1.3067, 0.8291, 0.5633, 0.6522, 9.8191, 5.5771, 2.7987, 4.2845, 3.703],
        // biome-ignore format: one line a position
        [6.0642, 7.8242, 3.4634, 1.9259, 4.3169, 2.0913, 6.0446, 3.6804, 6.6736, 4.0727, 2.1791, 11.4139, 5.6795, 7.5652, 6.2039, 2.7174, 4.3266, 3.693, 2.8058, 2.6721, 2.3047, 2.0848, 2.0972, 2.0441, 1.316, 9.2085, 4.5557, 3.0296, 2.6045, 2.4059],
      ],
    },
    {
      model: "microsoft/Phi-3-mini-4k-instruct",
      source: PHI3,
      arithmetic: "float32",
      atol: 0.001,
      rtol: 0.001,
      input_ids: IDS,
      positions: [0, 1],
      first_logits: [
        // biome-ignore format: one line a position
        [8.9005, 8.538, 12.0361, 9.1562, 7.4068, 10.2581, 7.8991, 7.2447, 7.0626, 7.576, 7.8315, 9.4076, 16.1104, 20.129, 7.75, 7.1947, 6.155, 7.0563, 8.5344, 8.7248, 7.1359, 7.8237, 7.6817, 7.6395, 7.7924, 6.9702, 6.9097, 8.7074, 9.5768, 8.1145],
        // biome-ignore format: one line a position
        [18.709, 18.5701, 19.366, 21.5171, 17.5042, 17.8716, 16.3554, 17.4617, 18.1623, 16.5641, 17.7547, 18.0193, 23.8355, 29.4481, 16.3864, 16.056, 16.1543, 18.5507, 18.1343, 17.3883, 17.7422, 17.3012, 16.7657, 17.6874, 17.9067, 16.8301, 16.2719, 18.3709, 19.0318, 16.7315],
      ],
    },
    {
      model: "microsoft/Phi-3-mini-128k-instruct",
      source: PHI3,
      arithmetic: "float32",
      atol: 0.001,
      rtol: 0.001,
      input_ids: IDS,
      positions: [0, 1],
      first_logits: [
        // biome-ignore format: one line a position
        [10.6076, 10.6499, 14.0601, 19.8499, 15.1787, 19.3717, 19.9782, 17.0394, 15.7875, 18.1403, 19.2748, 12.6627, 20.2804, 24.5362, 18.8105, 15.3394, 12.1219, 15.9941, 19.0679, 16.4936, 17.0505, 16.8738, 17.309, 16.6572, 16.8754, 16.6912, 15.1627, 18.8721, 19.6017, 18.5513],
        // biome-ignore format: one line a position
        [16.2141, 18.7298, 17.4216, 21.9312, 17.7606, 17.6177, 16.7766, 17.9859, 18.4132, 17.4505, 18.6385, 18.5396, 23.626, 28.7443, 16.1817, 15.5148, 16.0035, 18.6652, 18.3087, 17.296, 17.8223, 17.7776, 16.8686, 17.4093, 17.8037, 17.2544, 16.7231, 18.6195, 19.6784, 16.6647],
      ],
    },
    {
      model: "microsoft/Phi-3.5-MoE-instruct",
      source: PHIMOE,
      arithmetic: "bfloat16",
      atol: 0.1,
      rtol: 0.02,
      input_ids: IDS,
      positions: [0, 1],
      first_logits: [
        // biome-ignore format: one line a position
        [-3.5312, -2.5, -1.2734, 0.3555, -0.7578, -0.4727, 0.5977, -0.4316, 0.2256, -1.2188, -1.6797, 0.9961, 3.7656, 11.3125, -1.3828, -4.8438, -5.75, -1.9375, 0.7227, -0.3438, -0.21, -0.4277, -0.0444, -0.5352, -0.6406, -0.1016, -0.4258, -1.0234, 0.4297, -0.625],
        // biome-ignore format: one line a position
        [-0.9883, 0.1455, -0.4902, 2.3594, 0.7031, 3.1406, 0.4375, 0.2559, 0.6172, -2.1094, -1.3359, 2.5938, 4.9062, 10.8125, -0.1094, 1.5781, -4.9375, 0.7148, -0.0972, 1.7656, -0.0801, 0.2217, 0.1875, -0.4629, 1.5781, 0.3535, 0.0874, 0.6836, -0.0518, -1.2969],
      ],
    },
  ],
  generations: [
    {
      model: "microsoft/Phi-3-mini-4k-instruct",
      source: PHI3,
      arithmetic: "float32",
      messages: BANANAS,
      max_new_tokens: 32,
      text: "Certainly! Bananas and dragonfruits can be combined in various delicious ways. Here are some ideas for incorporating these fruits into your",
    },
    {
      model: "microsoft/Phi-3-mini-128k-instruct",
      source: PHI3,
      arithmetic: "float32",
      messages: BANANAS,
      max_new_tokens: 32,
      text: "Certainly! Bananas and dragonfruits can be combined in various delicious and nutritious ways. Here are some creative and healthy",
    },
    {
      model: "microsoft/Phi-3.5-MoE-instruct",
      source: PHIMOE,
      arithmetic: "float32",
      messages: BANANAS,
      max_new_tokens: 32,
      text: "Certainly! Bananas and dragonfruits are both delicious and nutritious fruits that can be combined in various ways to create tast",
    },
    {
      model: "microsoft/phi-2",
      source: PHI,
      arithmetic: "float32",
      prompt: "Can you help me write a formal email to a potential business partner proposing a joint venture?",
      max_new_tokens: 30,
      text: "\nInput: Company A: ABC Inc.\nCompany B: XYZ Ltd.\nJoint Venture: A new online platform for e-commerce",
    },
    {
      model: "microsoft/Phi-4-multimodal-instruct",
      source: PHI4_MULTIMODAL,
      arithmetic: "float16 on a GPU",
      prompt: "<|user|>What is the answer for 1+1? Explain it.<|end|><|assistant|>",
      max_new_tokens: 20,
      text: "The answer for 1+1 is 2. This is because when you add one to another",
    },
  ],
};
