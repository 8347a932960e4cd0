/**
 * What a model's own generations begin with. They are only to send it different ways: text and talk, prose and lists, numbers, code, some
 * languages. Taken in order, a text and a message by turns.
 */
export const TEXT_OPENINGS: readonly string[] = [
  ...["The", "Once upon a time", "What is", "In", "def ", "How to", "It was", "1. ", "Q:", "A", "Why", "# "],
  ...["Dear", "There are", "If", "She", "When", "To", "They", '"', "Today", "For", "I", "First,"],
  ...["Der", "El", "Les", "import ", "Let x", "On a", "My", "He"],
];

export const CHAT_OPENINGS: readonly string[] = [
  "Hello!",
  "What is 17 + 25?",
  "Tell me a short story.",
  "Why is the sky blue?",
  "Write a Python function that reverses a list.",
  "A shop has 24 apples and sells 9 of them. How many are left?",
  "Explain how rain forms.",
  "List five animals that live in the sea.",
  "Who are you?",
  "Solve 3x + 4 = 19 step by step.",
  "Translate into French: The weather is fine today.",
  "Sort these words: pear, apple, fig",
  "What is the capital of Japan?",
  "Give me advice for learning to swim.",
  "What does this program print?\nfor i in range(3):\n    print(i * 2)",
  "Summarize the tale of the tortoise and the hare in two sentences.",
  "How many legs do 4 dogs and 3 birds have?",
  "Compare a bicycle and a car in a short table.",
  "Write a polite letter that asks for a refund.",
  "What is the difference between an acid and a base?",
  "Schreibe ein Gedicht mit vier Zeilen über den Herbst.",
  "Name three causes of the First World War.",
  'Return a JSON object with the keys "name" and "age" for Ada, who is 36.',
  "¿Cómo se prepara una tortilla de patatas?",
];
